"""Reading spreadsheets: cells as people see them, and files that would take the machine down refused before."""

from __future__ import annotations

import io
import resource
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts import file_limits
from contacts.csv_reading import open_table
from contacts.sheet_reading import as_seen
from contacts.tables import Reading, Table, UnreadableFile

Cells = list[list[Any]]
SHEET = "xl/worksheets/sheet1.xml"


def xlsx(*sheets: Cells, names: list[str] | None = None, hidden: int | None = None) -> bytes:
    """A workbook as Excel writes it: shared texts, dates as formatted numbers."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    book.set_properties({"created": datetime(2026, 3, 1)})
    formats = {
        date: book.add_format({"num_format": "yyyy-mm-dd"}),
        datetime: book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
        time: book.add_format({"num_format": "hh:mm"}),
    }
    for number, rows in enumerate(sheets):
        sheet = book.add_worksheet((names or [])[number] if names else None)
        if number == hidden:
            sheet.hide()
        for line, cells in enumerate(rows):
            for place, cell in enumerate(cells):
                if cell is not None:
                    sheet.write(line, place, cell, formats.get(type(cell)))
    book.close()
    return content.getvalue()


def with_part(workbook: bytes, name: str, text: bytes, **particulars: Any) -> bytes:
    """The workbook with another text in one of its parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as other:
        for part in archive.namelist():
            if part != name:
                other.writestr(part, archive.read(part))
        other.writestr(name, text, **particulars)
    return made.getvalue()


def sheet_xml(rows: str) -> bytes:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    return f'<?xml version="1.0"?><worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'.encode()


def ods(rows: str, *, manifest: str = "", doctype: str = "") -> bytes:
    made = io.BytesIO()
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    content = (
        f'<?xml version="1.0"?>{doctype}<office:document-content {spaces}><office:body><office:spreadsheet>'
        f'<table:table table:name="People">{rows}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", file_limits.ODS_TYPE, zipfile.ZIP_STORED)
        archive.writestr("content.xml", content)
        space = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        archive.writestr(
            "META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{space}">{manifest}</manifest:manifest>'
        )
    return made.getvalue()


def ods_row(*texts: str, repeated: int = 1) -> str:
    cells = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{t}</text:p></table:table-cell>' for t in texts
    )
    return f'<table:table-row table:number-rows-repeated="{repeated}">{cells}</table:table-row>'


def opened(content: bytes, **reading: Any) -> Table:
    return open_table(io.BytesIO(content), reading=Reading(**reading))


def rows_of(table: Table) -> list[tuple[int, list[str]]]:
    return [(row.line, row.cells) for row in table.rows()]


def fault_of(content: bytes, **reading: Any) -> str:
    with pytest.raises(UnreadableFile) as caught:
        rows_of(opened(content, **reading))
    return str(caught.value)


@pytest.mark.parametrize("rows", [(0,), (1, 2)])
def test_nul_in_a_cell_is_refused_with_its_line(rows: tuple[int, ...]) -> None:
    """Excel writes one as _x0000_. A database keeps none."""
    cells = ["a_x0000_" if line in rows else "email" for line in range(3)]
    written = "".join(
        f'<row r="{line}"><c r="A{line}" t="inlineStr"><is><t>{cell}</t></is></c></row>'
        for line, cell in enumerate(cells, start=1)
    )
    fault = fault_of(with_part(xlsx([["email"]]), SHEET, sheet_xml(written)))
    assert fault.startswith(f"Line {rows[0] + 1}: There is a NUL character")


def test_cells_are_read_as_people_see_them() -> None:
    table = opened(
        xlsx([
            ["email", "number", "since", "at", "hour", "vip", "phone"],
            ["a@example.org", 12, date(2026, 3, 1), datetime(2026, 3, 1, 14, 5), time(14, 5), True, 14185550137],
            ["b@example.org", 0.1 + 0.2, None, None, None, False, "+1 418 555 0137"],
        ])
    )  # fmt: skip
    assert (table.kind, table.reading) == ("xlsx", Reading(header=1, sheet="Sheet1"))
    assert rows_of(table) == [
        (2, ["a@example.org", "12", "2026-03-01", "2026-03-01 14:05:00", "14:05:00", "TRUE", "14185550137"]),
        (3, ["b@example.org", "0.3", "", "", "", "FALSE", "+1 418 555 0137"]),
    ]
    assert rows_of(table) == rows_of(table)


