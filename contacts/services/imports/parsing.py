"""From the cells of a file to the values of staged rows, a column at a time.

Most cells need nothing: a column of plain text is told as such in one look, and only what is otherwise goes through
``clean_text`` and ``normalise`` cell by cell. Both ways give the same, which a property test holds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from contacts.addresses import Address, fingerprints_of, is_plain_email, normalise
from contacts.csv_columns import FALSE_WORDS, LEFT_WORDS, TRUE_WORDS, parse_moment, plain
from contacts.csv_guard import unguarded
from contacts.csv_reading import Batch
from contacts.errors import InTheFuture, InvalidAddress, InvalidText, RegisterError
from contacts.extension_points import import_columns
from contacts.models.imports import ImportKind, RowOutcome
from contacts.text import clean_text
from contacts.vocabulary import SHUT, Aspect, Channel

CHANNELS = (Channel.EMAIL.value, Channel.SMS.value, Channel.PUSH.value)
_LANGUAGE = re.compile(r"^[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?$")

# The fields of a staged row that a file fills, in the order in which they are loaded.
STAGED = (
    "line", "outcome", "error_code", "error", "key", "first_name", "last_name", "language", "notes", "attributes",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("", "_key", "_fingerprint")),
    "unsendable", "noes", "extras", "cells",
)  # fmt: skip

# What tells whom a rejected row is about: a no in it counts, and a replacement takes them for present.
_KEPT = (
    "line", "key", "noes", "extras",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("", "_key", "_fingerprint")),
)  # fmt: skip

Faults = dict[int, RegisterError]


@dataclass(frozen=True, slots=True)
class Taken:
    """How a file is taken: what its columns are called and mean, and what is asked of its rows.

    ``country`` is that of national phone numbers, ``zone`` the project's time zone, ``now`` the moment of the import.
    ``fingerprints``: those of all addresses are wanted, not only (later, from ``planning``) those of rows that do
    something. ``keeps_who_left``: rows whose status says that the person left are contacts all the same.
    """

    columns: Sequence[str]
    targets: Sequence[str]
    kind: str
    country: str
    zone: ZoneInfo
    now: datetime
    fingerprints: bool = True
    keeps_who_left: bool = False
    day_first: bool = False

    def places(self, target: str) -> list[int]:
        return [place for place, found in enumerate(self.targets) if found == target]

    def place(self, target: str) -> int | None:
        return next(iter(self.places(target)), None)


@dataclass(slots=True)
class Staged:
    """A batch of staged rows as columns of values, by the names of STAGED. JSON stands as text, None is NULL."""

    values: dict[str, Sequence[Any]]
    faults: Faults = field(default_factory=dict)

    def filled(self) -> dict[str, Sequence[Any]]:
        """The columns in which something stands; of the others every row has the default."""
        return {name: column for name, column in self.values.items() if not isinstance(column, Empty)}


class Empty(list[Any]):
    """A column in which nothing stands."""


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
    _addresses(by_place, taken, values, faults)
    _keys(by_place, taken, values, faults)
    _noes(by_place, taken, values, faults)
    _who_left(by_place, taken, faults)
    _unsendable(by_place, taken, values)
    if taken.kind == ImportKind.CONTACTS:
        _details(by_place, taken, values, faults)
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


def _value(cell: str) -> str:
    return unguarded(cell).strip()


def clean_column(
    cells: Sequence[str], *, max_length: int, several_lines: bool = False, field: str = ""
) -> tuple[list[str], Faults]:
    """The cells' texts as ``clean_text`` makes them, and what it refuses, by position."""
    values = list(map(str.strip, cells))
    joined = "".join(values)
    if joined.isascii() and joined.isprintable() and "'" not in joined and _longest(values) <= max_length:
        return values, {}
    faults: Faults = {}
    for place, text in enumerate(values):
        if text.isascii() and text.isprintable() and text[:1] != "'" and len(text) <= max_length:
            continue
        try:
            values[place] = _clean(cells[place], max_length, several_lines, field)
        except InvalidText as error:
            values[place] = ""
            faults[place] = error
    return values, faults


@lru_cache(maxsize=10_000)
def _clean(cell: str, max_length: int, several_lines: bool, field: str) -> str:
    return clean_text(_value(cell), max_length=max_length, several_lines=several_lines, field=field)


def _longest(values: Sequence[str]) -> int:
    return max(map(len, values), default=0)


