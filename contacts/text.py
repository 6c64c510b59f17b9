"""Text as people type it, made fit to be stored: NFC, one line or several, no characters that break."""

from __future__ import annotations

import unicodedata

from contacts.errors import InvalidText

_LINE_BREAKS = {"\n", "\t"}


def clean_text(text: str, *, max_length: int, several_lines: bool = False, field: str = "") -> str:
    """The text in NFC, without spaces around it.

    Raises InvalidText for NUL bytes, lone surrogates and control characters, and for a text that is longer
    than ``max_length`` characters. Letters of any script, marks of writing direction and emoji stay.
    """
    if not text.isprintable():
        for character in text:
            category = unicodedata.category(character)
            if category == "Cs" or (category == "Cc" and not (several_lines and character in _LINE_BREAKS | {"\r"})):
                raise InvalidText(field=field)
    text = unicodedata.normalize("NFC", text).strip()
    if several_lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > max_length:
        raise InvalidText(_too_long(max_length), remedy="", field=field)
    return text


def _too_long(max_length: int) -> str:
    from django.utils.translation import gettext

    return gettext("This is too long: at most %(count)d characters.") % {"count": max_length}
