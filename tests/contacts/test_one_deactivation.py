"""The deactivation that a program asks for by few statements is the one that the service for sets writes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from contacts.errors import InTheFuture
from contacts.models import ChannelStatus, Contact, EntryDetail, Project, StatusHistory
from contacts.origin import Actor, Origin
from contacts.services.erasure import erase
from contacts.services.merging import merge
from contacts.services.one_deactivation import deactivate_one
from contacts.services.status import deactivate
from contacts.services.verify import differences
from contacts.vocabulary import ActorKind, Method, Reason
from tests.factories import ContactFactory, by_the_system
from tests.origins import ADMIN, by

pytestmark = pytest.mark.django_db
Way = Callable[[Contact, Origin], Any]
WAYS: list[Way] = [
    lambda contact, origin: deactivate(contact.as_set(), origin=origin),
    lambda contact, origin: deactivate_one(contact, origin=origin),
]
ORIGINS: list[dict[str, Any]] = [
    {},
    {"reason": Reason.WRITTEN_REQUEST, "note": "Ticket 5512", "requested_on": timezone.now().date()},
    {"reason": Reason.OWN_REQUEST, "evidence": {"page": "/account"}},
    {"reason": Reason.OTHER, "occurred_at": timezone.now() - timedelta(days=400)},
]


def by_token(**fields: Any) -> Origin:
    return Origin(Method.API, Actor(ActorKind.TOKEN, 7, "Shop"), **fields)


def written(contact: Contact) -> list[Any]:
    """What is stored of a contact, without what differs from one run to the next."""
    apart = {"id", "contact_id", "salt", "request_id", "recorded_at", "occurred_at", "detail_digest"}
    entries = StatusHistory.objects.filter(contact=contact).order_by("pk")
    told = [{name: value for name, value in row.items() if name not in apart} for row in entries.values()]
    details = EntryDetail.objects.filter(entry__contact=contact).order_by("pk")
    kept = list(details.values_list("note", "authorization_reference", "evidence"))
    channels = ChannelStatus.objects.filter(contact=contact).order_by("channel")
    copies = list(channels.values_list("channel", "contact_active"))
    contact.refresh_from_db()
    dated = [row.occurred_at == row.recorded_at for row in entries]
    return [told, kept, copies, contact.is_active, dated]


@pytest.mark.parametrize("before", ["active", "inactive", "without channels"])
@pytest.mark.parametrize("fields", ORIGINS)
def test_both_write_the_same(project: Project, before: str, fields: dict[str, Any]) -> None:
    stored = []
    for number, way in enumerate(WAYS):
        reached = {} if before == "without channels" else {"email": f"a{number}@example.org", "sms": "+14185550137"}
        contact = ContactFactory(project=project, **reached)
        if before == "inactive":
            deactivate(contact.as_set(), origin=by_the_system())
        way(contact, by_token(**fields))
        last = StatusHistory.objects.filter(contact=contact).latest("pk")
        assert contact.as_set().get().last_entry_at == last.recorded_at
        told = written(contact)
        for row in told[0]:
            row["to_value"] = row["to_value"].replace(f"a{number}@", "a@")
            row.pop("address_fingerprint")
        stored.append(told)
    assert stored[0] == stored[1]
    assert not list(differences())


def test_moments_rise_whatever_the_clock_says(project: Project) -> None:
    contact = ContactFactory(project=project)
    ahead = timezone.now() + timedelta(minutes=5)
    Contact.objects.filter(pk=contact.pk).update(last_entry_at=ahead)
    deactivate_one(contact, origin=by_token())
    assert StatusHistory.objects.filter(contact=contact).latest("pk").recorded_at > ahead


def test_who_was_merged_is_the_one_they_were_merged_into(project: Project) -> None:
    going, staying = ContactFactory(project=project), ContactFactory(project=project)
    merge(staying, going, origin=by(ADMIN))
    deactivate_one(going, origin=by_token())
    assert not staying.as_set().get().is_active


def test_who_is_gone_is_left_alone(project: Project) -> None:
    contact = ContactFactory(project=project)
    erase(contact.as_set(), origin=by_the_system(), requested_by_contact=False)
    deactivate_one(contact, origin=by_token())
    assert not StatusHistory.objects.filter(contact_id=contact.pk).exists()


def test_the_future_is_refused(project: Project) -> None:
    with pytest.raises(InTheFuture):
        deactivate_one(ContactFactory(project=project), origin=by_token(occurred_at=timezone.now() + timedelta(days=1)))
