"""What screens say of one entry."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.access import access_for
from contacts.models import Contact, Project, StatusHistory, User
from contacts.selectors.entries import EntryInWords, in_sentence, in_words
from contacts.services.status import deactivate
from contacts.services.undo import undo
from contacts.vocabulary import (
    GATES,
    ActorKind,
    Aspect,
    AuthorizationSource,
    Channel,
    Method,
    Reason,
    Says,
)
from tests.factories import ContactFactory, EntryDetailFactory, StatusHistoryFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1")


def told(entry: StatusHistory, user: User) -> EntryInWords:
    [words] = in_words(StatusHistory.objects.filter(pk=entry.pk), access_for(user, "newsletter"))
    return words


@pytest.mark.parametrize(
    ("fields", "title", "glyph"),
    [
        ({"aspect": "active", "says": "no", "to_value": "inactive"}, "Deactivated", "no"),
        ({"aspect": "active", "says": "yes"}, "Activated", "ok"),
        ({"aspect": "active", "says": "yes", "reason": "created"}, "Contact created", "ok"),
        ({"aspect": "opt_out", "channel": "sms", "says": "no"}, "Opted out of SMS", "no"),
        ({"aspect": "opt_out", "channel": "email", "says": "yes"}, "Email opt-out lifted", "ok"),
        ({"aspect": "quarantine", "channel": "email", "says": "no"}, "Email address quarantined", "no"),
        ({"aspect": "quarantine", "channel": "email", "says": "yes"}, "Email quarantine lifted", "ok"),
        ({"aspect": "suppression", "channel": "sms", "says": "no"}, "SMS number suppressed", "no"),
        ({"aspect": "suppression", "channel": "push", "says": "yes"}, "Push suppression lifted", "ok"),
        ({"aspect": "address", "channel": "push", "says": "value", "to_value": "a"}, "Push device added", "plus"),
        (
            {"aspect": "address", "channel": "email", "says": "value", "from_value": "a", "to_value": "b"},
            "Email address changed",
            "plus",
        ),
        ({"aspect": "address", "channel": "sms", "says": "value", "from_value": "a"}, "SMS number removed", "plus"),
        ({"aspect": "validity", "channel": "sms", "says": "value", "to_value": "valid"}, "SMS number valid", "plus"),
        (
            {"aspect": "validity", "channel": "email", "says": "value", "to_value": "invalid"},
            "Email address not valid",
            "plus",
        ),
        ({"aspect": "key", "says": "value", "from_value": "a", "to_value": "b"}, "Key changed", "plus"),
    ],
)
def test_title(contact: Contact, viewer: User, fields: dict[str, str], title: str, glyph: str) -> None:
    words = told(StatusHistoryFactory(contact=contact, **fields), viewer)

    assert (words.title, words.glyph) == (title, glyph)


@pytest.mark.parametrize("aspect", Aspect.values)
def test_every_entry_that_can_be_has_a_title(contact: Contact, viewer: User, aspect: str) -> None:
    channel = "" if aspect in (Aspect.ACTIVE, Aspect.KEY) else "email"

    for says in (Says.NO, Says.YES) if aspect in GATES else (Says.VALUE,):
        assert told(StatusHistoryFactory(contact=contact, aspect=aspect, says=says, channel=channel), viewer).title


@pytest.mark.parametrize(
    ("method", "reason", "how", "clause"),
    [
        ("opt_out_link", "own_request", "with an opt-out link", "opted out with a link"),
        ("form", "own_request", "with a form", "opted out with a form"),
        ("mail", "own_request", "by mail", "opted out by mail"),
        ("sms", "stop", "by replying STOP", "replied STOP"),
        ("api", "stop", "by replying STOP", "replied STOP"),
        ("spam_report", "complaint", "after a spam complaint", "complained about spam"),
        ("import", "replaced", "missing from the new list", "missing from the new list"),
        ("import", "", "in an import", "deactivated by an import"),
        (
            "manual", "verbal_request",
            "on a verbal request, noted by Ada", "asked to stop, a verbal request noted by Ada",
        ),
        ("manual", "other", "by Ada", "our own decision, by Ada"),
        ("bounce", "no_such_address", "the address does not exist", "our own decision, by Ada"),
    ],
)  # fmt: skip
def test_cause(contact: Contact, viewer: User, method: str, reason: str, how: str, clause: str) -> None:
    entry = StatusHistoryFactory(
        contact=contact, method=method, reason=reason, actor_kind=ActorKind.USER, actor_label="Ada"
    )

    words = told(entry, viewer)

    assert (words.how, words.clause) == (how, clause)


@pytest.mark.parametrize("method", Method.values)
def test_every_no_has_a_cause(contact: Contact, viewer: User, method: str) -> None:
    for reason in ("", *Reason.values):
        words = told(StatusHistoryFactory(contact=contact, method=method, reason=reason), viewer)
        assert words.how and words.clause


def test_sending_is_told_apart_from_other_evidence(contact: Contact, viewer: User) -> None:
    by_link = StatusHistoryFactory(contact=contact, method="opt_out_link", reason="own_request")
    EntryDetailFactory(entry=by_link, note="", evidence={"message": "Spring offers"})
    by_sms = StatusHistoryFactory(contact=contact, method="sms", reason="stop")
    EntryDetailFactory(entry=by_sms, note="", evidence={"message": "STOP"})
    line = StatusHistoryFactory(contact=contact, method="import")
    EntryDetailFactory(entry=line, note="", evidence={"file": "old.csv", "line": 7})

    assert (told(by_link, viewer).message, told(by_link, viewer).source) == ("Spring offers", "in Spring offers")
    assert (told(by_sms, viewer).message, told(by_sms, viewer).source) == ("", "Replied STOP")
    assert told(line, viewer).source == "old.csv, line 7"


def test_authorization_with_its_date(contact: Contact, viewer: User) -> None:
    entry = StatusHistoryFactory(
        contact=contact, says=Says.YES, reason=Reason.AUTHORIZED,
        authorization_source=AuthorizationSource.WRITTEN, authorization_on=date(2026, 3, 2),
    )  # fmt: skip

    assert told(entry, viewer).source == "authorized by a written request of 2 March 2026"


def test_late_word(contact: Contact, viewer: User) -> None:
    now = timezone.now()
    entry = StatusHistoryFactory(
        contact=contact, occurred_at=now - timedelta(days=9), recorded_at=now, from_value="active", to_value="active"
    )

    words = told(entry, viewer)

    assert (words.glyph, words.late) == ("late", "Kept, and changed nothing: a later word is newer.")
    assert words.dated == entry.occurred_at


def test_confirmation(contact: Contact, viewer: User) -> None:
    entry = StatusHistoryFactory(contact=contact, from_value="inactive", to_value="inactive")

    assert told(entry, viewer).confirmed == "Recorded once more; it held already."


def test_taken_back(contact: Contact, viewer: User, admin: User) -> None:
    origin = access_for(admin, "newsletter").origin(reason=Reason.VERBAL_REQUEST)
    deactivate(contact.as_set(), origin=origin)
    slip = StatusHistory.objects.get(request_id=origin.request_id)
    undo(StatusHistory.objects.filter(pk=slip.pk), origin=access_for(admin, "newsletter").origin())
    void = StatusHistory.objects.get(says=Says.VOID)

    assert told(slip, admin).voided == f"Taken back by entry {void.pk}."
    assert (told(void, viewer).title, told(void, viewer).glyph) == (f"Entry {slip.pk} taken back", "void")
    assert not told(slip, admin).may_undo


def test_who_may_take_back(contact: Contact, viewer: User, editor: User, admin: User) -> None:
    origin = access_for(admin, "newsletter").origin(reason=Reason.VERBAL_REQUEST)
    deactivate(contact.as_set(), origin=origin)
    entry = StatusHistory.objects.get(request_id=origin.request_id)

    assert [told(entry, user).may_undo for user in (viewer, editor, admin)] == [False, False, True]


def test_a_page_of_entries_costs_what_one_does(contact: Contact, viewer: User, django_assert_num_queries: Any) -> None:
    for _number in range(20):
        EntryDetailFactory(entry=StatusHistoryFactory(contact=contact))
    access = access_for(viewer, "newsletter")

    for size in (1, 20):
        with django_assert_num_queries(3):
            in_words(StatusHistory.objects.filter(contact=contact)[:size], access)


def test_channels_in_a_sentence() -> None:
    assert [in_sentence(channel) for channel in (*Channel.values, "")] == ["email", "SMS", "push", ""]
