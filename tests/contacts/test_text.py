"""Text as people type it: what stays, what is put right, what is refused."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.errors import InvalidText
from contacts.text import clean_text


@pytest.mark.parametrize(
    "text",
    [
        "Zoë",
        "Nguyễn Thị Ánh",
        "محمد",
        "‏שלום‏",
        "👩‍👩‍👧‍👦",
        "O’Neill",
        "a\u200db",
        "𝒜𝓃𝓃",
        "<b>Ann</b>",
        "=1+1",
        "'; DROP TABLE",
    ],
)
def test_letters_of_any_script_stay(text: str) -> None:
    assert clean_text(text, max_length=100) == unicodedata.normalize("NFC", text)


def test_one_letter_is_stored_in_one_way() -> None:
    assert clean_text("Zoe\u0308", max_length=100) == "Zoë"


def test_spaces_around_go() -> None:
    assert clean_text(" \u00a0 Ann \u2003", max_length=100) == "Ann"


@pytest.mark.parametrize(
    "text", ["a\x00b", "a\x07b", "\x1b[31m", "a\x7fb", "a\x85b", "a\ud800b", "a\nb", "a\rb", "a\tb"]
)
def test_characters_that_break_are_refused(text: str) -> None:
    with pytest.raises(InvalidText) as refusal:
        clean_text(text, max_length=100, field="note")
    assert refusal.value.field == "note"


def test_several_lines() -> None:
    assert clean_text("a\r\nb\rc\n\td", max_length=100, several_lines=True) == "a\nb\nc\n\td"
    with pytest.raises(InvalidText):
        clean_text("a\nb\x00", max_length=100, several_lines=True)


def test_too_long() -> None:
    assert clean_text("é" * 10, max_length=10)
    assert clean_text("e\u0301" * 10, max_length=10) == "é" * 10
    with pytest.raises(InvalidText) as refusal:
        clean_text("é" * 11, max_length=10)
    assert "10" in str(refusal.value)


@given(st.text(max_size=200), st.booleans())
def test_what_comes_out_would_come_out_again(text: str, several_lines: bool) -> None:
    try:
        cleaned = clean_text(text, max_length=400, several_lines=several_lines)
    except InvalidText:
        return
    assert clean_text(cleaned, max_length=400, several_lines=several_lines) == cleaned
    assert "\x00" not in cleaned
    cleaned.encode()
