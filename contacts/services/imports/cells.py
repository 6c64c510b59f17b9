"""A column of a file's cells, and what a file becomes: staged rows, held as columns of values.

Most cells need nothing: a column of plain text is told as such in one look, and only what is otherwise goes through
``clean_text`` cell by cell. Both ways give the same, which a property test holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from contacts.csv_guard import unguarded
from contacts.errors import InvalidText, RegisterError
from contacts.text import clean_text
from contacts.vocabulary import Channel

CHANNELS = (Channel.EMAIL.value, Channel.SMS.value, Channel.PUSH.value)

# The fields of a staged row that a file fills, in the order in which they are loaded.
STAGED = (
    "line", "outcome", "error_code", "error", "key", "first_name", "last_name", "language", "notes", "attributes",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("", "_key", "_fingerprint")),
    "unsendable", "noes", "extras", "cells",
)  # fmt: skip

Faults = dict[int, RegisterError]


@dataclass(frozen=True, slots=True)
class Taken:
    """How a file is taken: what its columns are called and mean, and what is asked of its rows.

    ``country`` is that of national phone numbers, ``zone`` the project's time zone, ``now`` the moment of the import.
    ``fingerprints``: those of all addresses are wanted, not only (later, from ``planning``) those of rows that do
    something. ``keeps_who_left``: rows whose status says that the person left are contacts all the same.
    """

    columns: Sequence[str]
    targets: Sequence[str]
    kind: str
    country: str
    zone: ZoneInfo
    now: datetime
    fingerprints: bool = True
    keeps_who_left: bool = False
    day_first: bool = False

    def places(self, target: str) -> list[int]:
        return [place for place, found in enumerate(self.targets) if found == target]

    def place(self, target: str) -> int | None:
        return next(iter(self.places(target)), None)


@dataclass(slots=True)
class Staged:
    """A batch of staged rows as columns of values, by the names of STAGED. JSON stands as text, None is NULL."""

    values: dict[str, Sequence[Any]]
    faults: Faults = field(default_factory=dict)

    def filled(self) -> dict[str, Sequence[Any]]:
        """The columns in which something stands; of the others every row has the default."""
        return {name: column for name, column in self.values.items() if not isinstance(column, Empty)}


class Empty(list[Any]):
    """A column in which nothing stands."""


def value_of(cell: str) -> str:
    return unguarded(cell).strip()


def clean_column(
    cells: Sequence[str], *, max_length: int, several_lines: bool = False, field: str = ""
) -> tuple[list[str], Faults]:
    """The cells' texts as ``clean_text`` makes them, and what it refuses, by position."""
    values = list(map(str.strip, cells))
    joined = "".join(values)
    if joined.isascii() and joined.isprintable() and "'" not in joined and longest(values) <= max_length:
        return values, {}
    faults: Faults = {}
    for place, text in enumerate(values):
        if text.isascii() and text.isprintable() and text[:1] != "'" and len(text) <= max_length:
            continue
        try:
            values[place] = _clean(cells[place], max_length, several_lines, field)
        except InvalidText as error:
            values[place] = ""
            faults[place] = error
    return values, faults


@lru_cache(maxsize=10_000)
def _clean(cell: str, max_length: int, several_lines: bool, field: str) -> str:
    return clean_text(value_of(cell), max_length=max_length, several_lines=several_lines, field=field)


def longest(values: Sequence[str]) -> int:
    return max(map(len, values), default=0)


def column_of(
    by_place: Sequence[Sequence[str]], taken: Taken, target: str, faults: Faults, **limits: Any
) -> list[str] | None:
    place = taken.place(target)
    if place is None:
        return None
    values, found = clean_column(by_place[place], field=target, **limits)
    add_faults(faults, found)
    return values


def add_faults(faults: Faults, found: Faults) -> None:
    for place, error in found.items():
        faults.setdefault(place, error)
