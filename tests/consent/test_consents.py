"""Granting, withdrawing and what either weighs: DESIGN, rules 3 and 10."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentDetail, ConsentHistory
from consent.services.consents import (
    ImpliedNotAccepted,
    NoConsentNeeded,
    NotOnChannel,
    ask,
    grant,
    implied_end,
    noes_on,
    withdraw,
)
from consent.services.projection import state
from consent.services.undo import undo
from consent.vocabulary import Basis, ConsentState, ImpliedBy, Word
from contacts.eligibility import Question, audience, explain, first_failing, project_audience
from contacts.errors import AuthorizationRequired, AuthorizationTooOld, CannotUndo, InTheFuture, StaleConfirmation
from contacts.models import Contact, ErasureReceipt, Project
from contacts.origin import Said
from contacts.services.erasure import erase, erasure_preview
from contacts.services.merging import merge
from contacts.services.opt_outs import opt_out
from contacts.services.verify import differences
from contacts.vocabulary import Channel
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory, by_the_system, today
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    OTHER_EDITOR,
    asked,
    authorized,
    by,
    by_complaint,
    by_link,
    days_ago,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, accepts_implied=True)


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, email="ann@example.org", sms="+14185550137")


def agrees(contact: Contact, topic: CommunicationType, **asked_for: object) -> bool:
    """Whether they meet the condition of consent to be sent the newsletter by email."""
    verdict = explain(contact, Question(Channel.EMAIL, topic, **asked_for))  # type: ignore[arg-type]
    assert verdict is not None
    return not verdict.fails("consent")


def state_of(contact: Contact) -> str:
    return Consent.objects.filter(contact=contact).values_list(state(timezone.now()), flat=True).get()


def nothing_differs() -> bool:
    return not list(differences())


def test_nothing_is_sent_without_consent(ann: Contact, newsletter: CommunicationType) -> None:
    verdict = explain(ann, Question(Channel.EMAIL, newsletter))
    assert verdict is not None
    assert [outcome.key for outcome in verdict.outcomes if not outcome.met] == ["consent"]


def test_a_grant_allows_one_type_on_one_channel(ann: Contact, newsletter: CommunicationType) -> None:
    other = CommunicationTypeFactory(project=newsletter.project)
    change = grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    assert (change.changed, change.confirmed) == (1, 0)
    assert agrees(ann, newsletter)
    assert not agrees(ann, other)
    assert not explain(ann, Question(Channel.SMS, newsletter)).sendable  # type: ignore[union-attr]
    assert nothing_differs()


def test_an_administrative_type_needs_none(ann: Contact, project: Project) -> None:
    receipts = CommunicationTypeFactory(project=project, administrative=True)
    assert explain(ann, Question(Channel.EMAIL, receipts)).sendable  # type: ignore[union-attr]
    with pytest.raises(NoConsentNeeded):
        grant(ann.as_set(), receipts, Channel.EMAIL, origin=by_form())


def test_a_type_is_granted_on_its_channels_alone(ann: Contact, project: Project) -> None:
    letters = CommunicationTypeFactory(project=project, channels=["email"])
    with pytest.raises(NotOnChannel):
        grant(ann.as_set(), letters, Channel.SMS, origin=by_form())


def test_the_same_request_twice_writes_one_entry(ann: Contact, newsletter: CommunicationType) -> None:
    origin = by_form()
    for _time in range(2):
        change = grant(ann.as_set(), newsletter, Channel.EMAIL, origin=origin)
    assert (change.recorded, change.repeated) == (0, 1)
    assert ConsentHistory.objects.count() == 1


@pytest.mark.parametrize(
    ("no", "yes", "is_open"),
    [
        ("asked", "import", False),
        ("asked", "implied", False),
        ("asked", "editor", True),
        ("asked", "form", True),
        ("link", "import", False),
        ("link", "implied", False),
        ("link", "editor", False),
        ("link", "admin", True),
        ("link", "form", True),
        ("complaint", "admin", False),
        ("complaint", "form", False),
        ("complaint", "organization admin", True),
    ],
)
def test_a_withdrawal_falls_to_a_later_yes_of_its_weight(
    ann: Contact, newsletter: CommunicationType, no: str, yes: str, is_open: bool
) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    noes = {"asked": asked(), "link": by_link(), "complaint": by_complaint()}
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=noes[no])
    assert not agrees(ann, newsletter)
    actors = {"editor": EDITOR, "admin": ADMIN, "organization admin": ORGANIZATION_ADMIN}
    if yes in actors:
        change = grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by(actors[yes]), authorization=authorized())
        assert isinstance(change.skipped[0].error, AuthorizationRequired) if not is_open else not change.skipped
    elif yes == "form":
        grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    elif yes == "import":
        grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import())
    else:
        grant(
            ann.as_set(), newsletter, Channel.EMAIL, origin=by(EDITOR), basis=Basis.IMPLIED,
            implied_by=ImpliedBy.PURCHASE, implied_until=timezone.now() + timedelta(days=700),
        )  # fmt: skip
    assert agrees(ann, newsletter) is is_open
    assert nothing_differs()


def test_a_user_grants_without_authorization_where_nothing_was_withdrawn(
    ann: Contact, newsletter: CommunicationType
) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by(EDITOR, note="Signed at the fair."))
    assert agrees(ann, newsletter)
    assert ConsentDetail.objects.get().note == "Signed at the fair."
    assert nothing_differs()


def test_a_user_needs_an_authorization_after_a_withdrawal(ann: Contact, newsletter: CommunicationType) -> None:
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked())
    change = grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by(EDITOR))
    with pytest.raises(AuthorizationRequired):
        change.or_raise()
    old = grant(
        ann.as_set(), newsletter, Channel.EMAIL, origin=by(EDITOR), authorization=authorized(today() - timedelta(2))
    )
    assert isinstance(old.skipped[0].error, AuthorizationTooOld)
    assert ConsentHistory.objects.filter(word=Word.GRANTED).count() == 0


def test_an_authorization_speaks_of_what_its_user_was_shown(ann: Contact, newsletter: CommunicationType) -> None:
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked())
    shown = noes_on([ann.pk], newsletter, Channel.EMAIL)
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link())
    with pytest.raises(StaleConfirmation):
        grant(
            ann.as_set(), newsletter, Channel.EMAIL, origin=by(ADMIN), authorization=authorized(), shown=shown
        )  # fmt: skip


def test_a_withdrawal_that_is_learned_late_changes_nothing_after_a_later_own_yes(
    ann: Contact, newsletter: CommunicationType
) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    change = withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked(occurred_at=days_ago(3)))
    assert (change.changed, change.confirmed) == (0, 1)
    assert agrees(ann, newsletter)


def test_an_imported_grant_is_outweighed_by_a_withdrawal_from_before_it(
    ann: Contact, newsletter: CommunicationType
) -> None:
    """“The last word decides” would write to somebody who said no: the import's word is not theirs."""
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import())
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked(occurred_at=days_ago(3)))
    assert not agrees(ann, newsletter)


