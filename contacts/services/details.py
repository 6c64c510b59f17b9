"""Saving all that a form says of one contact, at once or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import transaction

from contacts.addresses import normalise
from contacts.errors import ContactGone, ContactMerged, StaleConfirmation
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import Origin
from contacts.services.locks import lock_addresses, lock_ids
from contacts.services.register import (
    Details,
    change_address,
    change_key,
    create_contact,
    set_validity,
    update_details,
)
from contacts.vocabulary import Aspect, Channel, Reason


@dataclass(frozen=True, slots=True)
class Particulars:
    """A contact's key, details, and an address (or an empty text) for every channel."""

    key: str
    details: Details = field(default_factory=Details)
    addresses: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """What tells whether somebody else changed any of it meanwhile."""
        return hashlib.sha256(json.dumps(self._values(), ensure_ascii=True).encode()).hexdigest()

    def _values(self) -> list[Any]:
        details = self.details
        addresses = [self.addresses.get(channel, "") for channel in Channel.values]
        attributes = sorted(details.attributes.items())
        return [self.key, details.first_name, details.last_name, details.language, details.notes, attributes, addresses]

    def differs_from(self, other: Particulars) -> bool:
        return self._values() != other._values()


@dataclass(frozen=True, slots=True)
class Amendment:
    """What of a contact is to be another. None, and what is not named, stays as it is; an attribute of None goes.

    ``addresses`` are texts by channel (empty: the address goes), ``validity`` says of which the address is one.
    """

    key: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    language: str | None = None
    notes: str | None = None
    attributes: Mapping[str, str | None] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    validity: Mapping[str, bool] = field(default_factory=dict)

    def applied_to(self, held: Particulars) -> Particulars:
        """All that is known of the contact then."""
        given = {name: getattr(self, name) for name in ("first_name", "last_name", "language", "notes")}
        known = {**held.details.attributes, **self.attributes}
        details = replace(
            held.details,
            **{name: value for name, value in given.items() if value is not None},
            attributes={name: value for name, value in known.items() if value is not None},
        )
        key = held.key if self.key is None else self.key
        return Particulars(key, details, {**held.addresses, **self.addresses})


def particulars_of(contact: Contact) -> Particulars:
    """What is known of a contact now. Values of attributes that are no text are shown as JSON."""
    held = dict(ChannelStatus.objects.filter(contact=contact).values_list("channel", "address"))
    return Particulars(
        contact.key,
        Details(
            first_name=contact.first_name,
            last_name=contact.last_name,
            language=contact.language,
            notes=contact.notes,
            attributes={name: _as_text(value) for name, value in contact.attributes.items()},
        ),
        {channel: held.get(channel, "") for channel in Channel.values},
    )


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@transaction.atomic
def add(project: Project, wanted: Particulars, *, origin: Origin) -> Contact:
    """Add a contact; the same request again is the contact that it added.

    Raises KeyTaken, InvalidText, InvalidAddress.
    """
    before = StatusHistory.objects.filter(
        request_id=origin.request_id, project=project, aspect=Aspect.ACTIVE, reason=Reason.CREATED
    ).first()
    added = (
        Contact.objects.filter(pk=before.contact_id, project=project).first() if before and before.contact_id else None
    )
    return added or create_contact(
        project, key=wanted.key, details=wanted.details, addresses=wanted.addresses, origin=origin
    )


@transaction.atomic
def correct(contact: Contact, wanted: Particulars, *, seen: str, origin: Origin) -> bool:
    """Make the contact what the form says, and tell whether that changed anything.

    ``seen`` is the digest of what the form was filled with. Raises StaleConfirmation where that no longer
    holds, KeyTaken, InvalidText, InvalidAddress, ContactGone, ContactMerged; then nothing is changed.
    """
    here = _locked(contact, _moved(wanted, particulars_of(contact)))
    now = particulars_of(here)
    if not wanted.differs_from(now):
        return False
    if now.digest != seen:
        raise StaleConfirmation
    _make(here, wanted, now, origin)
    return True


@transaction.atomic
def amend(
    contact: Contact, amendment: Amendment, *, origin: Origin, look: Callable[[Contact], None] | None = None
) -> Contact:
    """Change some particulars of a contact and leave the others as they are by then. Returns the contact.

    ``look`` sees the contact as it is once nobody else can change it, and may raise. Raises KeyTaken, InvalidText,
    InvalidAddress, ContactGone, ContactMerged; then nothing is changed.
    """
    here = _locked(contact, amendment.addresses)
    if look is not None:
        look(here)
    now = particulars_of(here)
    _make(here, amendment.applied_to(now), now, origin)
    for channel, is_valid in amendment.validity.items():
        set_validity(here, channel, is_valid, origin=origin.saying(reason=Reason.CORRECTED))
    return here


def _locked(contact: Contact, addresses: Mapping[str, str]) -> Contact:
    """The contact as it is, locked with the addresses that it is to have. Raises ContactGone, ContactMerged."""
    country = contact.project.default_country
    new = [normalise(channel, text, country=country) for channel, text in addresses.items() if text.strip()]
    lock_addresses([mark for address in new for mark in address.fingerprints], exclusive=False)
    lock_ids([contact.pk])
    here = Contact.objects.filter(pk=contact.pk).first()
    if here is None:
        raise ContactGone
    if here.merged_into_id:
        raise ContactMerged
    here.project = contact.project
    return here


def _make(here: Contact, wanted: Particulars, now: Particulars, origin: Origin) -> None:
    """Make a contact that is locked what it is to be."""
    if wanted.key != now.key:
        change_key(here, wanted.key, origin=origin)
    if wanted.details != now.details:
        update_details(here, wanted.details)
    for channel, text in _moved(wanted, now).items():
        change_address(here, channel, text, origin=origin)


def _moved(wanted: Particulars, held: Particulars) -> dict[str, str]:
    """The addresses that are to be others than they are, by channel."""
    return {channel: text for channel, text in wanted.addresses.items() if text != held.addresses.get(channel, "")}
