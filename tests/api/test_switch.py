"""``POST contacts/{id}/deactivate`` and ``activate``."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.models import Contact, EntryDetail, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope, Aspect, Channel, Method, Reason, Weight
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import ContactFactory, today

pytestmark = pytest.mark.django_db
PLAIN = [ApiScope.READ, ApiScope.WRITE]


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1001", email="ann@example.org")


def word(**fields: Any) -> dict[str, Any]:
    return {
        "authorization": {
            "source": "written", "reference": "Ticket 5512", "obtained_on": today().isoformat(), **fields
        }
    }  # fmt: skip


def by_link() -> Origin:
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, reason=Reason.OWN_REQUEST)


def test_deactivating_stops_every_channel(project: Project, ann: Contact) -> None:
    answer = Program(project).send(
        f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request", "note": "By telephone"}
    )

    assert answer.status_code == 200
    assert answer.json()["is_active"] is False
    assert answer.json()["channels"]["email"]["sendable"] is False
    assert answer.headers["ETag"]


@pytest.mark.parametrize(
    ("reason", "weight"),
    [
        ("other", Weight.OURS),
        ("verbal_request", Weight.REPORTED),
        ("written_request", Weight.REPORTED),
        ("own_request", Weight.OWN),
    ],
)
def test_the_reason_decides_the_weight(project: Project, ann: Contact, reason: str, weight: int) -> None:
    earlier = timezone.now() - timedelta(days=3)
    body = {
        "reason": reason, "note": "Said so", "requested_on": today().isoformat(), "occurred_at": earlier.isoformat()
    }  # fmt: skip

    Program(project).send(f"contacts/{ann.pk}/deactivate", body)

    entry = StatusHistory.objects.get(contact=ann, aspect=Aspect.ACTIVE, says="no")
    assert (entry.weight, entry.reason, entry.method, entry.actor_label) == (weight, reason, "api", "Shop")
    assert (entry.occurred_at, entry.requested_on) == (earlier, today())
    assert EntryDetail.objects.get(entry=entry).note == "Said so"


def test_the_same_key_in_the_request_adds_one_entry(project: Project, ann: Contact) -> None:
    program = Program(project)

    for _time in range(2):
        program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"}, Idempotency_Key="once")

    assert StatusHistory.objects.filter(contact=ann, to_value="inactive").count() == 1


def test_a_second_request_is_a_request_of_its_own(project: Project, ann: Contact) -> None:
    program = Program(project)

    for _time in range(2):
        assert program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"}).status_code == 200

    assert StatusHistory.objects.filter(contact=ann, to_value="inactive").count() == 2


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "mood"},
        {"occurred_at": "2999-01-01T00:00:00Z"},
        {"occurred_at": "2026-01-01T00:00:00"},
        {"occurred_at": "9999-12-31T23:59:59Z"},
        {"occurred_at": "0001-01-01T00:00:00+14:00"},
        {"requested_on": "2999-01-01"},
        {"requested_on": "0001-01-01"},
        {"requested_on": "9999-12-31"},
        {"note": "x" * 2_001},
        {"note": "a\x00"},
        {"weight": 3},
    ],
)
def test_what_makes_no_sense_is_refused(project: Project, ann: Contact, body: dict[str, Any]) -> None:
    answer = Program(project).send(f"contacts/{ann.pk}/deactivate", body)

    assert answer.status_code == 422
    ann.refresh_from_db()
    assert ann.is_active


def test_an_authorization_activates_whom_we_deactivated(project: Project, ann: Contact) -> None:
    program = Program(project, PLAIN)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "other"})

    answer = program.send(f"contacts/{ann.pk}/activate", {**word(), "note": "Was a mistake"})

    assert (answer.status_code, answer.json()["is_active"]) == (200, True)
    entry = StatusHistory.objects.get(contact=ann, to_value="active", reason=Reason.AUTHORIZED)
    assert (entry.authorization_source, entry.authorization_on, entry.weight) == ("written", today(), Weight.OURS)


@pytest.mark.parametrize("reason", ["verbal_request", "own_request"])
def test_what_the_contact_said_takes_the_scope(project: Project, ann: Contact, reason: str) -> None:
    plain = Program(project, PLAIN)
    plain.send(f"contacts/{ann.pk}/deactivate", {"reason": reason})

    refused = plain.send(f"contacts/{ann.pk}/activate", word())
    done = Program(project).send(f"contacts/{ann.pk}/activate", word())

    assert (refused.status_code, refused.json()["code"]) == (403, "authorization_required")
    assert "authorize" in refused.json()["remedy"]
    assert (done.status_code, done.json()["is_active"]) == (200, True)


def test_a_complaint_no_token_lifts(project: Project, ann: Contact) -> None:
    deactivate(ann.as_set(), origin=Origin(Method.SPAM_REPORT, THE_CONTACT, reason=Reason.COMPLAINT))

    answer = Program(project).send(f"contacts/{ann.pk}/activate", word())

    assert (answer.status_code, answer.json()["code"]) == (403, "authorization_required")
    assert "organization" in answer.json()["remedy"]
    ann.refresh_from_db()
    assert not ann.is_active


def test_an_authorization_of_before_the_no_is_too_old(project: Project, ann: Contact) -> None:
    deactivate(ann.as_set(), origin=by_link())

    answer = Program(project).send(
        f"contacts/{ann.pk}/activate", word(obtained_on=(today() - timedelta(days=2)).isoformat())
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "authorization_too_old")


def test_an_authorization_of_tomorrow_is_refused(project: Project, ann: Contact) -> None:
    deactivate(ann.as_set(), origin=by_link())

    answer = Program(project).send(
        f"contacts/{ann.pk}/activate", word(obtained_on=(today() + timedelta(days=2)).isoformat())
    )

    assert (answer.status_code, answer.json()["code"]) == (422, "in_the_future")


def test_it_opens_the_channels_that_it_covers_and_no_others(project: Project, ann: Contact) -> None:
    deactivate(ann.as_set(), origin=by_link())
    for channel in (Channel.EMAIL, Channel.SMS):
        opt_out(ann.as_set(), channel, origin=by_link())

    answer = Program(project).send(f"contacts/{ann.pk}/activate", word(covers=["email"]))

    assert answer.json()["channels"]["email"]["opted_out"] is False
    assert ann.channel_statuses.get(channel=Channel.SMS).opted_out


def test_an_authorization_is_never_followed_by_half(project: Project, ann: Contact) -> None:
    program = Program(project, PLAIN)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "other"})
    opt_out(ann.as_set(), Channel.EMAIL, origin=by_link())

    answer = program.send(f"contacts/{ann.pk}/activate", word(covers=["email"]))

    assert answer.status_code == 403
    ann.refresh_from_db()
    assert not ann.is_active


def test_who_is_active_has_nothing_to_activate(project: Project, ann: Contact) -> None:
    answer = Program(project).send(f"contacts/{ann.pk}/activate", word())

    assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_do")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"authorization": {}},
        word(source="rumour"),
        word(reference=""),
        word(obtained_on="0001-01-01"),
        word(covers=["fax"]),
        word(authority=3),
    ],
)
def test_without_an_authorization_nobody_is_activated(project: Project, ann: Contact, body: dict[str, Any]) -> None:
    program = Program(project)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "other"})

    assert program.send(f"contacts/{ann.pk}/activate", body).status_code == 422
    ann.refresh_from_db()
    assert not ann.is_active


@pytest.mark.parametrize("action", ["deactivate", "activate"])
def test_who_may_not_and_what_is_not_there(project: Project, other_project: Project, ann: Contact, action: str) -> None:
    body = word() if action == "activate" else {}
    reader, program = Program(project, [ApiScope.READ]), Program(project)
    elsewhere = ContactFactory(project=other_project)

    assert reader.send(f"contacts/{ann.pk}/{action}", body).status_code == 403
    assert program.send(f"contacts/{elsewhere.pk}/{action}", body).status_code == 404
    assert program.send(f"contacts/{NO_SUCH_ID}/{action}", body).status_code == 404
    assert elsewhere.is_active


def test_a_user_sees_by_which_token_it_was(client: Any, project: Project, ann: Contact, admin: User) -> None:
    Program(project, name="Shop of Lévis").send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})
    client.force_login(admin)

    assert "Shop of Lévis" in client.get(f"/p/{project.slug}/contacts/{ann.pk}/").content.decode()