def test_implied_consent_ends_by_itself_and_a_renewal_extends_it(ann: Contact, newsletter: CommunicationType) -> None:
    now = timezone.now()
    for until in (now + timedelta(days=10), now + timedelta(days=30), now + timedelta(days=20)):
        grant(
            ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED,
            implied_by=ImpliedBy.INQUIRY, implied_until=until,
        )  # fmt: skip
    assert agrees(ann, newsletter)
    assert agrees(ann, newsletter, at=now + timedelta(days=29))
    assert not agrees(ann, newsletter, at=now + timedelta(days=31))
    assert state_of(ann) == ConsentState.IMPLIED
    assert nothing_differs()


def test_an_implied_consent_that_is_over_leaves_a_question_pending(ann: Contact, newsletter: CommunicationType) -> None:
    """Each entry says what it changed, and this one changed nothing."""
    ask(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    grant(
        ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED,
        implied_by=ImpliedBy.PURCHASE, implied_until=days_ago(3),
    )  # fmt: skip
    assert state_of(ann) == ConsentState.PENDING
    assert ConsentHistory.objects.latest("pk").to_state == ConsentState.PENDING


def test_what_a_merge_carries_over_says_what_it_changed(ann: Contact, newsletter: CommunicationType) -> None:
    """An express consent, then an implied one that is over: the later entry takes nothing from the first."""
    other = ContactFactory(project=ann.project)
    grant(other.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    for until in (days_ago(3), days_ago(2)):
        grant(
            other.as_set(), newsletter, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED,
            implied_by=ImpliedBy.PURCHASE, implied_until=until,
        )  # fmt: skip
    merge(ann, other, origin=by(ADMIN))
    told = ConsentHistory.objects.filter(contact=ann.pk).order_by("pk").values_list("from_state", "to_state")
    assert list(told) == [("none", "express"), ("express", "express"), ("express", "express")]
    assert state_of(ann) == ConsentState.EXPRESS
    assert nothing_differs()


def test_implied_consent_counts_only_where_the_type_accepts_it(ann: Contact, newsletter: CommunicationType) -> None:
    until = timezone.now() + timedelta(days=10)
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED, implied_until=until)
    newsletter.accepts_implied = False
    newsletter.save()
    assert not agrees(ann, newsletter)
    assert not agrees(ann, newsletter, at=timezone.now())
    with pytest.raises(ImpliedNotAccepted):
        grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(), basis=Basis.IMPLIED, implied_until=until)


