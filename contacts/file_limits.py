"""What a spreadsheet may hold at most, found out before anything parses it: archives and XML can hide far more than
their size tells.

A workbook is not parsed as it came. Its parts are inflated under limits, read once as plain XML (no document type,
so no entity grows), and put into an archive of our own making, which the parser then reads.
"""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, BinaryIO
from xml.parsers import expat

from django.template.defaultfilters import filesizeformat
from django.utils.formats import number_format
from django.utils.translation import gettext as _

from contacts.tables import UnreadableFile

MB = 1 << 20
MOST_OF_ARCHIVE = 50 * MB
MOST_INFLATED = 100 * MB
MOST_OF_OTHER_PARTS = 10 * MB
MOST_PARTS = 2_000
MOST_OF_DIRECTORY = 1 * MB
MOST_RATIO = 250
RATIO_COUNTS_FROM = 4 * MB
MOST_CELLS = 2_000_000
MOST_LETTERS = 100_000_000
ODS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"
_SHARED = "xl/sharedStrings.xml"
_END_OF_DIRECTORY = 22
_CHUNK = 1 << 16
_IN_TWO_BYTES = b"".join(bytes((letter, 0)) for letter in b"EncryptedPackage")


@dataclass(frozen=True, slots=True)
class CheckedWorkbook:
    """A workbook that can be parsed: its kind, and an archive of its parts that matter, in a file without a name."""

    kind: str
    file: BinaryIO


def checked_workbook(file: BinaryIO) -> CheckedWorkbook:
    """The workbook in a file, if it keeps to the limits. Raises UnreadableFile."""
    _check_directory(file)
    with _as_damage(), zipfile.ZipFile(file) as archive:
        kind, parts = _parts(archive)
        _check_declared(parts)
        copy: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (whoever parses it closes it)
        try:
            with zipfile.ZipFile(copy, "w", zipfile.ZIP_STORED) as clean:
                _copy(archive, parts, clean)
        except BaseException:
            copy.close()
            raise
    copy.seek(0)
    return CheckedWorkbook(kind, copy)  # type: ignore[arg-type]


def refuse_old_spreadsheet(file: BinaryIO) -> None:
    """Raises UnreadableFile for what begins as Excel's old files do, which is also how a password is kept."""
    file.seek(0)
    before = b""
    while chunk := file.read(MB):
        if _IN_TWO_BYTES in before + chunk:
            raise _protected()
        before = chunk[-len(_IN_TWO_BYTES) :]
    raise UnreadableFile(
        _("This is an old spreadsheet (.xls)."), remedy=_("Open it and save it as .xlsx or as “CSV UTF-8”.")
    )


def _check_directory(file: BinaryIO) -> None:
    """The size of the archive and of its table of contents, from its last bytes."""
    size = file.seek(0, 2)
    if size > MOST_OF_ARCHIVE:
        raise _too_large(
            _("The spreadsheet has %(size)s, and at most %(most)s are read.")
            % {"size": filesizeformat(size), "most": filesizeformat(MOST_OF_ARCHIVE)}
        )
    file.seek(max(0, size - _END_OF_DIRECTORY - (1 << 16)))
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    end = tail[place : place + _END_OF_DIRECTORY]
    if place < 0 or len(end) < _END_OF_DIRECTORY:
        raise _damaged()
    parts, length = int.from_bytes(end[10:12], "little"), int.from_bytes(end[12:16], "little")
    if parts > MOST_PARTS or length > MOST_OF_DIRECTORY:
        raise _too_large(_("The spreadsheet is an archive of more than %(count)d parts.") % {"count": MOST_PARTS})


def _parts(archive: zipfile.ZipFile) -> tuple[str, list[zipfile.ZipInfo]]:
    """The kind of workbook, and those of its parts that hold cells or tell how to read them."""
    infos = [info for info in archive.infolist() if not info.is_dir()]
    names = {info.filename for info in infos}
    if len(names) < len(infos) or len(infos) > MOST_PARTS:
        raise _damaged()
    if "xl/workbook.xml" in names:
        kind = "xlsx"
        wanted = {name for name in names if name.startswith(("xl/worksheets/", "xl/_rels/", "_rels/"))}
        wanted |= {"[Content_Types].xml", "xl/workbook.xml", "xl/styles.xml", _SHARED}
    elif "content.xml" in names and "mimetype" in names:
        kind = "ods"
        wanted = {"mimetype", "content.xml", "META-INF/manifest.xml"}
        mime = archive.getinfo("mimetype")
        if mime.file_size > 200 or archive.read(mime).strip() != ODS_TYPE:
            raise _no_workbook()
    else:
        raise _no_workbook()
    parts = [info for info in infos if info.filename in wanted]
    if any(info.flag_bits & 0x1 for info in parts):
        raise _protected()
    if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in parts):
        raise _damaged()
    return kind, [info for info in parts if info.filename == "mimetype" or info.filename.endswith((".xml", ".rels"))]