def _column(
    by_place: Sequence[Sequence[str]], taken: Taken, target: str, faults: Faults, **limits: Any
) -> list[str] | None:
    place = taken.place(target)
    if place is None:
        return None
    values, found = clean_column(by_place[place], field=target, **limits)
    _add(faults, found)
    return values


def _add(faults: Faults, found: Faults) -> None:
    for place, error in found.items():
        faults.setdefault(place, error)


def _addresses(
    by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults
) -> None:
    for channel in CHANNELS:
        place = taken.place(channel)
        if place is None:
            continue
        shown, keys, found = _addresses_on(channel, by_place[place], taken.country)
        _add(faults, found)
        values[channel], values[f"{channel}_key"] = shown, keys
        if taken.fingerprints:
            values[f"{channel}_fingerprint"] = fingerprints_of(channel, keys)


def _addresses_on(channel: str, cells: Sequence[str], country: str) -> tuple[list[str], list[str], Faults]:
    """Addresses as shown and as compared, and what is none, by position."""
    texts = list(map(str.strip, cells))
    if channel == Channel.EMAIL and all(map(is_plain_email, texts)):
        return texts, texts, {}
    shown: list[str] = []
    keys: list[str] = []
    faults: Faults = {}
    for place, text in enumerate(texts):
        if channel == Channel.EMAIL and is_plain_email(text):
            shown.append(text)
            keys.append(text)
            continue
        address = None
        if text:
            try:
                address = _address(channel, _value(cells[place]), country)
            except InvalidAddress as error:
                faults[place] = error
        shown.append(address.shown if address else "")
        keys.append(address.key if address else "")
    return shown, keys, faults


def _address(channel: str, text: str, country: str) -> Address:
    """The address in a cell. Brevo writes phone numbers with the country code and without the plus."""
    has_no_plus = channel == Channel.SMS and text.isascii() and text.isdigit() and len(text) >= 10
    try:
        return normalise(channel, text, country=country)
    except InvalidAddress as error:
        if has_no_plus:
            return _address(channel, f"+{text}", "")
        error.field = channel
        raise


def _keys(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults) -> None:
    """A key of its own; else the email address, else (of lists of addresses) whatever address there is."""
    place = taken.place("key")
    if place is not None:
        keys, found = clean_column(by_place[place], max_length=254, field="key")
        _add(faults, found)
        column = taken.columns[place]
    else:
        keys = list(values["email_key"])
        column = next((taken.columns[found] for found in taken.places("email")), "")
        if _longest(keys) > 254:
            found = {
                n: InvalidText(_("The key is too long."), field="key") for n, key in enumerate(keys) if len(key) > 254
            }
            _add(faults, found)
    if taken.kind != ImportKind.CONTACTS and place is None:
        for number, key in enumerate(keys):
            if not key:
                keys[number] = values["sms_key"][number] or values["push_key"][number]
    if "" in keys:
        words = _("The cell of the key is empty (column “%(name)s”).") % {"name": column}
        if taken.kind != ImportKind.CONTACTS and place is None:
            words = _("The row has no address.")
        for number, key in enumerate(keys):
            if not key:
                faults.setdefault(number, MissingKey(words))
    values["key"] = keys


class MissingKey(RegisterError):
    code = "missing_key"


class SaysTheyLeft(RegisterError):
    code = "says_they_left"


def _details(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults) -> None:
    number = len(values["line"])
    for name, length, several in (
        ("first_name", 150, False), ("last_name", 150, False), ("notes", 10_000, True),
    ):  # fmt: skip
        column = _column(by_place, taken, name, faults, max_length=length, several_lines=several)
        if column is not None:
            values[name] = column
    full_names = _column(by_place, taken, "full_name", faults, max_length=300)
    if full_names is not None:
        _split_names(full_names, values, faults)
    extra: list[tuple[str, Sequence[str]]] = []
    languages = _column(by_place, taken, "language", faults, max_length=2_000)
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
        _add(faults, found)
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
            attributes = _from_json(_value(cell))
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


def says_no(cell: str) -> bool:
    """Whether the word in a cell of opt-outs, or of a status, says that the person left."""
    word = plain(_value(cell))
    return word in LEFT_WORDS or word in TRUE_WORDS


