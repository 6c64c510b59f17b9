"""Changing many addresses at once: the same entries as ``register.change_address`` writes, in a few statements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from contacts.addresses import Address
from contacts.errors import ContactMerged
from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.moments import TICK
from contacts.origin import Origin
from contacts.services.bulk_rows import load_objects, update_objects
from contacts.services.fingerprints import adopt_older_fingerprints
from contacts.services.ledger import moment_after, record_each, said_of
from contacts.services.locks import lock_addresses, lock_ids
from contacts.services.projection import blocks_at, copy_blocks, touch
from contacts.vocabulary import Aspect, Says, Weight

_CHANGED = ("address", "address_key", "fingerprint", "is_valid", "contact_active", "address_at", "last_entry_at")


@dataclass(frozen=True, slots=True)
class Move:
    """An address to put for a contact (at most one on each channel), and where that comes from.

    One that is empty removes what they have.
    """

    contact: Contact
    address: Address
    origin: Origin


@transaction.atomic
def change_addresses(moves: Sequence[Move]) -> None:
    """Put or replace addresses. Blocks that lie on a new one hold at once, and those of the old one stay with it.

    Raises ContactMerged when somebody of these was merged meanwhile, and nothing is changed.
    """
    lock_addresses([text for move in moves if move.address.key for text in move.address.fingerprints], exclusive=False)
    ids = sorted({move.contact.pk for move in moves})
    lock_ids(ids)
    rows = {(row.contact_id, row.channel): row for row in ChannelStatus.objects.filter(contact_id__in_set=ids)}
    moves = [move for move in moves if _is_new(rows.get((move.contact.pk, move.address.channel)), move)]
    if not moves:
        return
    wanted = [move.address for move in moves if move.address.key]
    for address in wanted:
        adopt_older_fingerprints(address)
    here = list(Contact.objects.filter(pk__in_set=ids).values_list("pk", "is_active", "merged_into_id"))
    if any(person for _number, _active, person in here):
        raise ContactMerged
    active = {number: is_active for number, is_active, _person in here}
    ids = sorted({move.contact.pk for move in moves})
    moment = moment_after(contacts=ids, blocks=blocks_at(address.fingerprint for address in wanted))
    places: dict[int, int] = {}
    added, changed, entries = [], [], []
    for move in moves:
        contact, address = move.contact, move.address
        places[contact.pk] = places.get(contact.pk, -1) + 1
        at = moment + TICK * places[contact.pk]
        row = rows.get((contact.pk, address.channel))
        old = row.address if row else ""
        if row is None:
            row = ChannelStatus(
                organization_id=contact.organization_id, project_id=contact.project_id, contact=contact,
                channel=address.channel,
            )  # fmt: skip
            added.append(row)
        else:
            changed.append(row)
        row.address, row.address_key, row.fingerprint = address.shown, address.key, _mark(address)
        row.is_valid, row.contact_active = True, active[contact.pk]
        row.address_at = row.last_entry_at = at
        entries.append(_entry(move, at, old))
    load_objects(added)
    update_objects(changed, _CHANGED)
    record_each(entries)
    last = moment + TICK * max(places.values())
    touch(ids, last)
    copy_blocks(ChannelStatus.objects.filter(pk__in_set=[row.pk for row in [*added, *changed]]), last)


def _is_new(row: ChannelStatus | None, move: Move) -> bool:
    return (row.address if row else "") != move.address.shown


def _mark(address: Address) -> str:
    return address.fingerprint if address.key else ""


def _entry(move: Move, at: Any, old: str) -> tuple[StatusHistory, Origin]:
    return said_of(
        move.contact, move.origin, at, aspect=Aspect.ADDRESS, says=Says.VALUE, weight=Weight.OURS,
        channel=move.address.channel, from_value=old, to_value=move.address.shown,
        address_fingerprint=_mark(move.address),
    )  # fmt: skip