def _check_declared(parts: list[zipfile.ZipInfo]) -> None:
    if sum(info.file_size for info in parts) > MOST_INFLATED:
        raise _inflates()
    for info in parts:
        if not _holds_cells(info.filename) and info.file_size > MOST_OF_OTHER_PARTS:
            raise _inflates()
        if info.file_size > max(RATIO_COUNTS_FROM, info.compress_size * MOST_RATIO):
            raise _inflates()


def _holds_cells(name: str) -> bool:
    return name in (_SHARED, "content.xml") or (name.startswith("xl/worksheets/") and name.endswith(".xml"))


def _copy(archive: zipfile.ZipFile, parts: list[zipfile.ZipInfo], clean: zipfile.ZipFile) -> None:
    """Each part, as far as it is declared and checked, into the clean archive; the texts that are shared first."""
    shared = _SharedTexts()
    for info in sorted(parts, key=lambda info: info.filename != _SHARED):
        name = info.filename
        reader: _Reader
        if name == _SHARED:
            reader = shared
        elif name == "content.xml":
            reader = _OdsCells()
        elif name.startswith("xl/worksheets/") and name.endswith(".xml"):
            reader = _XlsxCells(shared)
        elif name == "META-INF/manifest.xml":
            reader = _Manifest()
        else:
            reader = _Reader()
        with archive.open(info) as source, clean.open(zipfile.ZipInfo(name), "w", force_zip64=False) as target:
            while chunk := source.read(_CHUNK):
                if name != "mimetype":
                    reader.feed(chunk)
                target.write(chunk)
        if name != "mimetype":
            reader.close()


class _Reader:
    """One part, read as XML for its limits alone."""

    def __init__(self) -> None:
        parser = self.parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes) -> None:
        self.parser.Parse(chunk, False)

    def close(self) -> None:
        self.parser.Parse(b"", True)

    def _doctype(self, *_particulars: Any) -> None:
        raise UnreadableFile(
            _("The spreadsheet declares a document type of its own, which none does by itself."),
            remedy=_("Open it and save it anew, or save it as “CSV UTF-8”."),
        )


class _Manifest(_Reader):
    """The list of an ODS file's parts, which says whether a password is on them."""

    def __init__(self) -> None:
        super().__init__()
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if name.endswith("encryption-data"):
            raise _protected()


class _SharedTexts(_Reader):
    """The texts that XLSX cells point to: how long each is."""

    def __init__(self) -> None:
        super().__init__()
        self.lengths: list[int] = []
        self.parser.StartElementHandler = self._start
        self.parser.CharacterDataHandler = self._text

    @property
    def longest(self) -> int:
        return max(self.lengths, default=0)

    def _start(self, name: str, _attributes: dict[str, str]) -> None:
        if name == "si" or name.endswith(":si"):
            if len(self.lengths) >= MOST_CELLS:
                raise _too_many_cells()
            self.lengths.append(0)

    def _text(self, text: str) -> None:
        if self.lengths:
            self.lengths[-1] += len(text)


class _XlsxCells(_Reader):
    """A sheet of an XLSX file: the rectangle that its cells span, and how long all texts are that they point to."""

    def __init__(self, shared: _SharedTexts) -> None:
        super().__init__()
        self.row = self.column = self.cells = self.letters = 0
        self.first_row, self.last_row, self.first_column, self.last_column = 1 << 30, 0, 1 << 30, 0
        self._columns: dict[str, int] = {}
        self._is_shared = self._in_value = False
        self._value = ""
        self._shared = shared
        self.parser.StartElementHandler = self._start
        self._weighs_texts = False
        if shared.longest * MOST_CELLS > MOST_LETTERS:
            self._weighs_texts = True
            self.parser.EndElementHandler = self._end
            self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if ":" in name:
            name = name.rpartition(":")[2]
        if name == "c":
            self._cell(attributes.get("r", ""))
            self._is_shared = attributes.get("t") == "s"
        elif name == "row":
            named = attributes.get("r", "")
            self.row = int(named) if named.isascii() and named.isdigit() else self.row + 1
            self.column = 0
        elif name == "v" and self._weighs_texts:
            self._in_value, self._value = self._is_shared, ""

    def _cell(self, place: str) -> None:
        letters = place.rstrip("0123456789")
        column = self._columns.get(letters)
        if column is None:
            column = self._columns[letters] = _column_number(letters) if letters else 0
        column = column or self.column + 1
        row = int(place[len(letters) :] or 0) or self.row if letters else self.row
        self.column = column
        self.cells += 1
        if column < self.first_column:
            self.first_column = column
        if column > self.last_column:
            self.last_column = column
        if row < self.first_row:
            self.first_row = row
        if row > self.last_row:
            self.last_row = row
        if self.cells > MOST_CELLS:
            raise _too_many_cells()

    def _end(self, name: str) -> None:
        if self._in_value and (name == "v" or name.endswith(":v")):
            self._in_value = False
            text = self._value.strip()
            if text.isascii() and text.isdigit() and int(text) < len(self._shared.lengths):
                self.letters += self._shared.lengths[int(text)]
            if self.letters > MOST_LETTERS:
                raise _inflates()

    def _text(self, text: str) -> None:
        if self._in_value and len(self._value) < 20:
            self._value += text

    def close(self) -> None:
        super().close()
        rows, columns = self.last_row - self.first_row + 1, self.last_column - self.first_column + 1
        if self.cells and rows * columns > MOST_CELLS:
            raise _too_many_cells()


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters[:4].upper():
        number = number * 26 + ord(letter) - 64
    if not 0 < number <= 16_384:
        raise _damaged()
    return number