def _who_left(by_place: Sequence[Sequence[str]], taken: Taken, faults: Faults) -> None:
    """A row that says that the person left is no contact's, unless the user said so of the whole file."""
    if taken.kind != ImportKind.CONTACTS or taken.keeps_who_left:
        return
    signs: list[tuple[int, Callable[[str], bool]]] = [
        (place, _is_a_word_of_leaving) for place in taken.places("status")
    ]
    signs += [(place, _says_something) for place in taken.places("left")]
    for place, tells in signs:
        for number, cell in enumerate(by_place[place]):
            if tells(cell):
                faults.setdefault(
                    number, SaysTheyLeft(_("The row says that this person unsubscribed, bounced or was blocked."))
                )


@lru_cache(maxsize=1_000)
def _is_a_word_of_leaving(cell: str) -> bool:
    return plain(_value(cell)) in LEFT_WORDS


@lru_cache(maxsize=1_000)
def _says_something(cell: str) -> bool:
    return plain(_value(cell)) not in FALSE_WORDS


def _unsendable(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]]) -> None:
    """What one of our own exports said of each row: ``all`` of somebody inactive, else the channels that were shut."""
    told = [("all", place, plain(SHUT[Aspect.ACTIVE])) for place in taken.places("ours:status")]
    told += [(channel, place, "") for channel in CHANNELS for place in taken.places(f"ours:{channel}")]
    if not told:
        return
    found: list[set[str]] = [set() for _row in values["line"]]
    for name, place, word in told:
        for row, cell in enumerate(by_place[place]):
            text = plain(cell)
            if name == "all":
                says_no_more = text == word
            else:
                says_no_more = text in FALSE_WORDS - {""} and bool(values[f"{name}_key"][row])
            if says_no_more:
                found[row].add(name)
    values["unsendable"] = ["all" if "all" in names else ",".join(sorted(names)) for names in found]


def _noes(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults) -> None:
    """The opt-outs in each row, as JSON: a list of ``{"channel", "on"}``, where ``on`` is the moment at which it
    happened (a day counts as its end), or null. ``None`` for a row without any."""
    columns = [
        (channel, taken.places(f"opt_out:{channel}"), taken.places(f"opt_out_on:{channel}"))
        for channel in ("all", *CHANNELS)
    ]
    addresses = [(name, place) for name in CHANNELS if (place := taken.place(name)) is not None]
    is_list_of_noes = taken.kind != ImportKind.CONTACTS
    if not is_list_of_noes and not any(said or dated for _channel, said, dated in columns):
        return
    number = len(values["line"])
    noes: list[Any] = [None] * number
    values["noes"] = noes
    moments: dict[str, str] = {}
    for row in range(number):
        found: dict[str, str | None] = {}
        for channel, said, dated in columns:
            dates = [cell for place in dated if (cell := _value(by_place[place][row]))]
            if not dates and not any(says_no(by_place[place][row]) for place in said):
                continue
            if is_list_of_noes and not dates:
                continue
            on = None
            if dates:
                try:
                    on = moments.get(dates[0]) or moments.setdefault(dates[0], _moment(dates[0], taken))
                except RegisterError as error:
                    faults.setdefault(row, error)
            for name in CHANNELS if channel == "all" else (channel,):
                found[name] = on or found.get(name)
        if is_list_of_noes:
            names = [name for name, place in addresses if by_place[place][row].strip()]
            found = {name: found.get(name) for name in names or CHANNELS}
        if found:
            noes[row] = json.dumps([{"channel": name, "on": on} for name, on in found.items()])


def _moment(text: str, taken: Taken) -> str:
    moment, is_day = parse_moment(text, taken.zone, day_first=taken.day_first)
    if is_day and moment.astimezone(taken.zone).date() == taken.now.astimezone(taken.zone).date():
        moment = min(moment, taken.now)
    if moment > taken.now:
        raise InTheFuture()
    return moment.isoformat()


def _extras(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults) -> None:
    """Relational values by table and column, and what other apps read, as JSON; None for a row without any."""
    groups = {group.key: group for group in import_columns}
    columns: list[tuple[str, str, str, list[str]]] = []
    for place, target in enumerate(taken.targets):
        kind, _colon, rest = target.partition(":")
        if kind == "relational" or kind in groups:
            table, _colon, key = rest.partition(":") if kind == "relational" else ("", "", rest)
            cells, found = clean_column(by_place[place], max_length=2_000, several_lines=True, field=rest)
            _add(faults, found)
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
