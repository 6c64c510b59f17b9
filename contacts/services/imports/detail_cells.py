"""What a row says of a contact's details: names, language, notes, attributes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from contacts.errors import InvalidText
from contacts.services.imports.cells import Faults, Taken, add_faults, clean_column, column_of, value_of
from contacts.text import clean_text

_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$")


def take_details(
    by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults
) -> None:
    number = len(values["line"])
    for name, length, several in (
        ("first_name", 150, False), ("last_name", 150, False), ("notes", 10_000, True),
    ):  # fmt: skip
        column = column_of(by_place, taken, name, faults, max_length=length, several_lines=several)
        if column is not None:
            values[name] = column
    full_names = column_of(by_place, taken, "full_name", faults, max_length=300)
    if full_names is not None:
        _split_names(full_names, values, faults)
    extra: list[tuple[str, Sequence[str]]] = []
    languages = column_of(by_place, taken, "language", faults, max_length=2_000)
    if languages is not None:
        values["language"] = [text.replace("_", "-") if _LANGUAGE.match(text) else "" for text in languages]
        others = ["" if _LANGUAGE.match(text) else text for text in languages]
        if any(others):
            extra.append(("Language", others))
    values["attributes"] = _attributes(by_place, taken, number, extra, faults)


def _split_names(full_names: list[str], values: dict[str, Sequence[Any]], faults: Faults) -> None:
    first, last = list(values["first_name"]), list(values["last_name"])
    for place, text in enumerate(full_names):
        if not text:
            continue
        before, _space, after = text.rpartition(" ")
        first[place], last[place] = (before, after) if before else (text, "")
        for name, part in (("first_name", first[place]), ("last_name", last[place])):
            if len(part) > 150:
                try:
                    clean_text(part, max_length=150, field=name)
                except InvalidText as error:
                    faults.setdefault(place, error)
    values["first_name"], values["last_name"] = first, last


def _attributes(
    by_place: Sequence[Sequence[str]], taken: Taken, number: int, extra: list[tuple[str, Sequence[str]]], faults: Faults
) -> list[str]:
    """The attributes of each row as the text of a JSON object, without those whose cells are empty."""
    columns: list[tuple[str, Sequence[str]]] = list(extra)
    for place, target in enumerate(taken.targets):
        kind, _colon, name = target.partition(":")
        if kind != "attribute":
            continue
        cells, found = clean_column(by_place[place], max_length=2_000, several_lines=True, field="attributes")
        add_faults(faults, found)
        columns.append((clean_text(name or taken.columns[place], max_length=100, field="attributes"), cells))
    whole = taken.place("attributes")
    if whole is None:
        pieces = [_pieces(name, cells) for name, cells in columns]
        if not pieces:
            return ["{}"] * number
        return ["{" + ", ".join(filter(None, row)) + "}" for row in zip(*pieces, strict=True)]
    found_attributes = []
    for place, cell in enumerate(by_place[whole]):
        try:
            attributes = _from_json(value_of(cell))
        except InvalidText as error:
            faults.setdefault(place, error)
            attributes = {}
        attributes.update((name, cells[place]) for name, cells in columns if cells[place])
        found_attributes.append(json.dumps(attributes))
    return found_attributes


def _pieces(name: str, cells: Sequence[str]) -> list[str]:
    """``"name": "value"`` for each cell, and an empty text for an empty one."""
    head = f"{json.dumps(name)}: "
    joined = "".join(cells)
    if joined.isascii() and joined.isprintable() and '"' not in joined and "\\" not in joined:
        return [f'{head}"{cell}"' if cell else "" for cell in cells]
    return [head + json.dumps(cell) if cell else "" for cell in cells]


def _from_json(text: str) -> dict[str, str]:
    """listmonk keeps attributes as one JSON object. Raises InvalidText."""
    if not text:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        found = {"attributes": text}
    return {
        clean_text(str(name), max_length=100, field="attributes"): clean_text(
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False),
            max_length=2_000,
            several_lines=True,
            field="attributes",
        )
        for name, value in found.items()
        if value not in (None, "", [], {})
    }