class _OdsCells(_Reader):
    """The sheets of an ODS file, in which a row or cell says how often it is repeated: what they come to in all."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = self.letters = 0
        self._rows = self._repeated = self._column = self._filled = self._row_letters = self._cell_letters = 0
        self._empty_rows = 0
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if name in ("table-cell", "covered-table-cell"):
            self._repeated = _repeated(attributes, "number-columns-repeated")
            self._cell_letters = sum(map(len, attributes.values()))
            self._column += self._repeated
            if any(key.endswith(":value-type") for key in attributes):
                self._filled = self._column
        elif name == "table-row":
            self._rows = _repeated(attributes, "number-rows-repeated")
            self._column = self._filled = self._row_letters = 0
        elif name == "table":
            self._empty_rows = 0

    def _text(self, text: str) -> None:
        self._cell_letters += len(text)
        if self._column and not text.isspace():
            self._filled = self._column

    def _end(self, name: str) -> None:
        name = name.rpartition(":")[2]
        if name in ("table-cell", "covered-table-cell"):
            self._row_letters += self._cell_letters * self._repeated if self._filled == self._column else 0
            self._cell_letters = 0
        elif name == "table-row":
            if not self._filled:  # counts once a filled one follows
                self._empty_rows += self._rows
                return
            self.cells += self._empty_rows + self._filled * self._rows
            self.letters += self._row_letters * self._rows
            self._empty_rows = 0
            if self.cells > MOST_CELLS:
                raise _too_many_cells()
            if self.letters > MOST_LETTERS:
                raise _inflates()


def _repeated(attributes: dict[str, str], name: str) -> int:
    text = next((value for key, value in attributes.items() if key.endswith(f":{name}")), "1")
    digits = text.strip().lstrip("+")
    return max(1, int(digits[:12])) if digits.isascii() and digits.isdigit() else 1


@contextmanager
def _as_damage() -> Iterator[None]:
    """What the libraries say of an archive or of XML that is not whole, as a refusal in words."""
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, expat.ExpatError, EOFError, OSError, RuntimeError, ValueError) as error:
        raise _damaged() from error
    except (NotImplementedError, UnicodeError) as error:
        raise _damaged() from error


def _damaged() -> UnreadableFile:
    return UnreadableFile(
        _("The spreadsheet is damaged, or is none."), remedy=_("Open it and save it anew, or save it as “CSV UTF-8”.")
    )


def _protected() -> UnreadableFile:
    return UnreadableFile(_("A password protects this spreadsheet."), remedy=_("Open it and save it without one."))


def _no_workbook() -> UnreadableFile:
    return UnreadableFile(
        _("This is an archive, and no spreadsheet (.xlsx or .ods)."), remedy=_("Unpack it and choose a file in it.")
    )


def _too_large(message: str) -> UnreadableFile:
    return UnreadableFile(message, remedy=_("Save it as “CSV UTF-8”, which may be larger, or split it."))


def _inflates() -> UnreadableFile:
    return _too_large(
        _("Unpacked, the spreadsheet would be far larger than it looks. At most %(most)s are read.")
        % {"most": filesizeformat(MOST_INFLATED)}
    )


def _too_many_cells() -> UnreadableFile:
    return _too_large(
        _("A sheet spans more than %(most)s cells, counting empty ones between others.")
        % {"most": number_format(MOST_CELLS, force_grouping=True)}
    )
