"""Who is in the register: adding a contact, correcting details, key and addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction

from contacts.addresses import Address, normalise
from contacts.errors import ContactGone, ContactMerged, InvalidText, KeyTaken
from contacts.models import ChannelStatus, Contact, Project
from contacts.origin import Origin
from contacts.services.change import Change
from contacts.services.fingerprints import adopt_older_fingerprints
from contacts.services.ledger import moment_after, outcome, record, without_repeats
from contacts.services.locks import lock_addresses
from contacts.services.projection import blocks_at, copy_blocks, not_before, touch
from contacts.services.set_sql import database_clock
from contacts.text import clean_text
from contacts.vocabulary import OPEN, Aspect, Reason, Says, Weight


@dataclass(frozen=True, slots=True)
class Details:
    """What is known of a person apart from status: text as typed, attributes by name."""

    first_name: str = ""
    last_name: str = ""
    language: str = ""
    notes: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    def cleaned(self) -> dict[str, Any]:
        """The values to store. Raises InvalidText naming the field."""
        return {
            "first_name": clean_text(self.first_name, max_length=150, field="first_name"),
            "last_name": clean_text(self.last_name, max_length=150, field="last_name"),
            "language": clean_text(self.language, max_length=10, field="language"),
            "notes": clean_text(self.notes, max_length=10_000, several_lines=True, field="notes"),
            "attributes": {
                clean_text(name, max_length=100, field="attributes"): clean_text(
                    str(value), max_length=2_000, several_lines=True, field="attributes"
                )
                for name, value in self.attributes.items()
            },
        }


def clean_key(key: str) -> str:
    """A key fit to be stored. Raises InvalidText for an empty or unfit one."""
    key = clean_text(key, max_length=254, field="key")
    if not key:
        from django.utils.translation import gettext

        raise InvalidText(gettext("Enter a key, for example a customer number."), remedy="", field="key")
    return key


@transaction.atomic
def create_contact(
    project: Project,
    *,
    key: str,
    details: Details | None = None,
    addresses: Mapping[str, str] | None = None,
    origin: Origin,
) -> Contact:
    """Add a contact, active, with the given addresses (channel to text).

    A block that lies on one of them holds at once. Raises KeyTaken, InvalidText, InvalidAddress.
    """
    values = (details or Details()).cleaned()
    key = clean_key(key)
    wanted = [
        normalise(channel, text, country=project.default_country)
        for channel, text in (addresses or {}).items()
        if text.strip()
    ]
    lock_addresses([text for address in wanted for text in address.fingerprints], exclusive=False)
    moment = database_clock()
    contact = Contact(
        organization_id=project.organization_id, project=project, key=key, created_at=moment,
        last_entry_at=moment, **values,
    )  # fmt: skip
    try:
        with transaction.atomic():
            contact.save(force_insert=True)
    except IntegrityError as error:
        raise KeyTaken from error
    record(
        contact.as_set(),
        aspect=Aspect.ACTIVE,
        says=Says.YES,
        origin=origin.saying(reason=Reason.CREATED),
        moment=moment,
        weight=Weight.OURS,
        from_value="",
        to_value=OPEN[Aspect.ACTIVE],
    )
    for address in wanted:
        put_address(contact, address.channel, address, origin.saying(reason=Reason.CREATED))
    return contact


@transaction.atomic
def update_details(contact: Contact, details: Details) -> None:
    """Correct name, language, notes and attributes. Raises InvalidText, ContactGone."""
    values = details.cleaned()
    _lock(contact)
    for name, value in values.items():
        setattr(contact, name, value)
    contact.save(update_fields=[*values, "updated_at"])


@transaction.atomic
def correct_name(contact: Contact, *, first_name: str, last_name: str, language: str) -> None:
    """Correct these alone, so that nothing is lost of what somebody writes about the contact at the same moment.

    Raises InvalidText, ContactGone, ContactMerged.
    """
    cleaned = Details(first_name, last_name, language).cleaned()
    values = {name: cleaned[name] for name in ("first_name", "last_name", "language")}
    _lock(contact)
    for name, value in values.items():
        setattr(contact, name, value)
    contact.save(update_fields=[*values, "updated_at"])


@transaction.atomic
def change_key(contact: Contact, key: str, *, origin: Origin) -> Change:
    """Correct the key. The old one stays in the history. Raises KeyTaken, InvalidText, ContactGone."""
    key = clean_key(key)
    _lock(contact)
    contact.refresh_from_db(fields=["key"])
    if not without_repeats([contact.pk], origin, aspect=Aspect.KEY):
        return outcome(origin, repeated=1)
    if contact.key == key:
        return outcome(origin)
    moment = moment_after(contacts=[contact.pk])
    record(
        contact.as_set(), aspect=Aspect.KEY, says=Says.VALUE, origin=origin, moment=moment,
        weight=Weight.OURS, from_value=contact.key, to_value=key,
    )  # fmt: skip
    contact.key = key
    try:
        with transaction.atomic():
            contact.save(update_fields=["key", "updated_at"])
    except IntegrityError as error:
        raise KeyTaken from error
    touch([contact.pk], moment)
    return outcome(origin)


@transaction.atomic
def change_address(contact: Contact, channel: str, text: str, *, origin: Origin) -> Change:
    """Put, replace or (with an empty text) remove the contact's address on a channel.

    Blocks stay with the address that they lie on: those of the new one hold at once, and those of the old
    one hold for whoever comes to it. The contact's own opt-out follows them. Raises InvalidAddress,
    ContactGone.
    """
    address = normalise(channel, text, country=contact.project.default_country) if text.strip() else None
    lock_addresses(address.fingerprints if address else [], exclusive=False)
    _lock(contact)
    if not without_repeats([contact.pk], origin, aspect=Aspect.ADDRESS, channel=channel):
        return outcome(origin, repeated=1)
    return put_address(contact, channel, address, origin)


def put_address(contact: Contact, channel: str, address: Address | None, origin: Origin) -> Change:
    """What ``change_address`` does, for a contact and an address that are locked."""
    before = ChannelStatus.objects.filter(contact=contact, channel=channel).first()
    old = before.address if before else ""
    if old == (address.shown if address else ""):
        return outcome(origin)
    if address:
        adopt_older_fingerprints(address)
    moment = moment_after(contacts=[contact.pk], blocks=blocks_at([address.fingerprint] if address else []))
    contact.refresh_from_db(fields=["is_active"])
    row, _created = ChannelStatus.objects.update_or_create(
        contact=contact,
        channel=channel,
        defaults={
            "organization_id": contact.organization_id,
            "project_id": contact.project_id,
            "address": address.shown if address else "",
            "address_key": address.key if address else "",
            "fingerprint": address.fingerprint if address else "",
            "is_valid": True,
            "contact_active": contact.is_active,
            "address_at": moment,
        },
    )
    record(
        ChannelStatus.objects.filter(pk=row.pk),
        aspect=Aspect.ADDRESS,
        says=Says.VALUE,
        origin=origin,
        moment=moment,
        weight=Weight.OURS,
        from_value=old,
        to_value=row.address,
        address_fingerprint=row.fingerprint,
    )
    touch([contact.pk], moment)
    copy_blocks(ChannelStatus.objects.filter(pk=row.pk), moment)
    return outcome(origin)


@transaction.atomic
def set_validity(contact: Contact, channel: str, is_valid: bool, *, origin: Origin) -> Change:
    """Say that the address on a channel can, or cannot, be an address of anybody. Raises ContactGone."""
    _lock(contact)
    if not without_repeats([contact.pk], origin, aspect=Aspect.VALIDITY, channel=channel):
        return outcome(origin, repeated=1)
    rows = ChannelStatus.objects.filter(contact=contact, channel=channel, is_valid=not is_valid).with_address()
    moment = moment_after(contacts=[contact.pk])
    words = ("invalid", "valid") if is_valid else ("valid", "invalid")
    if record(
        rows, aspect=Aspect.VALIDITY, says=Says.VALUE, origin=origin, moment=moment, weight=Weight.OURS,
        from_value=words[0], to_value=words[1],
    ):  # fmt: skip
        rows.update(is_valid=is_valid, address_at=moment, last_entry_at=not_before(moment))
        touch([contact.pk], moment)
    return outcome(origin)


def _lock(contact: Contact) -> None:
    row = Contact.objects.filter(pk=contact.pk).select_for_update(no_key=True).only("merged_into").first()
    if row is None:
        raise ContactGone
    if row.merged_into_id:
        raise ContactMerged
