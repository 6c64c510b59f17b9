"""Lists as XLSX files that can be imported again. Every cell is text, so that nothing in them is a formula."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Sequence
from typing import IO, Any

from django.http import FileResponse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from xlsxwriter import Workbook
from xlsxwriter.worksheet import Worksheet

from contacts.csv_guard import guarded_text
from contacts.errors import RegisterError
from contacts.file_limits import MOST_CELLS

CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOST_LETTERS_IN_A_CELL = 32_767
MOST_ROWS = 1_048_576
_NO_XML = re.compile("[\ufffe\uffff\ud800-\udfff]")
_WIDTH = 18


class TooLargeForSheet(RegisterError):
    """The list does not fit into a spreadsheet."""

    code = "too_large_for_a_sheet"

    def __init__(self, message: str) -> None:
        super().__init__(message, remedy=_("Export it as CSV, which has no such limit."))


def check_size(rows: int, columns: int) -> None:
    """Raises TooLargeForSheet for more than a spreadsheet holds, and than our import reads of one."""
    if (rows + 1) * columns > MOST_CELLS or rows >= MOST_ROWS:
        raise TooLargeForSheet(
            _("An XLSX file of this list would have more than %(most)s cells.")
            % {"most": number_format(MOST_CELLS, force_grouping=True)}
        )


def xlsx_file(header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> IO[bytes]:
    """The list in a file without a name, at its beginning. Memory stays flat. Raises TooLargeForSheet."""
    file = tempfile.TemporaryFile()  # noqa: SIM115 (whoever sends it closes it)
    try:
        with tempfile.TemporaryDirectory() as folder:
            book = Workbook(file, {"constant_memory": True, "tmpdir": folder})
            try:
                _write(book, header, rows)
            finally:
                book.close()
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def xlsx_response(file_name: str, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> FileResponse:
    """A download of the list. Raises TooLargeForSheet."""
    response = FileResponse(xlsx_file(header, rows), content_type=CONTENT_TYPE, as_attachment=True, filename=file_name)
    response["Cache-Control"] = "no-store"
    return response


def _write(book: Workbook, header: Sequence[Any], rows: Iterable[Sequence[Any]]) -> None:
    sheet: Worksheet = book.add_worksheet()
    text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
    sheet.set_column(0, max(0, len(header) - 1), _WIDTH, text)
    sheet.freeze_panes(1, 0)
    for place, cell in enumerate(header):
        sheet.write_string(0, place, _cell(cell), bold)
    for line, row in enumerate(rows, start=1):
        check_size(line, len(header))
        for place, value in enumerate(row):
            if cell := _cell(value):
                sheet.write_string(line, place, cell, text)


def _cell(value: Any) -> str:
    text = "" if value is None else guarded_text(_NO_XML.sub("\ufffd", str(value)))
    if len(text) > MOST_LETTERS_IN_A_CELL:
        raise TooLargeForSheet(_("A cell of this list has more letters than a spreadsheet holds in one."))
    return text
