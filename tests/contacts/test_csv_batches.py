"""CSV files in batches: every row with its line, whatever blocks it was read in; hostile files within flat memory."""

from __future__ import annotations

import csv
import io
import resource
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts import csv_reading
from contacts.csv_reading import Reading, Table, UnreadableFile, open_table


def opened(content: bytes | str, **reading: Any) -> Table:
    data = content.encode() if isinstance(content, str) else content
    return open_table(io.BytesIO(data), reading=Reading(**reading))


def rows_of(table: Table, size: int = 2_000) -> list[tuple[int, list[str]]]:
    return [
        row for batch in table.batches(size) for row in zip(batch.lines, batch.cells, strict=True)
    ]  # fmt: skip


def fault_of(file: Any, **reading: Any) -> str:
    with pytest.raises(UnreadableFile) as caught:
        for _batch in open_table(file, reading=Reading(**reading)).batches():
            pass
    return str(caught.value)


class Endless(io.RawIOBase):
    """A gigabyte that nobody has in memory: a beginning, and then one piece over and over."""

    def __init__(self, start: bytes, piece: bytes, size: int = 1 << 30) -> None:
        self.start, self.piece, self.size, self.place = start, piece, size, 0
        self.most_read = 0

    def seek(self, offset: int, whence: int = 0) -> int:
        self.place = offset + (self.size if whence == 2 else 0)
        return self.place

    def read(self, size: int = -1) -> bytes:
        assert 0 < size <= 1 << 20, "nobody may read all of it at once"
        size = min(size, self.size - self.place)
        before = self.start[self.place : self.place + size]
        first = (self.place + len(before) - len(self.start)) % len(self.piece)
        rest = size - len(before)
        content = before + (self.piece * (rest // len(self.piece) + 2))[first : first + rest]
        self.place += size
        self.most_read = max(self.most_read, self.place)
        return content


def test_sizes_of_batches_and_what_is_in_them() -> None:
    table = opened("email,city\n" + "".join(f"p{n}@example.org,Lévis\n" for n in range(1_050)))
    batches = list(table.batches(500))
    assert [len(batch.cells) for batch in batches] == [500, 500, 50]
    assert [batch.lines[0] for batch in batches] == [2, 502, 1_002]
    assert batches[2].cells[-1] == ["p1049@example.org", "Lévis"]
    assert rows_of(table) == rows_of(table, 7)


def test_empty_rows_are_left_out_and_surplus_cells_are_told() -> None:
    [batch] = opened("email,city\n\n,,,\na@example.org\nb@example.org,x,,\nc@example.org,x,,y\n").batches()
    assert list(batch.lines) == [4, 5, 6]
    assert batch.cells == [["a@example.org", ""], ["b@example.org", "x"], ["c@example.org", "x"]]
    assert batch.surplus == {2}


def test_header_is_found_below_a_title() -> None:
    table = opened("Members of spring\n\nEmail;First name\na@example.org;Ana\n")
    assert (table.columns, table.reading.header, table.reading.delimiter) == (["Email", "First name"], 3, ";")
    assert rows_of(table) == [(4, ["a@example.org", "Ana"])]


def test_header_can_be_chosen_or_there_is_none() -> None:
    content = "one,two\nEmail,City\na@example.org,Lévis\n"
    assert (opened(content).reading.header, opened(content, header=1).reading.header) == (1, 1)
    assert rows_of(opened(content, header=2)) == [(3, ["a@example.org", "Lévis"])]
    table = opened(content, header=0)
    assert (table.columns, [line for line, _cells in rows_of(table)]) == (["Column 1", "Column 2"], [1, 2, 3])
    assert opened("a@example.org,Ana\nb@example.org,Bo\n").reading.header == 0
    assert fault_of(io.BytesIO(content.encode()), header=9) == "The file is empty."


def test_delimiter_and_encoding_can_be_chosen() -> None:
    content = "email;a,b\nx@example.org;é,2\n"
    assert opened(content, delimiter=",").columns == ["email;a", "b"]
    assert rows_of(opened(content, encoding="cp1252"))[0][1] == ["x@example.org", "Ã©,2"]
    assert opened(b"\xef\xbb\xbf" + content.encode(), encoding="UTF8").columns == ["email", "a,b"]
    for encoding in ("klingon", "base64", "a\0b", "rot13"):
        assert fault_of(io.BytesIO(content.encode()), encoding=encoding) == "There is no encoding of this name."
    assert "A delimiter is a comma" in fault_of(io.BytesIO(content.encode()), delimiter="ab")


@pytest.mark.parametrize("encoding", csv_reading.ENCODINGS)
def test_every_encoding_that_is_offered_can_be_read(encoding: str) -> None:
    content = "email,city\na@example.org,Lévis\n".encode(encoding)
    assert rows_of(opened(content, encoding=encoding)) == [(2, ["a@example.org", "Lévis"])]


def test_how_it_was_read_can_be_kept() -> None:
    table = opened("sep=;\nemail;city\nx@example.org;1\n")
    assert table.reading == Reading("utf-8", ";", 2)
    assert Reading.from_json(table.reading.as_json()) == table.reading
    assert Reading.from_json({"header": "x", "sheet": None}) == Reading.from_json(None) == Reading()
    assert rows_of(opened("sep=;\nemail;city\nx@example.org;1\n", **table.reading.as_json())) == rows_of(table)


cell = st.text(st.sampled_from('ab"\n\r,é🎉 '), max_size=6)


@given(
    st.lists(st.lists(cell, min_size=1, max_size=3), max_size=30),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.integers(1, 40),
)
@example([["\r", "\n"], ["\r\n"]], "\r\n", 1)
def test_lines_are_those_on_which_records_begin(rows: list[list[str]], end: str, block: int) -> None:
    """Held against a reader that goes record by record; blocks of a few bytes cut letters, ends of lines and quotes."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(["email", "one", "two"])
    writer.writerows(rows)
    reader = csv.reader(io.StringIO(text.getvalue(), newline=""), strict=True)
    next(reader)
    expected = []
    first = reader.line_num + 1
    for cells in reader:
        if any(cells):
            expected.append((first, cells + [""] * (3 - len(cells))))
        first = reader.line_num + 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_reading, "_CHUNK", block)
        assert rows_of(opened(text.getvalue(), delimiter=",", header=1)) == expected


def test_a_fault_far_below_is_named_by_its_line() -> None:
    good = "a@example.org,Lévis\n" * 30_000
    bad = {
        "\0,x\n": "There is a NUL character",
        'a@example.org,"x"y\n': "A cell goes on after its closing quotation mark",
        'a@example.org,"x\n': "A quotation mark opens here and is not closed",
        "x" * 1_000_001 + "\n": "The line is longer than a million characters",
    }
    for line, words in bad.items():
        assert fault_of(io.BytesIO(f"email,city\n{good}{line}".encode())).startswith(f"Line 30002: {words}")
    invalid = f"email,city\n{good}".encode() + b"\xff\n"
    assert fault_of(io.BytesIO(invalid), encoding="utf-8") == "Line 30002: The text is not in this encoding."


HOSTILE: dict[str, tuple[Callable[[], Endless], str]] = {
    "a line of a gigabyte": (lambda: Endless(b"email\n", b"x"), "Line 2: The line is longer than a million"),
    "a first line of a gigabyte": (lambda: Endless(b"", b"a,"), "Line 1: The line is longer than a million"),
    "a quotation mark before a gigabyte": (
        lambda: Endless(b'email,city\na@example.org,"', b"b@example.org,x\n"), "Line 2: A cell is too long."
    ),
    "a record of short cells without end": (
        lambda: Endless(b"email,city\na@example.org", b',"\n"'), "Line 2: Rows are too long here."
    ),
    "rows of a million letters": (
        lambda: Endless(b"email,city\n", b"x," * 450_000 + b"\n"), "Line 2: Rows are too long here."
    ),
    "nothing but zeros": (lambda: Endless(b"email\n", b"\0"), "Line 2: There is a NUL character"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_early_and_in_little_memory(name: str) -> None:
    make, words = HOSTILE[name]
    file = make()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fault_of(file, encoding="utf-8").startswith(words)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000
    assert file.most_read < 20_000_000


def test_100000_columns_are_refused() -> None:
    assert fault_of(io.BytesIO(b"c," * 100_000)).startswith("Line 1: There are more than 500 columns.")
    semicolons = b"email;city;notes\n" + b"x;y;" + b"c," * 600
    assert opened(semicolons).columns == ["email", "city", "notes"]
    rows = b"email,city\n" + (b"x" + b"," * 100_000 + b"y\n") * 3
    [batch] = opened(rows).batches()
    assert batch.cells == [["x", ""]] * 3 and batch.surplus == {0, 1, 2}


def test_memory_does_not_grow_with_the_file() -> None:
    peaks = []
    for rows in (10_000, 60_000):
        file = Endless(b"email,city\n", b"someone@example.org,Levis\n", 11 + 26 * rows)
        tracemalloc.start()
        assert sum(len(batch.lines) for batch in open_table(file, reading=Reading("utf-8")).batches()) == rows  # type: ignore[arg-type]
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.3