def test_a_line_is_the_number_of_the_row_in_the_sheet() -> None:
    empty: list[Any] = []
    table = opened(
        xlsx([empty, empty, ["email"], ["a@example.org"], empty, [None, None, "surplus"], ["b@example.org"]])
    )
    [batch] = table.batches()
    assert (table.reading.header, list(batch.lines)) == (3, [4, 6, 7])
    assert (batch.cells, batch.surplus) == ([["a@example.org"], [""], ["b@example.org"]], frozenset({1}))


def test_a_title_above_the_names_is_passed_over() -> None:
    table = opened(xlsx([["Members, spring"], ["Email", "First name"], ["a@example.org", "Ana"]]))
    assert (table.columns, table.reading.header) == (["Email", "First name"], 2)


def test_the_sheet_can_be_chosen_and_empty_or_hidden_ones_are_passed_over() -> None:
    names = ["Empty", "Hidden", "People", "More"]
    content = xlsx([], [["secret"]], [["email"], ["a@example.org"]], [["name"], ["Bo"]], names=names, hidden=1)
    assert (opened(content).reading.sheet, opened(content).sheets) == ("People", ["Empty", "People", "More"])
    assert opened(content, sheet="More").columns == ["name"]
    assert "There is no sheet “Other”. The file has: Empty, People, More." in fault_of(content, sheet="Other")


def test_header_can_be_chosen_or_there_is_none() -> None:
    content = xlsx([["email", "city"], ["a@example.org", "Lévis"], ["b@example.org", "Québec"]])
    assert opened(content, header=2).columns == ["a@example.org", "Lévis"]
    table = opened(content, header=0)
    assert (table.columns, [line for line, _cells in rows_of(table)]) == (["Column 1", "Column 2"], [1, 2, 3])
    assert opened(xlsx([["a@example.org", "Lévis"]])).reading.header == 0


def test_formulas_give_what_they_came_to() -> None:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["email", "sum", "broken"])
    sheet.write_string(1, 0, "a@example.org")
    sheet.write_formula(1, 1, "=1+1", None, 2)
    sheet.write_formula(1, 2, "=NA()", None, "#N/A")
    book.close()
    assert rows_of(opened(content.getvalue())) == [(2, ["a@example.org", "2", ""])]


def test_ods() -> None:
    rows = ods_row("email", "city") + ods_row() + ods_row("a@example.org", "Lévis") + ods_row(repeated=1_048_573)
    table = opened(ods(rows))
    assert (table.kind, table.sheets, table.columns) == ("ods", ["People"], ["email", "city"])
    assert rows_of(table) == [(3, ["a@example.org", "Lévis"])]


@given(st.floats(-1e300, 1e300))
def test_a_number_is_never_written_with_a_needless_zero(number: float) -> None:
    text = as_seen(number)
    assert not text.endswith(".0")
    assert float(text) == pytest.approx(number, rel=1e-14)


def test_old_and_protected_spreadsheets_are_told_apart() -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert fault_of(old) == "This is an old spreadsheet (.xls). Open it and save it as .xlsx or as “CSV UTF-8”."
    assert "A password protects" in fault_of(old + "EncryptedPackage".encode("utf-16-le"))
    assert "A password protects" in fault_of(ods(ods_row("x"), manifest="<manifest:encryption-data/>"))


def test_archives_that_are_no_spreadsheet() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("inner.xlsx", xlsx([["email"]]))
        archive.writestr("list.csv", "email\n")
    assert (
        fault_of(made.getvalue())
        == "This is an archive, and no spreadsheet (.xlsx or .ods). Unpack it and choose a file in it."
    )


@pytest.mark.parametrize("cut", [30, 200, -30])
def test_a_file_that_was_cut_is_damaged(cut: int) -> None:
    assert "damaged" in fault_of(xlsx([["email"], ["a@example.org"]])[:cut])


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_workbook_with_bytes_turned_is_read_or_refused_in_words(data: st.DataObject) -> None:
    content = bytearray(xlsx([["email"], ["a@example.org"]]))
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    try:
        rows_of(opened(bytes(content)))
    except UnreadableFile as refusal:
        assert str(refusal)


