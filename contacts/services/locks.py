"""Locks, always in one order: address buckets by number, then contacts by id, before anything is written.

A block is written under the exclusive lock of its address's bucket, an address is put under the shared one,
so neither can miss the other. Every channel status is written under the lock of its contact.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from contacts.models import ChannelStatus, Contact
from contacts.models.contact import ContactQuerySet
from contacts.services.set_sql import lock_buckets

BUCKETS = 1024


def lock_contacts(contacts: ContactQuerySet, *, for_erasure: bool = False) -> list[int]:
    """Lock the set's rows by id and return the ids of those that still are in the set once locked."""
    ids = list(contacts.order_by().values_list("pk", flat=True))
    lock_ids(ids, for_erasure=for_erasure)
    return sorted(contacts.filter(pk__in_set=ids).order_by().values_list("pk", flat=True))


def lock_ids(ids: Iterable[int], *, for_erasure: bool = False) -> None:
    rows = Contact.objects.filter(pk__in_set=list(ids)).order_by("pk")
    len(rows.select_for_update(no_key=not for_erasure).values_list("pk", flat=True))


def lock_addresses(fingerprints: Iterable[str], *, exclusive: bool) -> None:
    """Lock the buckets of addresses, by all their fingerprints."""
    lock_buckets([zlib.crc32(text.encode()) % BUCKETS for text in fingerprints], exclusive=exclusive)


def holders(fingerprints: Iterable[str]) -> list[int]:
    """The ids of all contacts, in any project, who have one of these addresses now."""
    return list(
        ChannelStatus.objects.filter(fingerprint__in=set(fingerprints) - {""}).values_list("contact_id", flat=True)
    )
