"""``GET contacts/{id}/eligibility``: may this contact be sent to, and why?"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType, ConsentHistory
from consent.services.consents import grant, withdraw
from contacts.addresses import normalise
from contacts.models import Contact, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.services.blocks import quarantine, suppress
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope, Aspect, Cause, Channel, Method, Reason
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import CommunicationTypeFactory, ContactFactory, ProjectFactory, by_the_system

pytestmark = pytest.mark.django_db
OWN = Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST)
KEYS = [
    "active", "has_address", "valid_address", "not_quarantined", "not_suppressed", "not_opted_out", "consent"
]  # fmt: skip


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", channels=["email", "sms"], accepts_implied=True)


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project, [ApiScope.SEND_CHECK])


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, email="ann@example.org", first_name="Ann")


def explain(program: Program, contact: Contact, **asked: Any) -> dict[str, Any]:
    answer = program.ask(f"contacts/{contact.pk}/eligibility", **{"channel": "email", **asked})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def failing(shape: dict[str, Any]) -> list[str]:
    return [condition["key"] for condition in shape["conditions"] if not condition["met"]]


def entry_of(shape: dict[str, Any], key: str) -> int | None:
    return next(condition["entry"] for condition in shape["conditions"] if condition["key"] == key)


def test_every_condition_is_told_in_order(program: Program, ann: Contact, news: CommunicationType) -> None:
    grant(ann.as_set(), news, "email", origin=OWN)

    shape = explain(program, ann, communication_type="news")

    assert set(shape) == {"sendable", "conditions"}
    assert shape["sendable"] is True
    assert [condition["key"] for condition in shape["conditions"]] == KEYS
    assert all(set(condition) == {"key", "met", "label", "entry"} for condition in shape["conditions"])
    assert entry_of(shape, "has_address") == StatusHistory.objects.get(contact=ann, aspect=Aspect.ADDRESS).pk
    assert entry_of(shape, "consent") == ConsentHistory.objects.get(contact=ann).pk


def test_without_a_type_consent_is_not_asked(program: Program, ann: Contact) -> None:
    assert [condition["key"] for condition in explain(program, ann)["conditions"]] == KEYS[:-1]


def test_each_failing_condition_names_the_entry_that_caused_it(
    program: Program, ann: Contact, project: Project, news: CommunicationType
) -> None:
    address = normalise(Channel.EMAIL, "ann@example.org")
    deactivate(ann.as_set(), origin=by_the_system())
    deactivate(ann.as_set(), origin=OWN)
    opt_out(ann.as_set(), "email", origin=OWN)
    quarantine(ann.as_set(), "email", origin=by_the_system())
    suppress([address], organization=project.organization, recorded_in=project, cause=Cause.REQUEST, origin=OWN)
    withdraw(ann.as_set(), news, "email", origin=OWN)

    shape = explain(program, ann, communication_type=news.pk)

    assert failing(shape) == ["active", "not_quarantined", "not_suppressed", "not_opted_out", "consent"]
    for key, aspect in (
        ("active", Aspect.ACTIVE), ("not_quarantined", Aspect.QUARANTINE), ("not_suppressed", Aspect.SUPPRESSION),
        ("not_opted_out", Aspect.OPT_OUT),
    ):  # fmt: skip
        entry = StatusHistory.objects.get(pk=entry_of(shape, key))
        assert (entry.aspect, entry.says) == (aspect, "no")
    heaviest = StatusHistory.objects.get(pk=entry_of(shape, "active"))
    assert heaviest.weight == 2, "the person's own no, and not ours before it"
    assert entry_of(shape, "consent") == ConsentHistory.objects.get(contact=ann).pk


def test_an_entry_of_another_project_is_not_told(program: Program, ann: Contact, project: Project) -> None:
    sister = ProjectFactory(organization=project.organization)
    address = normalise(Channel.EMAIL, "ann@example.org")
    suppress(
        [address], organization=project.organization, recorded_in=sister, cause=Cause.LISTED, origin=by_the_system()
    )

    shape = explain(program, ann)

    assert failing(shape) == ["not_suppressed"]
    assert entry_of(shape, "not_suppressed") is None


def test_the_past_is_asked_with_two_clocks(program: Program, ann: Contact, news: CommunicationType) -> None:
    grant(ann.as_set(), news, "email", origin=OWN)
    granted = timezone.now()
    withdraw(ann.as_set(), news, "email", origin=OWN)
    withdrawn = timezone.now()
    deactivate(ann.as_set(), origin=by_the_system(occurred_at=granted))  # learned now

    now = explain(program, ann, communication_type="news")
    then = explain(program, ann, communication_type="news", at=withdrawn.isoformat())
    as_known = explain(program, ann, communication_type="news", at=granted.isoformat(), known_at=granted.isoformat())

    assert failing(now) == ["active", "consent"]
    assert failing(then) == ["active", "consent"]
    assert failing(as_known) == []
    assert entry_of(as_known, "consent") == ConsentHistory.objects.get(contact=ann, word="granted").pk
    assert entry_of(then, "consent") == ConsentHistory.objects.get(contact=ann, word="withdrawn").pk


def test_before_the_contact_there_is_nothing(program: Program, ann: Contact) -> None:
    long_ago = (timezone.now() - timedelta(days=9)).isoformat()
    answer = program.ask(f"contacts/{ann.pk}/eligibility", channel="email", at=long_ago)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_in_register_then")


def test_queries_do_not_grow(program: Program, project: Project, news: CommunicationType) -> None:
    few, many = (ContactFactory(project=project, email=f"{name}@example.org") for name in ("few", "many"))
    for _each in range(8):
        deactivate(many.as_set(), origin=OWN)
        opt_out(many.as_set(), "email", origin=OWN)
        withdraw(many.as_set(), news, "email", origin=OWN)
    deactivate(few.as_set(), origin=OWN)
    opt_out(few.as_set(), "email", origin=OWN)
    withdraw(few.as_set(), news, "email", origin=OWN)
    counts = []
    for contact in (few, few, many):
        with CaptureQueriesContext(connection) as queries:
            explain(program, contact, communication_type="news")
        counts.append(len(queries))
    assert counts[1] == counts[2]


def test_send_check_alone_is_asked_for(project: Project, ann: Contact) -> None:
    others = [scope for scope in ApiScope.values if scope != ApiScope.SEND_CHECK]
    answer = Program(project, others).ask(f"contacts/{ann.pk}/eligibility", channel="email")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")


def test_contacts_of_others_are_not_found(program: Program, other_project: Project) -> None:
    theirs = ContactFactory(project=other_project, email="ann@example.org")
    for number in (theirs.pk, 0, NO_SUCH_ID):
        assert program.ask(f"contacts/{number}/eligibility", channel="email").status_code == 404


@pytest.mark.parametrize(
    "asked",
    [
        {"channel": "fax"},
        {"communication_type": "nothing"},
        {"communication_type": "\x00"},
        {"communication_type": "x" * 60},
        {"at": "yesterday"},
        {"at": "2026-01-01"},
        {"at": "99999-01-01T00:00:00Z"},
        {"at": "2990-01-01T00:00:00Z"},
        {"known_at": "2990-01-01T00:00:00Z"},
    ],
)
def test_what_cannot_be_asked_is_refused(program: Program, ann: Contact, asked: dict[str, str]) -> None:
    answer = program.ask(f"contacts/{ann.pk}/eligibility", **{"channel": "email", **asked})
    assert answer.status_code == 422
    assert answer.json()["errors"]
