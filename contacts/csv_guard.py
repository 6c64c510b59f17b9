"""Cells that a spreadsheet would run as a formula, made harmless in a way that our import takes back.

OWASP, "CSV injection". Phone numbers with their plus and negative numbers are no formulas, and stay as they are.
"""

from __future__ import annotations

import re

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_GUARDED = re.compile(r"'+[=+\-@\t\r]")
_HARMLESS = re.compile(r"\+\d[\d ().-]*|-?\d+([.,]\d+)?")


def guarded(text: str) -> str:
    """The text, behind an apostrophe where a spreadsheet would take it for a formula."""
    return f"'{text}" if _FORMULA.match(text) and not _HARMLESS.fullmatch(text) else text


def guarded_text(text: str) -> str:
    """The same for cells that are text in any case: only what ``unguarded`` would change gets an apostrophe."""
    return f"'{text}" if _GUARDED.match(text) else text


def unguarded(cell: str) -> str:
    """What ``guarded`` or ``guarded_text`` was given."""
    return cell[1:] if _GUARDED.match(cell) else cell
