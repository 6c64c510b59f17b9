"""XLSX files: every cell is text, and what was written comes back when the file is read, as from a CSV file."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import RequestFactory
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contacts import xlsx_writing
from contacts.csv_guard import guarded, guarded_text, unguarded
from contacts.csv_reading import open_table
from contacts.csv_writing import csv_lines
from contacts.downloads import asked_format, download
from contacts.file_limits import MOST_CELLS
from contacts.xlsx_writing import TooLargeForSheet, check_size, xlsx_file

HEADER = ["email", "first name", "notes"]
ODD = [
    ["=1+1", "@SUM(A1)", "-2+3+cmd"], ["+1 418 555 0137", "00123", "12.0"], ["'=1", "''=1", "'90s"],
    ['She said "no"', "a,b;c|d\te", "one\ntwo\r\nthree\rfour"], ["שלום \u202eabc\u202c", "👩‍👩‍👧 é e\u0301", " space "],
    ["_x0041_", "\x07bell\x1b", "&amp;<b>"], ["2026-03-01", "TRUE", "1e10"], ["\n", "\t", "nul and more"],
]  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\ufffe\uffff"), max_size=20)


def written(file_format: str, rows: list[list[str]]) -> io.BytesIO:
    if file_format == "csv":
        return io.BytesIO("".join(csv_lines(HEADER, rows)).encode())
    with xlsx_file(HEADER, rows) as file:
        return io.BytesIO(file.read())


def read_back(file: io.BytesIO) -> list[list[str]]:
    return [[unguarded(cell) for cell in row.cells] for row in open_table(file).rows()]


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
def test_odd_cells_come_back(file_format: str) -> None:
    assert read_back(written(file_format, ODD)) == ODD


@pytest.mark.parametrize("file_format", ["csv", "xlsx"])
@given(rows=st.lists(st.lists(texts, min_size=3, max_size=3).filter(any), max_size=5))
@example(rows=[["=\r\n", "'=", "'+1"]])
@settings(max_examples=60, deadline=None)
def test_every_cell_comes_back(file_format: str, rows: list[list[str]]) -> None:
    table = open_table(written(file_format, rows))
    assert (table.columns, table.reading.header) == (HEADER, 1)
    assert read_back(written(file_format, rows)) == rows


@given(texts)
def test_a_mark_is_added_only_where_reading_would_take_one_away(text: str) -> None:
    assert unguarded(guarded_text(text)) == text
    assert guarded_text(text) in (text, guarded(text))


def test_no_cell_is_a_formula_a_number_or_a_link() -> None:
    rows = [["=1+1", "12", "https://example.org"], ["{=1+1}", "2026-03-01", "mailto:a@example.org"]]
    with xlsx_file(HEADER, rows) as file, zipfile.ZipFile(file) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert sheet.count('t="inlineStr"') == sheet.count("<c ") == 9
        assert "<f>" not in sheet and "<v>" not in sheet and "hyperlink" not in sheet


def test_noncharacters_that_xml_cannot_hold_do_not_spoil_the_file() -> None:
    assert read_back(written("xlsx", [["a\ufffeb", "c\uffffd", "x"]])) == [["a\ufffdb", "c\ufffdd", "x"]]


def test_more_than_a_sheet_holds_is_refused_before_it_is_written() -> None:
    with pytest.raises(TooLargeForSheet, match="Export it as CSV"):
        check_size(MOST_CELLS // 10, 10)
    check_size(MOST_CELLS // 10 - 1, 10)
    with pytest.raises(TooLargeForSheet, match="more letters than a spreadsheet holds"):
        xlsx_file(HEADER, [["x" * 32_768, "", ""]])
    assert len(read_back(written("xlsx", [["x" * 32_767, "", ""]]))[0][0]) == 32_767


def test_rows_that_are_more_than_was_said_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx_writing, "MOST_CELLS", 9)
    with pytest.raises(TooLargeForSheet):
        xlsx_file(HEADER, iter([["a", "b", "c"]] * 3))


def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def rows() -> Iterator[list[str]]:
        yield ["a", "b", "c"]
        raise TimeoutError

    with pytest.raises(TimeoutError):
        xlsx_file(HEADER, rows())
    with xlsx_file(HEADER, ODD) as file:
        assert file.read(2) == b"PK"
        assert os.listdir(tmp_path) == []


@pytest.mark.django_db
def test_a_download_is_not_kept_and_has_a_name() -> None:
    response = download("xlsx", "list", HEADER, ODD)
    assert response["Content-Disposition"] == 'attachment; filename="list.xlsx"'
    assert response["Content-Type"] == xlsx_writing.CONTENT_TYPE
    assert response["Cache-Control"] == "no-store"
    response.close()


def test_csv_is_what_is_not_asked_for_otherwise() -> None:
    requests = RequestFactory()
    assert asked_format(requests.post("/", {"format": "xlsx"})) == "xlsx"
    assert asked_format(requests.get("/", {"format": "xlsx"})) == "xlsx"
    assert asked_format(requests.post("/", {"format": "exe"})) == asked_format(requests.get("/")) == "csv"
    with pytest.raises(TooLargeForSheet):
        asked_format(requests.post("/", {"format": "xlsx"}), rows=10**6, columns=3)
