"""What a list need not say again: the same file twice writes nothing twice, and no request is lost.

A no without a date is not recorded while one of at least its weight stands that can no longer be taken back. A dated
one is recorded unless the very same one is there, of an import as well (the same gate, weight and moment), that can no
longer be taken back: else undoing the first of two lists would drop what the second one says, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from contacts.gates import Word, lifts, shut, standing
from contacts.origin import Origin, Said
from contacts.services.undo import lasts
from contacts.vocabulary import Method, Reason, Says


class Entry(NamedTuple):
    """What was said to a gate, by whom, and when it was written down."""

    says: str
    weight: int
    occurred_at: datetime
    word_at: datetime | None
    recorded_at: datetime
    method: str
    reason: str
    request_id: UUID

    @property
    def word(self) -> Word:
        return Word(self.says, self.weight, self.occurred_at, self.word_at)


@dataclass(slots=True)
class Gates:
    """What was said to gates of one kind before, by their numbers, for noes of one origin.

    ``import_period`` is how long an import can be undone, ``at_least`` what a no of these gates weighs whoever says
    it. What is weighed counts for what is weighed after it.
    """

    origin: Origin
    now: datetime
    import_period: timedelta
    at_least: int = 0
    entries: dict[int, list[Entry]] = field(default_factory=dict)

    def read(self, entries: Any, gate: str) -> Gates:
        """Take in the entries of gates, told apart by the column ``gate``."""
        for number, *values in entries.not_voided().order_by().values_list(gate, *Entry._fields).iterator():
            self.entries.setdefault(number, []).append(Entry(*values))
        return self

    def weigh(self, gate: int, said: Said) -> bool | None:
        """Whether a no would shut a gate that is open; None for one that need not be recorded."""
        found = self.entries.setdefault(gate, [])
        if not self._is_worth_recording(found, said):
            return None
        words = [entry.word for entry in found]
        at = said.occurred_at or self.now
        no = Word(Says.NO, self._weight, at)
        would_shut = not shut(words) and not any(word.says == Says.YES and lifts(word, no) for word in words)
        origin = self.origin
        found.append(Entry(no.says, no.weight, at, None, self.now, origin.method, origin.reason, origin.request_id))
        return would_shut

    def _is_worth_recording(self, found: Sequence[Entry], said: Said) -> bool:
        weight = self._weight
        alike = [entry for entry in found if entry.says == Says.NO and entry.weight == weight]
        if said.occurred_at is not None:
            same = [entry for entry in alike if entry.method == Method.IMPORT and entry.occurred_at == said.occurred_at]
            return not any(entry.request_id == self.origin.request_id or self._lasts(entry) for entry in same)
        if any(
            entry.request_id == self.origin.request_id and entry.occurred_at == entry.recorded_at for entry in alike
        ):
            return False
        words = [entry.word for entry in found]
        stand = {id(word) for word in standing(words)}
        return not any(
            entry.weight >= weight and id(word) in stand and self._lasts(entry)
            for entry, word in zip(found, words, strict=True)
        )

    @property
    def _weight(self) -> int:
        return max(self.at_least, int(self.origin.weight_of_no))

    def _lasts(self, entry: Entry) -> bool:
        is_longer = entry.method == Method.IMPORT or entry.reason == Reason.MERGED
        period = {"period": self.import_period} if is_longer else {}
        return lasts(entry.method, entry.reason, entry.weight, entry.recorded_at, now=self.now, **period)