@pytest.mark.parametrize(
    ("implied_by", "day", "end"),
    [
        (ImpliedBy.INQUIRY, date(2026, 8, 31), date(2027, 2, 28)),
        (ImpliedBy.PURCHASE, date(2024, 2, 29), date(2026, 2, 28)),
        (ImpliedBy.MEMBERSHIP, date(2027, 12, 31), date(2029, 12, 31)),
        (ImpliedBy.INQUIRY, date(2026, 6, 15), date(2026, 12, 15)),
        (ImpliedBy.INQUIRY, date(2026, 5, 31), date(2026, 11, 30)),
    ],
)
def test_implied_consent_lasts_as_the_law_says(
    newsletter: CommunicationType, implied_by: str, day: date, end: date
) -> None:
    zone = ZoneInfo("America/Toronto")
    found = implied_end(newsletter, implied_by, day, zone).astimezone(zone)
    assert found.date() == end
    assert (found + timedelta(microseconds=1)).astimezone(zone).date() == end + timedelta(days=1)


def test_pending_changes_nothing(ann: Contact, newsletter: CommunicationType) -> None:
    ask(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    assert state_of(ann) == ConsentState.PENDING
    assert not agrees(ann, newsletter)
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link())
    ask(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    assert state_of(ann) == ConsentState.WITHDRAWN
    assert nothing_differs()


def test_an_opt_out_link_used_twice_writes_one_withdrawal(ann: Contact, newsletter: CommunicationType) -> None:
    for _time in range(3):
        withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link(), unless_standing=True)
    assert ConsentHistory.objects.count() == 1
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link(), unless_standing=True)
    assert not agrees(ann, newsletter)


def test_each_of_a_set_says_its_own_moment_line_and_proof(project: Project, newsletter: CommunicationType) -> None:
    ann, bob = ContactFactory(project=project), ContactFactory(project=project)
    said = {ann.pk: Said(days_ago(10), 2), bob.pk: Said(None, 3)}
    origin = by_import(evidence={"file": "list.csv"})
    contacts = Contact.objects.filter(pk__in=[ann.pk, bob.pk])
    grant(contacts, newsletter, Channel.EMAIL, origin=origin, said=said, proofs={ann.pk: "Card 7"})
    first, second = ConsentHistory.objects.order_by("line")
    assert (first.contact_id, first.line, first.detail.note) == (ann.pk, 2, "Card 7")
    assert first.occurred_at < second.occurred_at
    assert (second.detail.note, second.detail.evidence) == ("", {"file": "list.csv"})
    assert nothing_differs()


