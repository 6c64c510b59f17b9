"""Reading CSV files: encodings, delimiters, headers, and faults named by their line."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.csv_columns import plain
from contacts.csv_reading import MAX_LINE, Reading, Table, UnreadableFile, open_table
from contacts.tables import MAX_COLUMNS

LISTS = Path(__file__).parent / "lists"
FRENCH = ["helene.lefevre@example.fr", "Hélène", "Lefèvre", "Besançon", "+33 6 12 34 56 78"]


def table_of(content: bytes | str, encoding: str = "") -> Table:
    data = content.encode() if isinstance(content, str) else content
    return open_table(io.BytesIO(data), reading=Reading(encoding=encoding))


def check(table: Table) -> int:
    """Go through the whole file; how many records it has."""
    return sum(len(batch.lines) for batch in table.batches())


def cells_of(content: bytes | str) -> list[list[str]]:
    return [row.cells for row in table_of(content).rows()]


def fault_of(content: bytes | str, encoding: str = "") -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        check(table_of(content, encoding))
    return caught.value


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter"),
    [
        ("latin-1.csv", "cp1252", ";"),
        ("windows-1252.csv", "cp1252", ";"),
        ("utf-16-le-with-mark.csv", "utf-16", "\t"),
        ("utf-16-be-with-mark.csv", "utf-16", ";"),
        ("utf-16-le.csv", "utf-16-le", ";"),
        ("utf-16-be.csv", "utf-16-be", ";"),
    ],
)
def test_encoding_and_delimiter_are_found(name: str, encoding: str, delimiter: str) -> None:
    with (LISTS / name).open("rb") as file:
        table = open_table(file)
        assert (table.encoding, table.delimiter) == (encoding, delimiter)
        assert table.columns == ["Courriel", "Prénom", "Nom", "Ville", "Téléphone"]
        assert next(iter(table.rows())).cells == FRENCH


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter: str, end: str) -> None:
    lines = [delimiter.join(["email", "city"]), delimiter.join(["a@example.org", "Lévis"]), ""]
    assert cells_of(end.join(lines)) == [["a@example.org", "Lévis"]]


def test_mark_at_the_beginning_is_no_part_of_a_name() -> None:
    assert table_of(codecs.BOM_UTF8 + b"email\na@example.org\n").columns == ["email"]


def test_excel_declares_its_delimiter() -> None:
    table = table_of("sep=;\nemail;a,b,c,d\nx@example.org;1\n")
    assert (table.delimiter, table.columns) == (";", ["email", "a,b,c,d"])
    assert [row.line for row in table.rows()] == [3]


def test_a_named_encoding_is_taken() -> None:
    table = table_of("email;ville\nx@example.org;Łódź\n".encode("cp1250"), "cp1250")
    assert next(iter(table.rows())).cells[1] == "Łódź"


def test_quoted_newlines_stay_in_their_cell_and_lines_go_on() -> None:
    with (LISTS / "quoted-newlines.csv").open("rb") as file:
        rows = list(open_table(file).rows())
    assert rows[0].cells[2:] == ["Two lines:\nthe second, with a comma", 'Saint-"Jean"']
    assert [row.line for row in rows] == [2, 4]
    assert rows[1].cells[3] == "Lévis\r\nQuébec"


def test_empty_lines_are_no_rows() -> None:
    assert [row.line for row in table_of("\n\nemail\n\na@example.org\n\n\nb@example.org\n\n").rows()] == [5, 8]


def test_short_rows_are_filled_up_and_long_ones_marked() -> None:
    rows = list(table_of("email,city\na@example.org\nb@example.org,Lévis,extra\nc@example.org,Lévis,,\n").rows())
    assert [(row.cells, row.has_surplus) for row in rows] == [
        (["a@example.org", ""], False),
        (["b@example.org", "Lévis"], True),
        (["c@example.org", "Lévis"], False),
    ]


def test_names_that_come_twice_are_numbered_and_none_is_lost() -> None:
    columns = table_of("email,City,City,City 2,,\nx@example.org,1,2,3,4,5\n").columns
    assert columns == ["email", "City", "City 2", "City 2 2", "Column 5", "Column 6"]
    assert len(set(columns)) == len(columns)


def test_names_that_differ_in_their_form_alone_are_one_name() -> None:
    assert table_of("email,Pre\u0301nom,Prénom\n").columns == ["email", "Prénom", "Prénom 2"]


def test_names_are_made_fit_to_be_stored() -> None:
    long = "How did you hear about us? " * 10
    columns = table_of(f'email,"a\x07b\nc",{long},{long}\n').columns
    assert columns[1] == "ab c"
    assert [len(name) <= 100 for name in columns[2:]] == [True, True]
    assert columns[2] != columns[3]


def test_empty_file() -> None:
    for content in (b"", b"\n\n\r\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE):
        assert str(fault_of(content)) == "The file is empty."


def test_header_without_rows_is_no_fault() -> None:
    table = table_of("email,city\n")
    assert (check(table), table.columns) == (0, ["email", "city"])


def test_file_that_begins_with_an_address_has_no_header() -> None:
    table = table_of("a@example.org,Ana\nb@example.org,Bo\n")
    assert (table.columns, table.reading.header, check(table)) == (["Column 1", "Column 2"], 0, 2)
    assert table_of("email,@handle\na@example.org,@ana\n").columns == ["email", "@handle"]


def test_nul_is_named_by_its_line() -> None:
    assert str(fault_of(b"email\na@example.org\nb\0@example.org\n")).startswith("Line 3: There is a NUL character")


def test_unclosed_quote_is_named_where_it_opens() -> None:
    assert str(fault_of('email,city\na@example.org,Lévis\nb@example.org,"Qu\nc@example.org,x\n')) == (
        "Line 3: A quotation mark opens here and is not closed."
    )


def test_unclosed_quote_in_a_long_file_is_named_where_it_opens() -> None:
    rest = "b@example.org,Lévis\n" * 20_000
    assert str(fault_of(f'email,city\na@example.org,"Qu\n{rest}')).startswith("Line 2: A cell is too long.")


def test_text_after_a_closing_quote() -> None:
    assert "write the mark twice" in str(fault_of('email,city\na@example.org,"Qu"ébec\n'))


def test_more_columns_than_are_allowed() -> None:
    names = ",".join(f"c{number}" for number in range(MAX_COLUMNS))
    assert str(fault_of(f"email,{names}\n")).startswith("Line 1: There are more than 500 columns.")
    assert len(table_of(f"{names}\n").columns) == MAX_COLUMNS


def test_a_line_without_end() -> None:
    assert str(fault_of("email,note\na@example.org," + "x" * (MAX_LINE + 1))) == (
        "Line 2: The line is longer than a million characters."
    )


def test_bytes_of_no_known_encoding() -> None:
    assert "neither UTF-8 nor Windows-1252" in str(fault_of(b"email,city\na@example.org,\x81\x8d\n"))


def test_encoding_that_is_not_kept_up() -> None:
    assert "does not go on as such" in str(fault_of(codecs.BOM_UTF8 + b"email\n\xff\xfe\n"))
    for name in ("klingon", "zip", "utf-7", "idna", "unicode_escape", "raw_unicode_escape"):
        assert str(fault_of("email\n", name)).startswith("There is no encoding of this name.")
    assert str(fault_of(b"email\n\xff\n", "utf-8")) == "Line 2: The text is not in this encoding."


def test_names_are_compared_without_case_accents_and_signs() -> None:
    assert plain("  PRÉNOM_usuel ") == plain("prenom-usuel") == "prenom usuel"


cell = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(st.lists(st.lists(cell, min_size=1, max_size=4), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_what_a_csv_writer_wrote_is_read_or_refused_in_words(rows: list[list[str]], delimiter: str) -> None:
    import csv

    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    try:
        number = check(table_of(text.getvalue()))
    except UnreadableFile as refusal:
        assert str(refusal)
    else:
        assert 0 <= number <= len(text.getvalue())


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused_in_words(content: bytes) -> None:
    try:
        assert check(table_of(content)) >= 0
    except UnreadableFile as refusal:
        assert str(refusal)
