"""Locks, always in one order: address buckets by number, then contacts by id, before anything is written.

A block is written under the exclusive lock of its address's bucket, an address is put under the shared one,
so neither can miss the other. Every channel status is written under the lock of its contact.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db import transaction

from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.services.set_sql import lock_buckets
from contacts.vocabulary import Aspect

BUCKETS = 1024

Result = TypeVar("Result")


def lock_contacts(contacts: ContactQuerySet) -> list[int]:
    """Lock the set's rows by id and return the ids of those that still are in the set once locked.

    In the place of somebody who was merged stands the one whom they were merged into: they are that person now,
    and what is done to either is done to that one.
    """
    ids, persons = _persons(contacts)
    locked = {*ids, *persons}
    lock_ids(locked)
    still = contacts.filter(pk__in_set=sorted(ids))
    while True:
        _ids, persons = _persons(still)
        if persons <= locked:
            return sorted(persons)
        lock_ids(persons - locked)  # merged in the moment before
        locked |= persons


def _persons(contacts: ContactQuerySet) -> tuple[set[int], set[int]]:
    """The ids of a set, and those of the persons that they are by now."""
    rows = list(contacts.order_by().values_list("pk", "merged_into_id"))
    return {number for number, _person in rows}, {person or number for number, person in rows}


def merged_into(ids: Iterable[int]) -> set[int]:
    """The ids of all who were merged into these contacts."""
    return set(Contact.objects.filter(merged_into_id__in_set=list(ids)).values_list("pk", flat=True))


def person_of(number: int) -> int:
    """The id of the contact that this one is by now: whom they were merged into, or themselves."""
    return Contact.objects.filter(pk=number).values_list("merged_into_id", flat=True).first() or number


def lock_ids(ids: Iterable[int]) -> list[int]:
    """Lock contacts by id, and return the ids of those that are there."""
    rows = Contact.objects.filter(pk__in_set=list(ids)).order_by("pk")
    return list(rows.select_for_update(no_key=True).values_list("pk", flat=True))


def lock_addresses(fingerprints: Iterable[str], *, exclusive: bool) -> None:
    """Lock the buckets of addresses, by all their fingerprints."""
    lock_buckets([zlib.crc32(text.encode()) % BUCKETS for text in fingerprints], exclusive=exclusive)


def lock_all_addresses(*, exclusive: bool) -> None:
    """Lock every bucket, for a change of so many addresses that telling them apart would spare nobody."""
    lock_buckets(range(BUCKETS), exclusive=exclusive)


def holders(fingerprints: Iterable[str]) -> list[int]:
    """The ids of all contacts, in any project, who have one of these addresses now."""
    return list(
        ChannelStatus.objects.filter(fingerprint__in_texts=set(fingerprints) - {""}).values_list(
            "contact_id", flat=True
        )
    )


class _AddressMoved(Exception):
    """An address changed, or a contact was merged, between reading and locking it."""


def with_addresses_locked(
    contacts: ContactQuerySet, channels: Iterable[str], change: Callable[[list[int]], Result], *, former: bool = False
) -> Result:
    """Run ``change`` in a transaction that holds the contacts, their addresses on these channels (with
    ``former`` those of before as well, and of who was merged into them), and everybody else who has these addresses;
    ``change`` gets the ids of the contacts (as ``lock_contacts`` gives them).

    Locking more than the set is what lets a block be copied onto all who share the address.
    """
    channels = list(channels)
    for _attempt in range(20):
        try:
            with transaction.atomic():
                return change(_lock_with_addresses(contacts, channels, former))
        except _AddressMoved:
            continue
    raise RuntimeError("The addresses of these contacts keep changing.")


def _lock_with_addresses(contacts: ContactQuerySet, channels: list[str], former: bool) -> list[int]:
    if not channels:
        return lock_contacts(contacts)
    ids, persons = _persons(contacts)
    concerned = {*ids, *persons, *(merged_into(persons) if former else ())}
    expected = addresses_of(concerned, channels, former=former)
    lock_addresses(expected, exclusive=True)
    locked = {*concerned, *holders(expected)}
    lock_ids(locked)
    _ids, persons = _persons(contacts.filter(pk__in_set=sorted(ids)))
    concerned = {*persons, *(merged_into(persons) if former else ())}
    if not concerned <= locked or not addresses_of(concerned, channels, former=former) <= expected:
        raise _AddressMoved
    return sorted(persons)


def addresses_of(ids: Iterable[int], channels: Iterable[str], *, former: bool = False) -> set[str]:
    """The fingerprints of the addresses that contacts have, or ever had, on some channels."""
    here = {"contact_id__in_set": list(ids), "channel__in": list(channels)}
    found = set(ChannelStatus.objects.filter(**here).with_address().values_list("fingerprint", flat=True))
    if former:
        put = StatusHistory.objects.filter(**here, aspect=Aspect.ADDRESS).exclude(address_fingerprint="")
        found.update(put.values_list("address_fingerprint", flat=True))
    return found