def test_the_future_is_refused(ann: Contact, newsletter: CommunicationType) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    with pytest.raises(InTheFuture):
        grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(occurred_at=tomorrow))
    with pytest.raises(InTheFuture):
        withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(occurred_at=tomorrow))
    assert not ConsentHistory.objects.exists()


def test_what_was_true_then_and_what_we_knew(ann: Contact, newsletter: CommunicationType) -> None:
    """What happened three days ago was not known yet two days ago: two clocks."""
    now = timezone.now()
    Contact.objects.filter(pk=ann.pk).update(created_at=days_ago(30))
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_import(occurred_at=days_ago(10)))
    assert not agrees(ann, newsletter, at=days_ago(11))
    assert agrees(ann, newsletter, at=days_ago(9))
    assert not agrees(ann, newsletter, at=days_ago(9), known_at=days_ago(9))
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked(occurred_at=days_ago(3)))
    assert agrees(ann, newsletter, at=days_ago(4))
    assert not agrees(ann, newsletter, at=days_ago(2))
    assert not agrees(ann, newsletter, at=now)
    assert not agrees(ann, newsletter)


def test_the_audience_counts_consent(project: Project, newsletter: CommunicationType) -> None:
    people = [ContactFactory(project=project, email=f"reader{number}@example.org") for number in range(5)]
    ContactFactory(project=project)
    some = Contact.objects.filter(pk__in=[person.pk for person in people[:3]])
    grant(some, newsletter, Channel.EMAIL, origin=by_import())
    withdraw(people[0].as_set(), newsletter, Channel.EMAIL, origin=by_link())
    opt_out(people[1].as_set(), Channel.EMAIL, origin=by_link())
    question = Question(Channel.EMAIL, newsletter)
    whole = Contact.objects.in_project(project)
    for found in (project_audience(project, question), audience(whole, question)):
        assert (found.total, found.eligible) == (6, 1)
        assert (found.first["consent"], found.first["not_opted_out"], found.first["has_address"]) == (3, 1, 1)
    past = Question(Channel.EMAIL, newsletter, at=timezone.now())
    assert audience(whole, past).first == found.first
    refused = set(first_failing(whole, question, "consent").values_list("pk", flat=True))
    assert refused == {person.pk for person in (people[0], people[3], people[4])}


def test_the_audience_asks_as_much_with_more_history(
    project: Project, newsletter: CommunicationType, django_assert_num_queries: Callable[..., Any]
) -> None:
    reader = ContactFactory(project=project, email="reader@example.org")
    for _time in range(2):
        with django_assert_num_queries(3):
            project_audience(project, Question(Channel.EMAIL, newsletter))
        for _entry in range(5):
            grant(reader.as_set(), newsletter, Channel.EMAIL, origin=by_form())


def test_a_slip_is_taken_back(ann: Contact, newsletter: CommunicationType) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    slip = withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=asked())
    entries = ConsentHistory.objects.filter(request_id=slip.request_id)
    refused = undo(entries, origin=by(OTHER_EDITOR))
    assert isinstance(refused.skipped[0].error, CannotUndo)
    change = undo(entries, origin=by(EDITOR))
    assert (change.changed, change.skipped) == (1, ())
    assert agrees(ann, newsletter)
    void = ConsentHistory.objects.get(word=Word.VOID)
    assert (void.from_state, void.to_state, void.voids) == ("withdrawn", "express", entries.get().pk)
    assert isinstance(undo(entries, origin=by(EDITOR)).skipped[0].error, CannotUndo)
    assert nothing_differs()