def test_a_part_that_inflates_without_end() -> None:
    bomb = with_part(xlsx([["email"]]), SHEET, b" " * (file_limits.MOST_INFLATED + 1))
    assert len(bomb) < 1_000_000
    assert "Unpacked, the spreadsheet would be far larger" in fault_of(bomb)


def test_a_part_that_shrank_too_well() -> None:
    bomb = with_part(xlsx([["email"]]), SHEET, b" " * 20_000_000)
    assert "Unpacked, the spreadsheet would be far larger" in fault_of(bomb)


def test_a_part_that_is_longer_than_it_declares() -> None:
    content = with_part(xlsx([["email"]]), SHEET, b" " * 60_000_000)
    place = content.rfind(SHEET.encode())  # in the directory, where the size stands 22 bytes before the name
    lie = bytearray(content)
    lie[place - 22 : place - 18] = (100).to_bytes(4, "little")
    assert "damaged" in fault_of(bytes(lie))


def test_more_parts_than_a_spreadsheet_has() -> None:
    made = io.BytesIO(xlsx([["email"]]))
    with zipfile.ZipFile(made, "a") as archive:
        for number in range(file_limits.MOST_PARTS):
            archive.writestr(f"xl/media/{number}", "")
    assert "an archive of more than 2000 parts" in fault_of(made.getvalue())


def test_entities_do_not_grow() -> None:
    laughs = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>' + sheet_xml("<row><c><v>&b;</v></c></row>")[21:]
    assert "declares a document type" in fault_of(with_part(xlsx([["email"]]), SHEET, laughs))
    assert "declares a document type" in fault_of(ods(ods_row("x"), doctype='<!DOCTYPE x [<!ENTITY a "ha">]>'))


def test_two_cells_far_apart_span_too_many() -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    assert "spans more than 2,000,000 cells" in fault_of(with_part(xlsx([["email"]]), SHEET, sheet_xml(rows)))
    odd = '<x:row xmlns:x="y"/>' + rows.replace('"A1"', "'&#65;1'").replace('"XFD1048576"', '"xfd1048576"')
    assert "spans more than 2,000,000 cells" in fault_of(with_part(xlsx([["email"]]), SHEET, sheet_xml(odd)))


def test_cells_outside_of_every_sheet_are_damage() -> None:
    rows = '<row r="1"><c r="ZZZZ1"><v>1</v></c></row>'
    assert "damaged" in fault_of(with_part(xlsx([["email"]]), SHEET, sheet_xml(rows)))


def test_one_long_text_that_every_cell_points_to() -> None:
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    shared = f'<sst xmlns="{space}"><si><t>{"x" * 1_000_000}</t></si></sst>'.encode()
    cells = "".join(f'<row r="{line}"><c r="A{line}" t="s"><v>0</v></c></row>' for line in range(1, 1_000))
    content = with_part(with_part(xlsx([["email"]]), SHEET, sheet_xml(cells)), "xl/sharedStrings.xml", shared)
    assert "Unpacked, the spreadsheet would be far larger" in fault_of(content)


@pytest.mark.parametrize(
    "rows",
    [
        lambda: ods_row("email") + ods_row("x", repeated=1_000_000_000),
        lambda: ods_row("email") + ods_row(repeated=1_000_000_000) + ods_row("x"),
        lambda: (
            '<table:table-row><table:table-cell table:number-columns-repeated="900000000" office:value-type="string">'
            "<text:p>x</text:p></table:table-cell></table:table-row>"
        ),
        lambda: (
            '<table:table-row><table:table-cell table:number-columns-repeated="900000000"/>'
            "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>"
        ),
        lambda: ods_row("y" * 200_000, repeated=1_000),
    ],
)
def test_ods_cells_that_are_repeated_without_end(rows: Callable[[], str]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "Save it as “CSV UTF-8”" in fault_of(ods(rows()))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_more_columns_than_are_allowed() -> None:
    assert "Line 1: There are more than 500 columns." in fault_of(xlsx([[f"c{number}" for number in range(501)]]))


def test_empty_workbook() -> None:
    assert fault_of(xlsx([])) == "The file is empty."
    assert fault_of(ods("")) == "The file is empty."
