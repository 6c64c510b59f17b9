"""Reading a list from a spreadsheet (XLSX, ODS): cells as people see them, a row's line is its number in the sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any, BinaryIO, TypeVar

from django.utils.translation import gettext as _
from python_calamine import CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from contacts.file_limits import CheckedWorkbook, checked_workbook
from contacts.tables import (
    AT_ONCE,
    LOOKED_AT,
    Batch,
    Reading,
    Table,
    UnreadableFile,
    check_width,
    chosen_header,
    column_names,
    fitted,
    numbered_name,
)

_AS_EXACT = 10**15
Result = TypeVar("Result")


class SheetTable(Table):
    def __init__(
        self, kind: str, sheets: list[str], sheet: CalamineSheet, columns: list[str], reading: Reading
    ) -> None:
        super().__init__(columns, reading)
        self.kind = kind
        self.sheets = sheets
        self._sheet = sheet

    def batches(self, size: int = AT_ONCE) -> Iterator[Batch]:
        lines: list[int] = []
        rows: list[list[str]] = []
        for line, cells in _rows(self._sheet):
            if line <= (self.reading.header or 0):
                continue
            lines.append(line)
            rows.append(cells)
            if len(rows) == size:
                batch = fitted(lines, rows, len(self.columns))
                lines, rows = [], []
                if batch.lines:
                    yield batch
        batch = fitted(lines, rows, len(self.columns))
        if batch.lines:
            yield batch


def open_sheet(file: BinaryIO, *, known: Callable[[str], bool], reading: Reading) -> SheetTable:
    """A sheet of a workbook (by its name, else the first that is visible and not empty). Raises UnreadableFile."""
    checked = checked_workbook(file)
    with checked.file, _workbook(checked) as workbook:
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ is SheetTypeEnum.WorkSheet and sheet.visible is SheetVisibleEnum.Visible
        ] or list(workbook.sheet_names)
        if reading.sheet and reading.sheet not in names:
            raise UnreadableFile(
                _("There is no sheet “%(name)s”.") % {"name": reading.sheet},
                remedy=_("The file has: %(names)s.") % {"names": ", ".join(names[:30])},
            )
        for name in [reading.sheet] if reading.sheet else names:
            sheet = _asked(lambda name=name: workbook.get_sheet_by_name(name))  # type: ignore[misc]
            found = _first_filled(sheet, reading.header)
            if found:
                break
        else:
            raise UnreadableFile(_("The file is empty."))
    line, cells = chosen_header(found, reading.header, known)
    check_width(len(cells), line or 1)
    columns = column_names(cells) if line else [numbered_name(place) for place in range(1, len(cells) + 1)]
    found_reading = replace(reading, encoding="", delimiter="", header=line, sheet=name)
    return SheetTable(checked.kind, names, sheet, columns, found_reading)


def _first_filled(sheet: CalamineSheet, header: int | None) -> list[tuple[int, list[str]]]:
    found: list[tuple[int, list[str]]] = []
    for line, cells in _rows(sheet):
        if line < (header or 1) or not any(cell.strip() for cell in cells):
            continue
        found.append((line, _without_empty_end(cells)))
        if header or len(found) == LOOKED_AT:
            break
    return found


def _without_empty_end(cells: list[str]) -> list[str]:
    width = max((place for place, cell in enumerate(cells, start=1) if cell.strip()), default=0)
    return cells[:width]


def _rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    rows = _asked(lambda: sheet.iter_rows())
    for line, cells in enumerate(rows, start=1):
        texts = [cell if type(cell) is str else as_seen(cell) for cell in cells]
        if "\0" in "".join(texts):  # Excel's _x0000_
            raise UnreadableFile(_("There is a NUL character, which no text has."), line=line)
        yield line, texts


def as_seen(cell: Any) -> str:
    """A cell's value as a person sees it: 12 and not 12.0, 2026-03-01, TRUE."""
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _AS_EXACT else format(cell, ".15g")
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, (date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        minutes, seconds = divmod(round(cell.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return str(cell)


def _workbook(checked: CheckedWorkbook) -> CalamineWorkbook:
    return _asked(lambda: CalamineWorkbook.from_filelike(checked.file))


def _asked(call: Callable[[], Result]) -> Result:
    """What the parser answers. Its faults are refusals in words; a panic of its own is no Exception."""
    try:
        return call()
    except UnreadableFile:
        raise
    except BaseException as error:
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise UnreadableFile(
            _("The spreadsheet is damaged, or is none."),
            remedy=_("Open it and save it anew, or save it as “CSV UTF-8”."),
        ) from error