def test_what_the_person_did_cannot_be_taken_back(ann: Contact, newsletter: CommunicationType) -> None:
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link())
    change = undo(ConsentHistory.objects.get_queryset(), origin=by(ADMIN))
    assert isinstance(change.skipped[0].error, CannotUndo)


def test_the_history_is_append_only(ann: Contact, newsletter: CommunicationType) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    for attempt in (
        lambda: ConsentHistory.objects.update(word=Word.GRANTED),
        lambda: ConsentHistory.objects.get_queryset()._raw_delete("default"),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            attempt()


def test_an_erasure_takes_consents_and_keeps_the_no(ann: Contact, newsletter: CommunicationType) -> None:
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form(evidence={"ip": "192.0.2.7"}))
    withdraw(ann.as_set(), newsletter, Channel.EMAIL, origin=by_link())
    preview = erasure_preview(ann.as_set())
    assert {line.key: line.number for line in preview.lines}["consents"] == 2
    assert "email" in preview.kept_channels
    [receipt] = erase(ann.as_set(), origin=by_the_system(), requested_by_contact=False)
    assert receipt.counts["consents"] == 2
    assert not any(model.objects.exists() for model in (Consent, ConsentHistory, ConsentDetail))
    again = ContactFactory(project=newsletter.project, email="ann@example.org")
    grant(again.as_set(), newsletter, Channel.EMAIL, origin=by_import())
    assert not explain(again, Question(Channel.EMAIL, newsletter)).sendable  # type: ignore[union-attr]
    assert ErasureReceipt.objects.count() == 1
    assert nothing_differs()


@pytest.mark.parametrize("who", ["survivor", "other"])
def test_a_merge_keeps_the_no_of_either(project: Project, newsletter: CommunicationType, who: str) -> None:
    ann, twin = (ContactFactory(project=project, email="ann@example.org") for _time in range(2))
    for person in (ann, twin):
        grant(person.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    withdraw((ann if who == "survivor" else twin).as_set(), newsletter, Channel.EMAIL, origin=by_link())
    merge(ann, twin, origin=by(ADMIN))
    assert not agrees(ann, newsletter)
    assert not Consent.objects.filter(contact=twin).exists()
    assert nothing_differs()
    grant(ann.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    assert agrees(ann, newsletter)


def test_a_merge_keeps_what_the_other_agreed_to(project: Project, newsletter: CommunicationType) -> None:
    ann, twin = (ContactFactory(project=project, email="ann@example.org") for _time in range(2))
    grant(twin.as_set(), newsletter, Channel.EMAIL, origin=by_form())
    merge(ann, twin, origin=by(ADMIN))
    assert agrees(ann, newsletter)
    carried = ConsentHistory.objects.get(contact=ann)
    assert (carried.weight, carried.repeats) == (0, ConsentHistory.objects.get(contact=twin).pk)
    assert nothing_differs()


def test_sent_in_spite_of_an_opt_out_but_never_of_a_stop(project: Project, ann: Contact) -> None:
    from contacts.addresses import normalise
    from contacts.services.blocks import suppress
    from contacts.vocabulary import Cause

    recall = CommunicationTypeFactory(project=project, administrative=True, despite_opt_out="Product recalls")
    opt_out(ann.as_set(), Channel.SMS, origin=by_link())
    question = Question(Channel.SMS, recall)
    assert explain(ann, question).sendable  # type: ignore[union-attr]
    suppress([normalise("sms", "+14185550137")], organization=project.organization, cause=Cause.STOP, origin=by_link())
    verdict = explain(ann, question)
    assert verdict is not None
    assert [outcome.key for outcome in verdict.outcomes if not outcome.met] == ["not_stopped"]
    assert not explain(ann, Question(Channel.SMS, recall, at=timezone.now())).sendable  # type: ignore[union-attr]
    assert project_audience(project, question).first["not_stopped"] == 1
