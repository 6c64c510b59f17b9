"""Reading a CSV file as other tools write it: encoding, delimiter and header are found, faults named by line.

Encodings are told by rules that never guess at letters: a byte order mark, UTF-16's zeros, UTF-8 (which other
text is not by chance), else Windows-1252, of which Latin-1 is a part. Statistics were tried and took short
French lists for Polish ones.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from contacts.errors import RegisterError

MAX_LINE = 1_000_000
MAX_COLUMNS = 500
MAX_NAME = 100
DELIMITERS = (",", ";", "\t", "|")
_CHUNK = 1 << 20
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


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line on which it begins, its cells (as many as there are columns), and whether it has
    more of them than the header."""

    line: int
    cells: list[str]
    has_surplus: bool = False


class Table:
    """A CSV file whose header was read. ``rows`` may be gone through several times."""

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str, columns: list[str], header_line: int) -> None:
        self._file = file
        self.encoding = encoding
        self.delimiter = delimiter
        self.columns = columns
        self.header_line = header_line

    def rows(self) -> Iterator[Row]:
        """Every record after the header, without empty lines. Raises UnreadableFile."""
        width = len(self.columns)
        for line, cells in _records(_text(self._file, self.encoding), self.delimiter):
            if line <= self.header_line:
                continue
            surplus = any(cell.strip() for cell in cells[width:])
            yield Row(line, (cells + [""] * (width - len(cells)))[:width], surplus)


def read_table(file: BinaryIO, *, known: Callable[[str], bool], encoding: str = "") -> Table:
    """Find out how a file is written, and read its header.

    ``known`` tells whether a header is the name of something, which decides between delimiters; ``encoding``
    overrides what would be found. Raises UnreadableFile.
    """
    encoding = _named(encoding) if encoding else _encoding_of(file)
    best: tuple[tuple[int, int], str, int, list[str]] | None = None
    problem: UnreadableFile | None = None
    for delimiter in _declared_delimiter(file, encoding) or DELIMITERS:
        try:
            line, cells = _header(file, encoding, delimiter)
        except UnreadableFile as error:
            problem = problem or error
            continue
        score = (sum(known(cell) for cell in cells), len(cells))
        if best is None or score > best[0]:
            best = (score, delimiter, line, cells)
    if best is None:
        raise problem or UnreadableFile(_("The file is empty."))
    _score, delimiter, line, cells = best
    _check_header(cells, line)
    return Table(file, encoding, delimiter, _unique(cells), line)


def check(table: Table) -> int:
    """Go through the whole file once, before anything of it is used; returns how many records it has.

    Raises UnreadableFile for a fault that makes the rest of the file doubtful.
    """
    return sum(1 for _row in table.rows())


def _encoding_of(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(4096)
    if not start:
        raise UnreadableFile(_("The file is empty."))
    if start.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UnreadableFile(
            _("This is a spreadsheet or an archive, not a CSV file."),
            remedy=_("Save it as “CSV UTF-8” first."),
        )
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return _checked(file, name)
    for offset, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        half = start[offset::2]
        if half and half.count(0) > len(half) * 0.6 and start[1 - offset :: 2].count(0) == 0:
            return _checked(file, name)
    for name in ("utf-8", "cp1252"):
        if _decodes(file, name):
            return name
    raise UnreadableFile(
        _("The text is neither UTF-8 nor Windows-1252."), remedy=_("Save the file as “CSV UTF-8” first.")
    )


def _checked(file: BinaryIO, name: str) -> str:
    if not _decodes(file, name):
        raise UnreadableFile(
            _("The file begins as %(encoding)s and does not go on as such.") % {"encoding": name.upper()},
            remedy=_("Export it anew, as “CSV UTF-8”."),
        )
    return name


def _named(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError as error:
        raise UnreadableFile(_("There is no encoding of this name.")) from error


def _decodes(file: BinaryIO, name: str) -> bool:
    decoder = codecs.getincrementaldecoder(name)()
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _text(file: BinaryIO, encoding: str) -> Iterator[str]:
    """The file's lines, one at a time. Raises UnreadableFile for one that is no line of text."""
    file.seek(0)
    text = io.TextIOWrapper(file, encoding=encoding, newline="")
    try:
        number = 0
        while line := text.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise UnreadableFile(_("The line is longer than a million characters."), line=number)
            if "\0" in line:
                raise UnreadableFile(_("There is a NUL character, which no text has."), line=number)
            yield line
    except UnicodeDecodeError as error:
        raise UnreadableFile(_("The text is not in this encoding."), line=number + 1) from error
    finally:
        if not file.closed:
            text.detach()


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Records that are not empty, with the line on which each begins."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(_fault(str(error)), line=first) from error
        if cells:
            yield first, cells


def _fault(text: str) -> str:
    if "unexpected end" in text:
        return _("A quotation mark opens here and is not closed.")
    if "field larger" in text:
        return _("A cell is too long. Perhaps a quotation mark opens here and is not closed.")
    return _("A cell goes on after its closing quotation mark. Inside a cell, write the mark twice.")


def _declared_delimiter(file: BinaryIO, encoding: str) -> tuple[str, ...]:
    """Excel's first line ``sep=;``."""
    lines = _text(file, encoding)
    first = next(lines, "").strip().lower()
    lines.close()  # type: ignore[attr-defined]
    return (first[4],) if len(first) == 5 and first.startswith("sep=") and first[4] in DELIMITERS else ()


def _header(file: BinaryIO, encoding: str, delimiter: str) -> tuple[int, list[str]]:
    lines = _text(file, encoding)
    try:
        for line, cells in _records(lines, delimiter):
            is_declaration = line == 1 and cells[0].strip().lower().startswith("sep=")
            if any(cell.strip() for cell in cells) and not is_declaration:
                return line, [_name(cell) for cell in cells]
    finally:
        lines.close()  # type: ignore[attr-defined]
    raise UnreadableFile(_("The file is empty."))


def _name(cell: str) -> str:
    """A column's name, fit to be stored: one line in NFC, without control characters."""
    text = "".join(c for c in unicodedata.normalize("NFC", cell) if c.isspace() or unicodedata.category(c) != "Cc")
    return " ".join(text.split())


def _check_header(cells: list[str], line: int) -> None:
    if len(cells) > MAX_COLUMNS:
        raise UnreadableFile(_("There are more than %(count)d columns.") % {"count": MAX_COLUMNS}, line=line)
    if any(_ADDRESS.fullmatch(cell) for cell in cells):
        raise UnreadableFile(
            _("The first line holds an address, and should hold the names of the columns."),
            line=line,
            remedy=_("Add a line of names above, for example: email,first name,last name."),
        )


def _unique(cells: list[str]) -> list[str]:
    """The columns' names; those without one are numbered, those that come twice as well."""
    names: list[str] = []
    taken: set[str] = set()
    counted: dict[str, int] = {}
    for place, cell in enumerate(cells, start=1):
        name = _shortened(cell) or _("Column %(number)d") % {"number": place}
        wanted = name
        while wanted in taken:
            counted[name] = counted.get(name, 1) + 1
            wanted = _shortened(name, f" {counted[name]}")
        taken.add(wanted)
        names.append(wanted)
    return names


def _shortened(name: str, end: str = "") -> str:
    return name[: MAX_NAME - len(end)].rstrip() + end
