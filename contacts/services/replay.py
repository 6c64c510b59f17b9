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

from contacts.gates import Word, shut, standing
from contacts.models import StatusHistory
from contacts.vocabulary import Aspect, Says

_COLUMNS = (
    "pk", "contact_id", "block_id", "channel", "aspect", "says", "weight", "occurred_at", "recorded_at",
    "word_at", "to_value", "address_fingerprint", "voided_by", "repeats",
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
    """A contact, as the entries say. ``key`` is None where it was never changed.

    ``standing`` are, of who was merged into somebody, the noes that stand: each by its number and that of the entry
    which it repeats, or its own.
    """

    is_active: bool = True
    key: str | None = None
    entries: int = 0
    newest_at: datetime | None = None
    merged_into: int | None = None
    merged_at: datetime | None = None
    standing: list[tuple[int, int]] = field(default_factory=list)
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
        elif row["aspect"] == Aspect.MERGE and row["to_value"]:
            found.merged_into = int(row["to_value"])
            found.merged_at = found.merged_at or row["recorded_at"]
    for channel, replayed in found.channels.items():
        own = [row for row in rows if row["aspect"] == Aspect.OPT_OUT and row["channel"] == channel]
        replayed.own_opt_out = _is_shut(own)
    if found.merged_into:
        found.standing = _standing_noes(rows)
    return found


def _standing_noes(rows: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Of all gates of a contact's own."""
    of_gate: dict[tuple[str, str], dict[int, Word]] = {}
    for row in rows:
        if row["aspect"] in (Aspect.ACTIVE, Aspect.OPT_OUT) and _counts(row):
            of_gate.setdefault((row["aspect"], row["channel"]), {})[row["pk"]] = _word(row)
    repeats = {row["pk"]: row["repeats"] or row["pk"] for row in rows}
    found = []
    for words in of_gate.values():
        stand = {id(word) for word in standing(words.values())}
        found += [(number, repeats[number]) for number, word in words.items() if id(word) in stand]
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
    words = [_word(row) for row in rows if _counts(row)]
    return shut(reversed(words))


def _word(row: dict[str, Any]) -> Word:
    return Word(row["says"], row["weight"], row["occurred_at"], row["word_at"])


def _counts(row: dict[str, Any]) -> bool:
    return row["says"] in (Says.NO, Says.YES) and row["voided_by"] is None
