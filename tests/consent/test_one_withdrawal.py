"""The withdrawal that a link writes by few statements is the one that the service for sets writes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentDetail, ConsentHistory
from consent.services import consents
from consent.services.one_withdrawal import withdraw_now
from consent.services.undo import undo
from consent.vocabulary import Basis, ImpliedBy
from contacts.models import Contact, Project
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.prepared import Prepared
from contacts.services.verify import differences
from tests.consent.links import agree, newsletter, row_of
from tests.factories import ContactFactory, by_the_system
from tests.origins import ADMIN, asked, by, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    return newsletter(project, accepts_implied=True)


def nothing(contact: Contact, topic: CommunicationType) -> None: ...


def agreed(contact: Contact, topic: CommunicationType) -> None:
    agree(contact, topic)


def implied(contact: Contact, topic: CommunicationType, days: int = 40) -> None:
    consents.grant(
        contact.as_set(), topic, "email", origin=by_the_system(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=timezone.now() + timedelta(days=days),
    )  # fmt: skip


def implied_before(contact: Contact, topic: CommunicationType) -> None:
    implied(contact, topic, days=-1)


def asked_to_confirm(contact: Contact, topic: CommunicationType) -> None:
    consents.ask(contact.as_set(), topic, "email", origin=by_the_system())


def withdrawn_by_staff(contact: Contact, topic: CommunicationType) -> None:
    consents.withdraw(contact.as_set(), topic, "email", origin=asked())


def withdrawn_by_link(contact: Contact, topic: CommunicationType) -> None:
    consents.withdraw(contact.as_set(), topic, "email", origin=by_link())


def back_again(contact: Contact, topic: CommunicationType) -> None:
    withdrawn_by_link(contact, topic)
    agree(contact, topic)


def taken_back_by_staff(contact: Contact, topic: CommunicationType) -> None:
    agree(contact, topic)
    withdrawn_by_staff(contact, topic)
    last = ConsentHistory.objects.filter(contact=contact).order_by("-pk")[:1]
    undo(ConsentHistory.objects.filter(pk__in=[entry.pk for entry in last]), origin=by(ADMIN))


BEFORE = [
    nothing, agreed, implied, implied_before, asked_to_confirm, withdrawn_by_staff, withdrawn_by_link, back_again,
    taken_back_by_staff,
]  # fmt: skip
OF_THEMSELVES = {
    "id", "contact_id", "channel_status_id", "recorded_at", "occurred_at", "word_at", "salt", "request_id",
    "detail_digest", "entry_id", "withdrawn_at", "express_at", "pending_at", "implied_until", "last_entry_at", "voids",
}  # fmt: skip


def told(rows: Any) -> list[dict[str, Any]]:
    ordered = rows.order_by("pk").values()
    return [{name: value for name, value in row.items() if name not in OF_THEMSELVES} for row in ordered]


@pytest.mark.parametrize("before", BEFORE, ids=lambda before: before.__name__)
def test_both_ways_write_the_same(project: Project, topic: CommunicationType, before: Any) -> None:
    one, other = (ContactFactory(project=project, email=f"{name}@example.org") for name in ("one", "other"))
    evidence = {"page": "https://sendable.example/u/", "ip": "192.0.2.7", "user_agent": "é"}
    for contact in (one, other):
        before(contact, topic)
    written = withdraw_now(row_of(one), topic, origin=by_link(evidence=evidence))
    change = consents.withdraw(
        other.as_set(), topic, "email", origin=by_link(evidence=evidence), unless_standing=True
    )  # fmt: skip
    assert written is bool(change.recorded)
    for model in (ConsentHistory, Consent):
        mine, theirs = (told(model._default_manager.filter(contact=contact)) for contact in (one, other))
        assert mine == theirs
    details = [told(ConsentDetail.objects.filter(entry__contact=contact)) for contact in (one, other)]
    assert details[0] == details[1]
    for contact in (one, other):
        row, last = Consent.objects.get(contact=contact), ConsentHistory.objects.filter(contact=contact).latest("pk")
        contact.refresh_from_db()
        assert contact.last_entry_at == row.last_entry_at == last.recorded_at
        assert (row.withdrawn_at, last.word_at) == (last.occurred_at, None)
    assert list(differences()) == []


def test_second_one_writes_nothing(project: Project, topic: CommunicationType) -> None:
    contact = ContactFactory(project=project, email="one@example.org")
    assert [withdraw_now(row_of(contact), topic, origin=by_link()) for _time in range(3)] == [True, False, False]


def test_who_is_gone_or_merged_is_nobody(project: Project, topic: CommunicationType) -> None:
    gone, merged, into = (ContactFactory(project=project, email=f"{name}@example.org") for name in ("a", "b", "c"))
    rows = [row_of(gone), row_of(merged)]
    erase(gone.as_set(), origin=by_the_system(), requested_by_contact=False)
    merge(into, merged, origin=by(ADMIN))
    assert [withdraw_now(row, topic, origin=by_link()) for row in rows] == [None, None]


def test_query_that_changes_a_value_is_not_prepared(db: None) -> None:
    with pytest.raises(LookupError, match="contact"):
        Prepared(lambda contact: Contact.objects.filter(pk=contact + 1).values_list("pk"), contact=int).rows(contact=1)
