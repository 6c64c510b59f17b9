"""What a list is once its file was opened: names of columns, and rows in batches, whatever the kind of file."""

from __future__ import annotations

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from contacts.errors import RegisterError

MAX_COLUMNS = 500
MAX_NAME = 100
AT_ONCE = 2_000
LOOKED_AT = 10
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")


class UnreadableFile(RegisterError):
    """The file cannot be worked through; nothing of it was. ``line`` is where (None: nowhere in particular)."""

    code = "unreadable_file"
    field = "file"

    def __init__(self, message: str, *, line: int | None = None, remedy: str = "") -> None:
        if line is not None:
            message = _("Line %(line)d: %(message)s") % {"line": line, "message": message}
        super().__init__(message, remedy=remedy)
        self.line = line


class TooManyColumns(UnreadableFile):
    """More columns than any list of people has; perhaps the delimiter is another one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is read; what is empty (of the header: None) is found out.

    ``header`` is the line of the columns' names; 0 says that there is none.
    """

    encoding: str = ""
    delimiter: str = ""
    header: int | None = None
    sheet: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"encoding": self.encoding, "delimiter": self.delimiter, "header": self.header, "sheet": self.sheet}

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Reading:
        """What ``as_json`` gave. What is missing is found out."""
        data = data or {}
        header = data.get("header")
        return cls(
            encoding=str(data.get("encoding") or ""),
            delimiter=str(data.get("delimiter") or ""),
            header=header if isinstance(header, int) else None,
            sheet=str(data.get("sheet") or ""),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line on which it begins, its cells (as many as there are columns), and whether it has
    more of them than the header."""

    line: int
    cells: list[str]
    has_surplus: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: the line on which each begins, its cells (as many as there are columns), and the places in the
    batch of those that have more filled cells than there are columns."""

    lines: Sequence[int]
    cells: list[list[str]]
    surplus: frozenset[int] = frozenset()


class Table(ABC):
    """A list whose header was read. Its rows may be gone through several times.

    ``kind`` is the kind of file (csv, xlsx, ods), ``reading`` how it is read, with nothing left to be found out,
    ``sheets`` the names of the sheets that there are.
    """

    kind: str = ""
    sheets: Sequence[str] = ()

    def __init__(self, columns: list[str], reading: Reading) -> None:
        self.columns = columns
        self.reading = reading

    @abstractmethod
    def batches(self, size: int = AT_ONCE) -> Iterator[Batch]:
        """The rows after the header, ``size`` at a time (fewer where they are long), without empty ones.

        Raises UnreadableFile for a fault that makes the rest of the file doubtful.
        """

    def rows(self) -> Iterator[Row]:
        """The same, one by one."""
        for batch in self.batches(500):
            for place, (line, cells) in enumerate(zip(batch.lines, batch.cells, strict=True)):
                yield Row(line, cells, place in batch.surplus)


def fitted(lines: Sequence[int], rows: list[list[str]], width: int) -> Batch:
    """Rows as a batch of ``width`` columns: short ones are filled up, long ones cut, empty ones left out."""
    if set(map(len, rows)) == {width} and all(map(any, rows)):
        return Batch(lines, rows)
    kept_lines: list[int] = []
    kept: list[list[str]] = []
    surplus: set[int] = set()
    for line, cells in zip(lines, rows, strict=True):
        if not any(cells):
            continue
        if len(cells) < width:
            cells.extend([""] * (width - len(cells)))
        elif len(cells) > width:
            if any(cell.strip() for cell in cells[width:]):
                surplus.add(len(kept))
            del cells[width:]
        kept_lines.append(line)
        kept.append(cells)
    return Batch(kept_lines, kept, frozenset(surplus))


def joined(batches: Sequence[Batch]) -> Batch:
    """Batches as one."""
    lines: list[int] = []
    cells: list[list[str]] = []
    surplus: set[int] = set()
    for batch in batches:
        surplus.update(place + len(cells) for place in batch.surplus)
        lines.extend(batch.lines)
        cells.extend(batch.cells)
    return Batch(lines, cells, frozenset(surplus))


def clean_name(cell: str) -> str:
    """A column's name, fit to be stored: one line in NFC, without control characters."""
    text = "".join(c for c in unicodedata.normalize("NFC", cell) if c.isspace() or unicodedata.category(c) != "Cc")
    return " ".join(text.split())


def holds_address(cells: Sequence[str]) -> bool:
    """Whether one of the cells is an email address: then they are no names of columns."""
    return any(_ADDRESS.fullmatch(cell.strip()) for cell in cells)


def chosen_header(
    found: Sequence[tuple[int, list[str]]], wanted: int | None, known: Callable[[str], bool]
) -> tuple[int, list[str]]:
    """Which of the first filled lines holds the columns' names, and its cells; 0 where none does.

    It is the first one, unless that holds an address (then there is none), or is a title: names that are known
    stand below it, and none in it.
    """
    widest = max((cells for _line, cells in found), key=len)
    if wanted is not None:
        return found[0] if wanted else (0, widest)
    if holds_address(found[0][1]):
        return 0, widest
    if not any(known(clean_name(cell)) for cell in found[0][1]):
        for line, cells in found[1:]:
            if holds_address(cells):
                break
            if sum(known(clean_name(cell)) for cell in cells) > (len(found[0][1]) > 1):
                return line, cells
    return found[0]


def check_width(count: int, line: int) -> None:
    if count > MAX_COLUMNS:
        raise TooManyColumns(
            _("There are more than %(count)d columns.") % {"count": MAX_COLUMNS},
            line=line,
            remedy=_("Leave out columns that are not needed, or choose another delimiter."),
        )


def column_names(cells: Sequence[str]) -> list[str]:
    """The columns' names; those without one are numbered, those that come twice as well."""
    names: list[str] = []
    taken: set[str] = set()
    counted: dict[str, int] = {}
    for place, cell in enumerate(cells, start=1):
        name = _shortened(clean_name(cell)) or numbered_name(place)
        wanted = name
        while wanted in taken:
            counted[name] = counted.get(name, 1) + 1
            wanted = _shortened(name, f" {counted[name]}")
        taken.add(wanted)
        names.append(wanted)
    return names


def numbered_name(place: int) -> str:
    return _("Column %(number)d") % {"number": place}


def _shortened(name: str, end: str = "") -> str:
    return name[: MAX_NAME - len(end)].rstrip() + end
