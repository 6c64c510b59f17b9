"""Adding many contacts at once: the same entries as ``register.create_contact`` writes, in a few statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from contacts.addresses import Address
from contacts.errors import KeyTaken
from contacts.models import ChannelStatus, Contact, Project
from contacts.moments import TICK
from contacts.origin import Origin
from contacts.services.bulk_rows import load_objects
from contacts.services.fingerprints import adopt_older_fingerprints
from contacts.services.ledger import moment_after, record_each, said_of
from contacts.services.locks import lock_addresses
from contacts.services.projection import blocks_at, copy_blocks
from contacts.vocabulary import OPEN, Aspect, Reason, Says, Weight


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody to add: cleaned values, addresses by channel, and where they come from."""

    key: str
    values: Mapping[str, Any]
    addresses: Mapping[str, Address]
    origin: Origin


@transaction.atomic
def create_contacts(project: Project, newcomers: Sequence[Newcomer]) -> list[Contact]:
    """Add contacts, active, with their addresses. Blocks that lie on these hold at once.

    Raises KeyTaken when one of the keys is there already, and nobody is added.
    """
    wanted = [address for somebody in newcomers for address in somebody.addresses.values()]
    lock_addresses([text for address in wanted for text in address.fingerprints], exclusive=False)
    for address in wanted:
        adopt_older_fingerprints(address)
    moment = moment_after(blocks=blocks_at(address.fingerprint for address in wanted))
    contacts = _contacts(project, newcomers, moment)
    rows = [
        _row(contact, address, moment + TICK * len(somebody.addresses))
        for contact, somebody in zip(contacts, newcomers, strict=True)
        for address in somebody.addresses.values()
    ]
    load_objects(rows)
    record_each(
        entry
        for contact, somebody in zip(contacts, newcomers, strict=True)
        for entry in _entries(contact, somebody, moment)
    )
    copy_blocks(
        ChannelStatus.objects.filter(contact_id__in_set=[contact.pk for contact in contacts]),
        moment + TICK * max((len(somebody.addresses) for somebody in newcomers), default=0),
    )
    return contacts


def _contacts(project: Project, newcomers: Sequence[Newcomer], moment: datetime) -> list[Contact]:
    contacts = [
        Contact(
            organization_id=project.organization_id,
            project=project,
            key=somebody.key,
            created_at=moment,
            updated_at=moment,
            last_entry_at=moment + TICK * len(somebody.addresses),
            **somebody.values,
        )
        for somebody in newcomers
    ]
    in_order = sorted(contacts, key=lambda contact: contact.key)  # so that two lists at once never wait for each other
    try:
        with transaction.atomic():
            load_objects(in_order)
    except IntegrityError as error:
        raise KeyTaken from error
    return contacts


def _row(contact: Contact, address: Address, moment: datetime) -> ChannelStatus:
    return ChannelStatus(
        organization_id=contact.organization_id,
        project_id=contact.project_id,
        contact=contact,
        channel=address.channel,
        address=address.shown,
        address_key=address.key,
        fingerprint=address.fingerprint,
        address_at=moment,
        last_entry_at=moment,
    )


def _entries(contact: Contact, somebody: Newcomer, moment: datetime) -> list[Any]:
    origin = somebody.origin.saying(reason=Reason.CREATED)
    created = said_of(
        contact, origin, moment, aspect=Aspect.ACTIVE, says=Says.YES, weight=Weight.OURS,
        to_value=OPEN[Aspect.ACTIVE],
    )  # fmt: skip
    put = [
        said_of(
            contact,
            origin,
            moment + TICK * place,
            aspect=Aspect.ADDRESS,
            says=Says.VALUE,
            weight=Weight.OURS,
            channel=address.channel,
            to_value=address.shown,
            address_fingerprint=address.fingerprint,
        )
        for place, address in enumerate(somebody.addresses.values(), start=1)
    ]
    return [created, *put]
