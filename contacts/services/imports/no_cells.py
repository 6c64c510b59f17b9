"""What a row says against sending: opt-outs, and signs that somebody left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from django.utils.translation import gettext as _

from contacts.csv_columns import FALSE_WORDS, LEFT_WORDS, TRUE_WORDS, parse_moment, plain
from contacts.errors import InTheFuture, RegisterError
from contacts.models.imports import ImportKind
from contacts.services.imports.cells import CHANNELS, Faults, Taken, value_of
from contacts.vocabulary import SHUT, Aspect


class SaysTheyLeft(RegisterError):
    code = "says_they_left"


def says_no(cell: str) -> bool:
    """Whether the word in a cell of opt-outs, or of a status, says that the person left."""
    word = plain(value_of(cell))
    return word in LEFT_WORDS or word in TRUE_WORDS


def take_leaving(by_place: Sequence[Sequence[str]], taken: Taken, faults: Faults) -> None:
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
    return plain(value_of(cell)) in LEFT_WORDS


@lru_cache(maxsize=1_000)
def _says_something(cell: str) -> bool:
    return plain(value_of(cell)) not in FALSE_WORDS


def take_unsendable(by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]]) -> None:
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


def take_noes(
    by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults
) -> None:
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
            dates = [cell for place in dated if (cell := value_of(by_place[place][row]))]
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
