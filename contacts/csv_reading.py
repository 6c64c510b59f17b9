"""Reading a list as other tools write it: kind, encoding, delimiter and header are found, faults named by line.

Encodings are told by rules that never guess at letters: a byte order mark, UTF-16's zeros, UTF-8 (which other
text is not by chance), else Windows-1252, of which Latin-1 is a part. Statistics were tried and took short
French lists for Polish ones.

A million rows take about a second, since lines and records are iterated in C and no object is made for a row.
Memory stays flat whatever the file holds: a line, and the rows that are read in one go, have a greatest length.
"""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from typing import BinaryIO

from django.utils.translation import gettext as _

from contacts.column_names import is_known
from contacts.file_limits import refuse_old_spreadsheet
from contacts.sheet_reading import open_sheet
from contacts.tables import (
    AT_ONCE,
    LOOKED_AT,
    MAX_COLUMNS,
    Batch,
    Reading,
    Row,
    Table,
    TooManyColumns,
    UnreadableFile,
    check_width,
    chosen_header,
    clean_name,
    column_names,
    fitted,
    joined,
    numbered_name,
)

__all__ = ("Batch", "Reading", "Row", "Table", "UnreadableFile", "open_table")

MAX_LINE = 1_000_000
MAX_IN_ONE_GO = 8_000_000
DELIMITERS = (",", ";", "\t", "|")
ENCODINGS = ("utf-8", "cp1252", "utf-16", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-15", "cp1250", "mac-roman")
# Ways to write names and programs, not files: escapes would give characters that no text has.
_NO_ENCODINGS = {"utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined"}
_CHUNK = 1 << 18
_ROWS_IN_ONE_GO = 100


class CsvTable(Table):
    kind = "csv"

    def __init__(self, file: BinaryIO, columns: list[str], reading: Reading) -> None:
        super().__init__(columns, reading)
        self._file = file
        self.encoding = reading.encoding
        self.delimiter = reading.delimiter

    def batches(self, size: int = AT_ONCE) -> Iterator[Batch]:
        records = _Records(self._file, self.encoding, self.delimiter)
        records.skip(self.reading.header or 0)
        parts: list[Batch] = []
        number = length = 0
        while True:
            first = records.line + 1
            rows = records.take(min(_ROWS_IN_ONE_GO, size - number))
            if rows:
                parts.append(fitted(_lines(rows, first, records.line), rows, len(self.columns)))
                number += len(parts[-1].lines)
                length += records.length
            if parts and (not rows or number >= size or length >= MAX_IN_ONE_GO):
                batch = joined(parts)
                parts, number, length = [], 0, 0
                if batch.lines:
                    yield batch
            if not rows:
                return


def open_table(
    file: BinaryIO, *, known: Callable[[str], bool] = is_known, reading: Reading | None = None, name: str = ""
) -> Table:
    """Find out how a file is written, and read its header.

    ``known`` tells whether a header is the name of something, which decides between delimiters and lines;
    ``reading`` says what need not be found out; ``name`` is the file's. Raises UnreadableFile.
    """
    file.seek(0)
    start = file.read(8)
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return open_sheet(file, known=known, reading=reading or Reading())
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        refuse_old_spreadsheet(file)
    return _open_csv(file, known, reading or Reading())


def _open_csv(file: BinaryIO, known: Callable[[str], bool], reading: Reading) -> CsvTable:
    encoding = _named(reading.encoding) if reading.encoding else _encoding_of(file)
    delimiters = _wanted(reading.delimiter) or _declared_delimiter(file, encoding) or DELIMITERS
    best: tuple[tuple[int, int], Reading, list[str]] | None = None
    problem: UnreadableFile | None = None
    for delimiter in delimiters:
        try:
            line, cells = _header(file, replace(reading, encoding=encoding, delimiter=delimiter), known)
        except UnreadableFile as error:
            problem = problem or error
            continue
        score = (sum(known(clean_name(cell)) for cell in cells), len(cells))
        if best is None or score > best[0]:
            best = (score, replace(reading, encoding=encoding, delimiter=delimiter, header=line, sheet=""), cells)
    if best is None or (isinstance(problem, TooManyColumns) and not best[0][0]):
        raise problem or UnreadableFile(_("The file is empty."))
    _score, found, cells = best
    names = column_names(cells) if found.header else [numbered_name(place) for place in range(1, len(cells) + 1)]
    return CsvTable(file, names, found)


def _wanted(delimiter: str) -> tuple[str, ...]:
    if delimiter and delimiter not in DELIMITERS:
        raise UnreadableFile(_("A delimiter is a comma, a semicolon, a tab or a vertical bar."))
    return (delimiter,) if delimiter else ()


def _encoding_of(file: BinaryIO) -> str:
    file.seek(0)
    start = file.read(4096)
    if not start:
        raise UnreadableFile(_("The file is empty."))
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8"),
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
    """The encoding's usual name. Raises UnreadableFile for what is no encoding of text."""
    try:
        name = codecs.lookup(encoding).name
        if name.replace("_", "-") not in _NO_ENCODINGS and isinstance(
            codecs.getincrementaldecoder(name)().decode(b""), str
        ):
            return name
    except (LookupError, ValueError, TypeError):
        pass
    raise UnreadableFile(_("There is no encoding of this name."))


def _decoder(name: str) -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8-sig" if name == "utf-8" else name)()


def _decodes(file: BinaryIO, name: str) -> bool:
    decoder = _decoder(name)
    file.seek(0)
    try:
        while chunk := file.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


class _Fault(Exception):
    """A fault in the text; ``line`` is counted from the last line that was handed out, 0 is the record at hand."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


class _Blocks:
    """A file's lines, in blocks of many that Python iterates in C. ``length`` is how much was handed out."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        self._file = file
        self._decoder = _decoder(encoding)
        self.length = 0

    def __iter__(self) -> Iterator[io.StringIO]:
        place, rest, more = 0, "", True
        while more:
            self._file.seek(place)
            chunk = self._file.read(_CHUNK)
            place += len(chunk)
            more = bool(chunk)
            try:
                text = rest + self._decoder.decode(chunk, final=not more)
            except UnicodeError as error:
                before = error.object[: error.start] if isinstance(error, UnicodeDecodeError) else b""
                line = 1 + _breaks(rest) + _breaks(before.replace(b"\0", b"").decode("ascii", "ignore"))
                raise _Fault(_("The text is not in this encoding."), line) from error
            end = _end_of_lines(text) if more else len(text)
            _check_text(text)
            rest = text[end:]
            if end:
                self.length += end
                if self.length > MAX_IN_ONE_GO:
                    raise _Fault(_("Rows are too long here. Perhaps a quotation mark opens and is not closed."), 0)
                yield io.StringIO(text[:end], newline="")


def _end_of_lines(text: str) -> int:
    """Where the last line that is whole ends. A lone CR at the very end may be half of a line's end."""
    return text.rfind("\n") + 1 or text.rfind("\r", 0, -1) + 1


def _check_text(text: str) -> None:
    if len(text) > MAX_LINE and not 0 <= _end_of_first_line(text) <= MAX_LINE:
        raise _Fault(_("The line is longer than a million characters."), 1)
    if (place := text.find("\0")) >= 0:
        raise _Fault(_("There is a NUL character, which no text has."), _breaks(text[:place]) + 1)


def _end_of_first_line(text: str) -> int:
    return min((place for place in (text.find("\n"), text.find("\r")) if place >= 0), default=-1)


def _breaks(text: str) -> int:
    return text.count("\n") + text.count("\r") - text.count("\r\n")


class _Records:
    """A file's records in order, some at a time. ``line`` is the last that was read, ``length`` of the last take."""

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str) -> None:
        self._how = (file, encoding, delimiter)
        self._blocks = _Blocks(file, encoding)
        self._reader = csv.reader(chain.from_iterable(self._blocks), delimiter=delimiter, strict=True)

    @property
    def line(self) -> int:
        return self._reader.line_num

    @property
    def length(self) -> int:
        return self._blocks.length

    def take(self, number: int) -> list[list[str]]:
        """The next records, an empty line as one without cells; none at the end. Raises UnreadableFile."""
        first = self.line + 1
        try:
            return self._take(number)
        except csv.Error as error:
            message, line = _fault(str(error)), 0
        except _Fault as fault:
            message, line = fault.message, fault.line and self.line + fault.line
        raise UnreadableFile(message, line=line or (first if number == 1 else self._beginning(first)))

    def _take(self, number: int) -> list[list[str]]:
        self._blocks.length = 0
        return list(islice(self._reader, number))

    def _beginning(self, otherwise: int) -> int:
        """The line on which the record begins that cannot be read: found by reading again, one by one."""
        again = _Records(*self._how)
        while again.line <= self.line:
            first = again.line + 1
            try:
                if not again._take(1):
                    break
            except (csv.Error, _Fault):
                return first
        return otherwise

    def skip(self, line: int) -> None:
        """Go on after the record of this line; after Excel's first line ``sep=;`` in any case."""
        if not line and _declared_delimiter(*self._how[:2]):
            line = 1
        while self.line < line and self.take(1):
            pass


