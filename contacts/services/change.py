"""What a service did: how much changed, what was confirmed only, and who was skipped and why."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field

from contacts.errors import RegisterError


@dataclass(frozen=True, slots=True)
class Skipped:
    """Contacts (or blocks) that were left alone, by id, and the refusal that says why."""

    ids: tuple[int, ...]
    error: RegisterError


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome of one request.

    ``changed`` entries moved a state, ``confirmed`` were recorded and moved none, ``repeated`` had been
    recorded under the same ``request_id`` already and were left out.
    """

    request_id: uuid.UUID
    changed: int = 0
    confirmed: int = 0
    repeated: int = 0
    skipped: tuple[Skipped, ...] = field(default=())

    @property
    def recorded(self) -> int:
        return self.changed + self.confirmed

    @property
    def skipped_count(self) -> int:
        return sum(len(skipped.ids) for skipped in self.skipped)

    def or_raise(self) -> Change:
        """Raise the refusal of a set of one; used by doors that act on one contact."""
        if self.skipped and not self.recorded:
            raise self.skipped[0].error
        return self

    def __add__(self, other: Change) -> Change:
        return Change(
            self.request_id,
            self.changed + other.changed,
            self.confirmed + other.confirmed,
            self.repeated + other.repeated,
            self.skipped + other.skipped,
        )


def skipping(pairs: Iterable[tuple[Iterable[int], RegisterError]]) -> tuple[Skipped, ...]:
    """Skipped groups, without the empty ones."""
    return tuple(Skipped(ids, error) for found, error in pairs if (ids := tuple(found)))
