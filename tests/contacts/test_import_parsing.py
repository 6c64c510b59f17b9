"""Rows are read a column at a time, because it is fast: the same comes out as when each cell is read by itself."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import example, given, settings
from hypothesis import strategies as st

from contacts.addresses import fingerprint, normalise
from contacts.csv_guard import guarded, unguarded
from contacts.csv_reading import Batch
from contacts.errors import InvalidAddress, InvalidText
from contacts.services.imports.cells import Staged, Taken
from contacts.services.imports.parsing import parse
from contacts.text import clean_text
from contacts.vocabulary import Channel

COLUMNS = ("No", "Email", "Mobile", "Token", "First", "Last", "Notes", "Lang", "City", "Été")
TARGETS = (
    "key", "email", "sms", "push", "first_name", "last_name", "notes", "language", "attribute", "attribute:Summer",
)  # fmt: skip
LIMITS = {"key": 254, "first_name": 150, "last_name": 150, "notes": 10_000, "language": 2_000}

WORDS = (
    "",
    "Ann",
    "C-17",
    "Quay Street 12",
    "-5",
    "x y",
    "'=1+1",
    "''=x",
    " '=x ",
    "zoé",
    "e\u0301" * 150,
    "null",
    "\\N",
)
EMAILS = (
    "a@example.org", "b.c+d@example.co.uk", "A@EXAMPLE.ORG", " a@example.org\t", "zoe\u0301@example.org", "",
    "a@b\u00fccher.example.org", "a@xn--bcher-kva.example.org", "o'neil@example.org", "STRASSE@example.org",
    "x" * 64 + "@example.org",
)  # fmt: skip
PHONES = ("", "+1 418 555 0137", "4185550137", "33612345678", "+33 6 12 34 56 78", "'+1 418 555 0137", "(418) 555-0137")
HOSTILE = (
    "'", "'+1", "\t=1", "tel", "'o@example.org", "a@b", "a..b@example.org", "a@localhost", "a@example.test", "@", "\\.",
    "fr_CA", "pt-BR", "frfrfr", "fr\n", '{"a": 1}', "\ud800", "\x00", "n" * 151, "n" * 255, "n" * 2_001, "é" * 151,
    "x" * 320 + "@example.org",
)  # fmt: skip
hostile = st.one_of(
    st.text(max_size=12),
    st.text(alphabet="'=+-@\t\r\n \"\\,;\u00a0\u2028\x85\x07éß\u0301🦊", max_size=8),
    st.sampled_from(HOSTILE),
    st.text(max_size=10).map(guarded),
)


def mostly(usual: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Nine in ten are as they should be, so that a row of ten cells is taken about as often as not."""
    return st.integers(0, 9).flatmap(lambda chance: hostile if chance == 0 else st.sampled_from(usual))


row_cells = st.tuples(
    mostly(("C-1", "é-2", "e\u0301-3", "'=4", "n" * 254)), mostly(EMAILS), mostly(PHONES), *[mostly(WORDS)] * 4,
    mostly(("", "fr", "en-CA", "pt_BR", "français", "deu")), *[mostly(WORDS)] * 2,
).map(list)  # fmt: skip
rows = st.lists(row_cells, min_size=1, max_size=5)


def taken(targets: tuple[str, ...] = TARGETS, country: str = "CA") -> Taken:
    return Taken(
        columns=COLUMNS[: len(targets)], targets=targets, kind="contacts", country=country, zone=ZoneInfo("UTC"),
        now=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def staged(found: list[list[str]], how: Taken) -> list[dict[str, Any]]:
    """The staged rows, each as what stands in its columns."""
    result: Staged = parse(Batch(range(2, len(found) + 2), found, frozenset()), how)
    return [{name: column[place] for name, column in result.values.items()} for place in range(len(found))]


def read(row: list[str], how: Taken) -> tuple[dict[str, Any], set[str]]:
    """A row, each cell by itself, and the codes of all that is wrong with it."""
    found: dict[str, Any] = {"attributes": {}}
    wrong: set[str] = set()
    for target, column, cell in zip(how.targets, how.columns, row, strict=True):
        text = unguarded(cell).strip()
        try:
            if target in Channel.values:
                found[target] = found[f"{target}_key"] = found[f"{target}_fingerprint"] = ""
                if text:
                    address = as_address(target, text, how.country)
                    found[target], found[f"{target}_key"] = address.shown, address.key
                    found[f"{target}_fingerprint"] = fingerprint(target, address.key)
            elif target.startswith("attribute"):
                value = clean_text(text, max_length=2_000, several_lines=True)
                if value:
                    found["attributes"][target.partition(":")[2] or column] = value
            elif target == "language":
                value = clean_text(text, max_length=LIMITS[target])
                is_one = re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?", value)
                found[target] = value.replace("_", "-") if is_one else ""
                if value and not is_one:
                    found["attributes"]["Language"] = value
            else:
                found[target] = clean_text(text, max_length=LIMITS[target], several_lines=target == "notes")
        except (InvalidText, InvalidAddress) as error:
            wrong.add(error.code)
    if "key" not in how.targets:
        found["key"] = found["email_key"]
    if not found.get("key"):
        wrong.add("missing_key")
    return found, wrong


def as_address(channel: str, text: str, country: str) -> Any:
    try:
        return normalise(channel, text, country=country)
    except InvalidAddress:
        if channel == Channel.SMS and re.fullmatch("[0-9]{10,}", text):
            return normalise(channel, f"+{text}")
        raise


def hold_together(found: list[list[str]], how: Taken) -> None:
    for line, (row, values) in enumerate(zip(found, staged(found, how), strict=True), start=2):
        expected, wrong = read(row, how)
        assert values["line"] == line
        if wrong:
            assert values["outcome"] == "rejected", (row, wrong)
            assert values["error_code"] in wrong
            assert values["error"]
            assert json.loads(values["cells"]) == row
            continue
        assert values["outcome"] == "unchanged", (row, values["error"])
        assert json.loads(values["attributes"]) == expected.pop("attributes")
        assert {name: values[name] for name in expected} == expected
        assert all(unicodedata.is_normalized("NFC", values[name]) for name in expected)


@settings(max_examples=300, deadline=None)
@given(rows)
@example([["C-1", "a@example.org", "", "", "Ann", "Roy", "", "fr", "Lyon", ""]] * 3)
@example(
    [["C-1", "a@example.org", "", "", "'", "Roy", "", "fr", "Lyon", ""], ["C-2", "", "", "", "Ann", "", "", "", "", ""]]
)
def test_by_columns_and_by_cells_come_out_the_same(found: list[list[str]]) -> None:
    hold_together(found, taken())


@settings(max_examples=150, deadline=None)
@given(rows.map(lambda found: [row[1:3] for row in found]), st.sampled_from(["", "CA", "FR"]))
def test_without_a_column_of_keys(found: list[list[str]], country: str) -> None:
    hold_together(found, taken(("email", "sms"), country))


@settings(max_examples=150, deadline=None)
@given(rows)
def test_what_a_row_comes_to_does_not_depend_on_the_others(found: list[list[str]]) -> None:
    together = staged(found, taken())
    alone = [staged([row], taken())[0] | {"line": line} for line, row in enumerate(found, start=2)]
    assert together == alone
