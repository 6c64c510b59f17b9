"""``POST contacts/{id}/channels/{channel}/…``."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Block, Contact, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import ApiScope, BlockKind, Cause, Channel, Method, Reason, Weight
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import ContactFactory, today

pytestmark = pytest.mark.django_db
WORD = {"authorization": {"source": "verbal", "reference": "Call of today", "obtained_on": today().isoformat()}}
BODIES = {
    "opt-out": {"reason": "written_request"},
    "lift-opt-out": WORD,
    "quarantine": {},
    "lift-quarantine": {"note": "Open again"},
    "suppress": {"reason": "verbal_request"},
}


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1001", email="ann@example.org")


def act(program: Program, contact: Contact, action: str, body: Any = None, channel: str = "email") -> Any:
    return program.send(f"contacts/{contact.pk}/channels/{channel}/{action}", BODIES[action] if body is None else body)


def test_an_opt_out_shuts_one_channel_and_is_lifted(project: Project, ann: Contact) -> None:
    program = Program(project)

    out = act(program, ann, "opt-out")
    back = act(program, ann, "lift-opt-out")

    assert (out.status_code, back.status_code) == (200, 200)
    assert (out.json()["is_active"], out.json()["channels"]["email"]["opted_out"]) == (True, True)
    assert back.json()["channels"]["email"]["sendable"] is True
    entries = StatusHistory.objects.filter(contact=ann, aspect="opt_out").order_by("pk")
    assert [(entry.to_value, entry.weight, entry.method, entry.actor_label) for entry in entries] == [
        ("opted_out", Weight.REPORTED, "api", "Shop"),
        ("not_opted_out", Weight.OWN, "api", "Shop"),
    ]


def test_an_opt_out_of_a_channel_without_an_address_waits_for_one(project: Project, ann: Contact) -> None:
    program = Program(project)
    assert act(program, ann, "opt-out", channel="sms").status_code == 200

    changed = program.send(f"contacts/{ann.pk}", {"channels": {"sms": {"address": "+14185550137"}}}, method="PATCH")

    assert changed.json()["channels"]["sms"]["opted_out"] is True


def test_lifting_what_the_contact_did_takes_the_scope(project: Project, ann: Contact) -> None:
    opt_out(ann.as_set(), Channel.EMAIL, origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT, reason=Reason.OWN_REQUEST))

    refused = act(Program(project, [ApiScope.WRITE]), ann, "lift-opt-out")
    done = act(Program(project), ann, "lift-opt-out")

    assert (refused.status_code, refused.json()["code"]) == (403, "authorization_required")
    assert (done.status_code, done.json()["channels"]["email"]["opted_out"]) == (200, False)


def test_nothing_to_lift(project: Project, ann: Contact) -> None:
    for action in ("lift-opt-out", "lift-quarantine"):
        answer = act(Program(project), ann, action)
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_do")


@pytest.mark.parametrize("cause", [Cause.NO_SUCH_ADDRESS, Cause.DELIVERY_ERRORS])
def test_a_quarantine_says_why_and_is_lifted_with_a_reason(project: Project, ann: Contact, cause: Cause) -> None:
    program = Program(project, [ApiScope.WRITE])

    shut = act(program, ann, "quarantine", {"cause": cause, "note": "550 5.1.1"})
    without_reason = act(program, ann, "lift-quarantine", {})
    opened = act(program, ann, "lift-quarantine")

    assert shut.json()["channels"]["email"]["quarantined"] is True
    assert without_reason.status_code == 422
    assert opened.json()["channels"]["email"]["quarantined"] is False
    assert Block.objects.get(kind=BlockKind.QUARANTINE).cause == cause


def test_a_suppression_holds_for_whoever_has_the_address_in_this_project(project: Project, ann: Contact) -> None:
    sharing = ContactFactory(project=project, email="ann@example.org")
    program = Program(project)

    answer = act(program, ann, "suppress")

    assert answer.json()["channels"]["email"]["suppressed"] is True
    assert program.ask(f"contacts/{sharing.pk}").json()["channels"]["email"]["suppressed"] is True
    block = Block.objects.get(kind=BlockKind.SUPPRESSION)
    assert (block.project, block.cause) == (project, Cause.REQUEST)


@pytest.mark.parametrize("action", ["quarantine", "suppress"])
def test_without_an_address_there_is_nothing_to_block(project: Project, ann: Contact, action: str) -> None:
    answer = act(Program(project), ann, action, channel="sms")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_address")


@pytest.mark.parametrize("action", BODIES)
def test_who_may_not_and_what_is_not_there(project: Project, other_project: Project, ann: Contact, action: str) -> None:
    program = Program(project)
    elsewhere = ContactFactory(project=other_project, email="ann@example.org")

    assert act(Program(project, [ApiScope.READ]), ann, action).status_code == 403
    assert act(program, elsewhere, action).status_code == 404
    assert program.send(f"contacts/{NO_SUCH_ID}/channels/email/{action}", BODIES[action]).status_code == 404
    assert act(program, ann, action, channel="fax").status_code == 422
    assert not StatusHistory.objects.filter(actor_kind="token").exists()


@pytest.mark.parametrize("action", ["opt-out", "quarantine", "suppress"])
@pytest.mark.parametrize("body", [{"occurred_at": "2999-01-01T00:00:00Z"}, {"note": "\x00"}, {"unknown": 1}, []])
def test_what_makes_no_sense_is_refused(project: Project, ann: Contact, action: str, body: Any) -> None:
    assert act(Program(project), ann, action, body).status_code == 422
    assert not StatusHistory.objects.filter(actor_kind="token").exists()


@pytest.mark.parametrize("action", ["opt-out", "quarantine", "suppress"])
def test_the_same_key_in_the_request_adds_one_entry(project: Project, ann: Contact, action: str) -> None:
    program = Program(project)

    for _time in range(2):
        program.send(f"contacts/{ann.pk}/channels/email/{action}", BODIES[action], Idempotency_Key="once")

    assert StatusHistory.objects.filter(actor_kind="token").count() == 1
