"""The opt-in history folded by the law of gates as a function: the other way to the state that services keep."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from consent.models import ConsentHistory
from consent.vocabulary import Basis, ConsentState, Word
from contacts import gates


class Entry(NamedTuple):
    """What one entry says about its gate."""

    word: str
    says: str
    weight: int
    basis: str
    occurred_at: datetime
    word_at: datetime | None
    recorded_at: datetime
    implied_until: datetime | None


class Gate(NamedTuple):
    contact: int
    communication_type: int
    channel: str


@dataclass(frozen=True, slots=True)
class Folded:
    """What the entries of one gate amount to: the columns of its consent."""

    is_withdrawn: bool = False
    is_express: bool = False
    implied_until: datetime | None = None
    withdrawn_at: datetime | None = None
    express_at: datetime | None = None
    pending_at: datetime | None = None
    last_entry_at: datetime | None = None

    def state(self, at: datetime) -> ConsentState:
        if self.is_withdrawn:
            return ConsentState.WITHDRAWN
        if self.is_express:
            return ConsentState.EXPRESS
        if self.implied_until is not None and self.implied_until > at:
            return ConsentState.IMPLIED
        if self.pending_at is not None:
            return ConsentState.PENDING
        return ConsentState.ENDED if self.implied_until else ConsentState.NONE

    def agrees(self, at: datetime, *, accepts_implied: bool) -> bool:
        """Whether the consent allows to send at a moment."""
        allowed = {ConsentState.EXPRESS, ConsentState.IMPLIED} if accepts_implied else {ConsentState.EXPRESS}
        return self.state(at) in allowed


def fold(entries: Iterable[Entry]) -> Folded:
    """Fold the entries of one gate that count: neither voided nor voids."""
    entries = list(entries)
    words = [gates.Word(entry.says, entry.weight, entry.occurred_at, entry.word_at) for entry in entries]
    express = [entry for entry in entries if entry.word == Word.GRANTED and entry.basis == Basis.EXPRESS]
    return Folded(
        is_withdrawn=gates.shut(words),
        is_express=bool(express),
        implied_until=max((entry.implied_until for entry in entries if entry.implied_until), default=None),
        withdrawn_at=_last(entry for entry in entries if entry.word == Word.WITHDRAWN),
        express_at=_last(express),
        pending_at=_last(entry for entry in entries if entry.word == Word.PENDING),
        last_entry_at=max((entry.recorded_at for entry in entries), default=None),
    )


def _last(entries: Iterable[Entry]) -> datetime | None:
    return max((entry.occurred_at for entry in entries), default=None)


def entries_of(
    contacts: Iterable[int],
    *,
    at: datetime | None = None,
    known_at: datetime | None = None,
    without: Iterable[int] = (),
) -> dict[Gate, list[Entry]]:
    """The entries that count for each gate of these contacts, as of a moment and as known at one; some left out."""
    rows = ConsentHistory.objects.filter(contact_id__in_set=list(contacts)).exclude(word=Word.VOID)
    if without := list(without):
        rows = rows.exclude(pk__in_set=without)
    if at is not None:
        rows = rows.filter(occurred_at__lte=at)
    if known_at is not None:
        rows = rows.filter(recorded_at__lte=known_at)
    found: dict[Gate, list[Entry]] = defaultdict(list)
    columns = ("contact_id", "communication_type_id", "channel", *Entry._fields)
    for contact, topic, channel, *values in rows.not_voided(known_at).order_by("pk").values_list(*columns):
        found[Gate(contact or 0, topic, channel)].append(Entry(*values))
    return found
