"""Files that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.csv_guard import guarded, unguarded
from contacts.csv_writing import csv_lines, csv_response


@pytest.mark.parametrize(
    "text", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3+cmd", "\t=1", "\r=1", "'=1", "=", "+", "-"]
)
def test_a_formula_is_guarded(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize(
    "text", ["+1 418 555 0137", "+33 6.12.34.56.78", "-12", "-1.5", "-1,5", "O'Leary", "a=b", "", "'90s"]
)
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text


@given(st.text())
def test_what_was_guarded_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.text(alphabet="'=+-@\t\r0a", max_size=8))
def test_no_cell_begins_as_a_formula(text: str) -> None:
    cell = guarded(text)
    is_number = cell[:1] in ("+", "-") and cell[1:2].isdigit() and "=" not in cell and "@" not in cell
    assert cell[:1] not in ("=", "@", "\t", "\r") and (cell[:1] not in ("+", "-") or is_number)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=2)))
def test_every_cell_can_be_read_back(rows: list[list[str]]) -> None:
    text = "".join(csv_lines(["one", "two"], rows))
    assert text.startswith("\ufeffone,two\r\n")
    read = list(csv.reader(io.StringIO(text[1:], newline="")))
    assert [[unguarded(cell) for cell in row] for row in read[1:]] == rows


def test_rows_leave_in_pieces_while_they_are_made() -> None:
    made = []

    def rows() -> object:
        for number in range(1_000):
            made.append(number)
            yield [number, None]

    pieces = csv_lines(["n", "nothing"], rows())  # type: ignore[arg-type]
    next(pieces)
    assert len(made) < 1_000
    assert sum(piece.count("\r\n") for piece in pieces) + len(made[:200]) == 1_000


def test_a_download_is_not_kept_and_has_a_name() -> None:
    response = csv_response("list.csv", ["a"], [["b"]])
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == 'attachment; filename="list.csv"'
    assert response["Cache-Control"] == "no-store"
    assert response.getvalue() == "\ufeffa\r\nb\r\n".encode()
