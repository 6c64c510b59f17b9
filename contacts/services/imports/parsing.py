"""From the cells of a file to the values of staged rows, a column at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from contacts.csv_reading import Batch
from contacts.errors import InvalidText, RegisterError
from contacts.extension_points import import_columns
from contacts.models.imports import ImportKind, RowOutcome
from contacts.services.imports.address_cells import take_addresses, take_keys
from contacts.services.imports.cells import (
    CHANNELS,
    STAGED,
    Empty,
    Faults,
    Staged,
    Taken,
    add_faults,
    clean_column,
)
from contacts.services.imports.detail_cells import take_details
from contacts.services.imports.no_cells import take_leaving, take_noes, take_unsendable
from contacts.vocabulary import Channel

# What tells whom a rejected row is about: a no in it counts, and a replacement takes them for present.
_KEPT = (
    "line", "key", "noes", "extras",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("", "_key", "_fingerprint")),
)  # fmt: skip


def parse(batch: Batch, taken: Taken) -> Staged:
    """The staged rows of a batch. A row that cannot be taken is rejected, with its cells and the reason; an
    opt-out in it still counts where its key can be told."""
    cells = batch.cells
    number = len(cells)
    by_place = list(zip(*cells, strict=True)) if cells else [() for _column in taken.columns]
    faults: Faults = {
        place: RegisterError(_("The row has more cells than the header has columns.")) for place in batch.surplus
    }
    values: dict[str, Sequence[Any]] = {
        **dict.fromkeys(STAGED, Empty([""] * number)),
        **dict.fromkeys(("noes", "extras", "cells"), Empty([None] * number)),
        "attributes": Empty(["{}"] * number),
        "outcome": Empty([RowOutcome.UNCHANGED.value] * number),
    }
    values["line"] = batch.lines
    take_addresses(by_place, taken, values, faults)
    take_keys(by_place, taken, values, faults)
    take_noes(by_place, taken, values, faults)
    take_leaving(by_place, taken, faults)
    take_unsendable(by_place, taken, values)
    if taken.kind == ImportKind.CONTACTS:
        take_details(by_place, taken, values, faults)
        _extras(by_place, taken, values, faults)
    _reject(values, faults, cells)
    return Staged(values, faults)


def _reject(values: dict[str, Sequence[Any]], faults: Faults, cells: list[list[str]]) -> None:
    if not faults:
        return
    changed = {name: list(values[name]) for name in STAGED}
    for place, error in faults.items():
        for name in STAGED:
            if name not in _KEPT:
                changed[name][place] = "{}" if name == "attributes" else ""
        changed["outcome"][place] = RowOutcome.REJECTED.value
        changed["error_code"][place] = error.code
        changed["error"][place] = reason(error)
        changed["cells"][place] = json.dumps(cells[place])
    values.update(changed)


def reason(error: RegisterError) -> str:
    """Why a row is rejected, naming the field."""
    names = {
        Channel.EMAIL: _("email"),
        Channel.SMS: _("phone number"),
        Channel.PUSH: _("push address"),
        "key": _("key"),
        "first_name": _("first name"),
        "last_name": _("last name"),
        "language": _("language"),
        "notes": _("notes"),
        "attributes": _("attributes"),
    }
    words = str(error.message) if isinstance(error, InvalidText) else str(error)
    name = names.get(error.field)
    return _("%(label)s: %(value)s") % {"label": name, "value": words} if name else words


def _extras(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults) -> None:
    """Relational values by table and column, and what other apps read, as JSON; None for a row without any."""
    groups = {group.key: group for group in import_columns}
    columns: list[tuple[str, str, str, list[str]]] = []
    for place, target in enumerate(taken.targets):
        kind, _colon, rest = target.partition(":")
        if kind == "relational" or kind in groups:
            table, _colon, key = rest.partition(":") if kind == "relational" else ("", "", rest)
            cells, found = clean_column(by_place[place], max_length=2_000, several_lines=True, field=rest)
            add_faults(faults, found)
            columns.append((kind, table, key, cells))
    if not columns:
        return
    extras: list[Any] = []
    for row in range(len(values["line"])):
        told: dict[str, Any] = {}
        for kind, table, key, cells in columns:
            if cells[row]:
                place_of = told.setdefault(kind, {})
                (place_of.setdefault(table, {}) if kind == "relational" else place_of)[key] = cells[row]
        typed = {kind: told[kind] for kind in groups.keys() & told.keys()}
        for kind, of_kind in typed.items():
            try:
                told[kind] = dict(groups[kind].read(of_kind, taken.zone, taken.day_first))
            except RegisterError as error:
                faults.setdefault(row, error)
        if row in faults:
            noes = {kind: groups[kind].noes(of_kind, taken.zone, taken.day_first) for kind, of_kind in typed.items()}
            told = {kind: dict(said) for kind, said in noes.items() if said}
        extras.append(json.dumps(told) if told else None)
    values["extras"] = extras