def _lines(rows: list[list[str]], first: int, last: int) -> Sequence[int]:
    """The line on which each record begins. Where lines are more than records, some cells hold line breaks."""
    if last - first + 1 == len(rows):
        return range(first, last + 1)
    lines: list[int] = []
    for cells in rows:
        lines.append(first)
        first += 1 + sum(map(_breaks, cells))
    return lines


def _fault(text: str) -> str:
    if "unexpected end" in text:
        return _("A quotation mark opens here and is not closed.")
    if "field larger" in text:
        return _("A cell is too long. Perhaps a quotation mark opens here and is not closed.")
    return _("A cell goes on after its closing quotation mark. Inside a cell, write the mark twice.")


def _declared_delimiter(file: BinaryIO, encoding: str) -> tuple[str, ...]:
    """Excel's first line ``sep=;``."""
    try:
        first = next(next(iter(_Blocks(file, encoding)), io.StringIO()), "").strip().lower()
    except _Fault:
        return ()
    return (first[4],) if len(first) == 5 and first.startswith("sep=") and first[4] in DELIMITERS else ()


def _header(file: BinaryIO, reading: Reading, known: Callable[[str], bool]) -> tuple[int, list[str]]:
    """The line of the header and its cells. Without a header: 0, and cells as many as the columns are."""
    records = _Records(file, reading.encoding, reading.delimiter)
    if reading.header:
        records.skip(reading.header - 1)
    else:
        records.skip(0)
    found: list[tuple[int, list[str]]] = []
    while len(found) < LOOKED_AT:
        line = records.line + 1
        try:
            taken = records.take(1)
        except UnreadableFile:
            if found:  # named again, with its line, by whoever goes through the rows
                break
            raise
        if not taken:
            break
        if len(taken[0]) > MAX_COLUMNS and found:
            break
        check_width(len(taken[0]), line)
        if any(cell.strip() for cell in taken[0]):
            found.append((line, taken[0]))
            if reading.header:
                break
    if not found:
        raise UnreadableFile(_("The file is empty."))
    return chosen_header(found, reading.header, known)
