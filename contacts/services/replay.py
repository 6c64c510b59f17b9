"""The ledger replayed by the law of gates as a function: what state its entries amount to.

This is the other way to the state that services keep by expressions over sets; ``verify`` holds them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from contacts.gates import Word, shut
from contacts.models import StatusHistory
from contacts.vocabulary import Aspect, Says

_COLUMNS = (
    "pk", "contact_id", "block_id", "channel", "aspect", "says", "weight", "occurred_at", "recorded_at",
    "word_at", "to_value", "address_fingerprint", "voided_by",
)  # fmt: skip
_STREAM = 5_000


@dataclass(slots=True)
class ReplayedChannel:
    """One contact on one channel, as the entries say. The address is None where none was ever put."""

    address: str | None = None
    fingerprint: str = ""
    is_valid: bool = True
    own_opt_out: bool = False
    address_at: datetime | None = None
    newest_at: datetime | None = None


@dataclass(slots=True)
class ReplayedContact:
    """A contact, as the entries say. ``key`` is None where it was never changed."""

    is_active: bool = True
    key: str | None = None
    entries: int = 0
    newest_at: datetime | None = None
    channels: dict[str, ReplayedChannel] = field(default_factory=dict)


@dataclass(slots=True)
class ReplayedBlock:
    is_on: bool = False
    newest_at: datetime | None = None


def replay_contacts(ids: Iterable[int]) -> dict[int, ReplayedContact]:
    """What the entries of these contacts amount to; who has none is left out."""
    entries = StatusHistory.objects.filter(contact_id__in_set=list(ids))
    return {number: _contact(words) for number, words in _grouped(entries, "contact_id")}


def replay_blocks(ids: Iterable[int]) -> dict[int, ReplayedBlock]:
    """What the entries of these blocks amount to; one that has none is left out."""
    entries = StatusHistory.objects.filter(block_id__in_set=list(ids))
    return {
        number: ReplayedBlock(_is_shut(words), max(row["recorded_at"] for row in words))
        for number, words in _grouped(entries, "block_id")
    }


def _grouped(entries: QuerySet[StatusHistory], gate: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """The entries of one gate at a time, in the order in which they were recorded."""
    void = StatusHistory.objects.filter(voids=OuterRef("pk")).values("pk")[:1]
    rows = entries.annotate(voided_by=Subquery(void)).order_by(gate, "recorded_at", "pk").values(*_COLUMNS)
    for number, group in groupby(rows.iterator(chunk_size=_STREAM), key=itemgetter(gate)):
        yield number, list(group)


def _contact(rows: list[dict[str, Any]]) -> ReplayedContact:
    found = ReplayedContact(
        is_active=not _is_shut(row for row in rows if row["aspect"] == Aspect.ACTIVE),
        entries=len(rows),
        newest_at=max(row["recorded_at"] for row in rows),
    )
    for row in rows:
        if row["channel"]:
            _on_channel(found.channels.setdefault(row["channel"], ReplayedChannel()), row)
        elif row["aspect"] == Aspect.KEY:
            found.key = row["to_value"]
    for channel, replayed in found.channels.items():
        own = [row for row in rows if row["aspect"] == Aspect.OPT_OUT and row["channel"] == channel]
        replayed.own_opt_out = _is_shut(own)
    return found


def _on_channel(replayed: ReplayedChannel, row: dict[str, Any]) -> None:
    replayed.newest_at = row["recorded_at"]
    if row["aspect"] in (Aspect.ADDRESS, Aspect.VALIDITY):
        replayed.address_at = row["recorded_at"]
    if row["aspect"] == Aspect.ADDRESS:
        replayed.address, replayed.fingerprint = row["to_value"], row["address_fingerprint"]
        replayed.is_valid = True
    elif row["aspect"] == Aspect.VALIDITY:
        replayed.is_valid = row["to_value"] == "valid"


def _is_shut(rows: Iterable[dict[str, Any]]) -> bool:
    words = [
        Word(row["says"], row["weight"], row["occurred_at"], row["word_at"])
        for row in rows
        if row["says"] in (Says.NO, Says.YES) and row["voided_by"] is None
    ]
    return shut(reversed(words))
