"""Files whose every row's outcome is known before they are imported, and the register that they meet.

``made(seed, people)`` tells who was in the register before, and in which state, the file, and what must become of it.
"""

from __future__ import annotations

import csv
import io
import random
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

COLUMNS = ("Email", "Mobile", "First name", "Last name", "Language", "City", "Remark", "Status", "Opted out on")
TARGETS = (
    "email", "sms", "first_name", "last_name", "language", "attribute", "attribute", "status", "opt_out_on:email",
)  # fmt: skip
REMARKS = (
    "'=1+1",
    "'@SUM(A1)",
    "''=x",
    "-5",
    "-4,50",
    "'-1-2",
    "'+x",
    'She said "yes"',
    "two\nlines",
    "Ωmega 🦊",
    "\\N",
)
_TODAY = date(2026, 1, 1)

_ADDRESSES = (
    ("reader{}", "example.org"), ("zoé.{}", "example.com"), ("straße{}", "example.net"), ("o'neil+{}", "example.org"),
    ("reader{}", "bücher.example.org"), ("m{}", "example.qc.ca"),
)  # fmt: skip

Cells = dict[str, str]


@dataclass
class Person:
    """Somebody in the register before: the cells by which they came, and what happened to them since."""

    cells: Cells
    state: str = ""


@dataclass
class Row:
    """A row of the file with its answer. ``error`` is the code of the reason of a rejected one."""

    cells: Cells
    outcome: str
    error: str = ""
    surplus: bool = False


@dataclass
class Made:
    """A register, a file, and the answers: by line, and of each address whether mail may go there afterwards."""

    people: list[Person] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    sendable: dict[str, bool] = field(default_factory=dict)
    lines: list[int] = field(default_factory=list)

    def register(self) -> str:
        """The file by which the people came."""
        return _text([(person.cells, False) for person in self.people])[0]

    def file(self) -> str:
        text, self.lines = _text([(row.cells, row.surplus) for row in self.rows])
        return text

    def answers(self) -> dict[int, tuple[str, str]]:
        return {line: (row.outcome, row.error) for line, row in zip(self.lines, self.rows, strict=True)}

    def counts(self) -> dict[str, int]:
        return Counter(row.outcome for row in self.rows)

    def in_state(self, state: str) -> list[str]:
        return [address_key(person.cells) for person in self.people if person.state == state]


def _text(rows: list[tuple[Cells, bool]]) -> tuple[str, list[int]]:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    lines, line = [], 2
    for cells, surplus in rows:
        lines.append(line)
        line += 1 + sum(value.count("\n") for value in cells.values())
        writer.writerow([*(cells.get(name, "") for name in COLUMNS), *(["one", "too many"] if surplus else [])])
    return out.getvalue(), lines


def address_key(cells: Cells) -> str:
    """The address of a row as the register compares it, of those that are made here."""
    text = unicodedata.normalize("NFC", cells["Email"].strip().casefold())
    return text.replace("xn--bcher-kva", "bücher")


class Maker:
    """Makes people and rows by the handful; each kind knows its own answer."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.number = 0
        self.made = Made()
        self.placed: list[tuple[float, Row]] = []

    # Cells

    def somebody(self) -> Cells:
        self.number += 1
        number, chance = self.number, self.chance
        local, host = chance.choice(_ADDRESSES)
        local = local.format(number)
        return {
            "Email": f"{local}@{host}",
            "Mobile": chance.choice(["", f"+1 418 555 {number % 10_000:04}", f"+33 6 12 {number % 1_000_000:06}"]),
            "First name": chance.choice(["Zoé", "Ann", "Øystein", "Мария", "李"]),
            "Last name": chance.choice(["Côté", "O'Brien", "de la Cruz", "Müller", ""]),
            "Language": chance.choice(["fr", "en-CA", "", "pt_BR"]),
            "City": chance.choice(["Québec", "Genève", "Saint-Denis", ""]),
            "Remark": chance.choice(["", *REMARKS]),
            "Status": chance.choice(["subscribed", "", "active"]),
        }

    def twin(self, cells: Cells) -> Cells:
        """The same, with the address written in another way."""
        local, _at, host = cells["Email"].partition("@")
        ways: list[Callable[[], str]] = [
            lambda: f"{local.upper()}@{host}",
            lambda: f"{local}@{host.upper()}",
            lambda: f"  {local}@{host}\t",
            lambda: f"\u00a0{local.title()}@{host} ",
            lambda: unicodedata.normalize("NFD", f"{local}@{host}"),
        ]
        if "bücher" in host:
            ways.append(lambda: f"{local}@xn--bcher-kva.example.org")
            ways.append(lambda: f"{local}@BÜCHER.example.org")
        return {**cells, "Email": self.chance.choice(ways)()}

    # Putting down

    def before(self, state: str = "") -> Cells:
        cells = self.somebody()
        self.made.people.append(Person(cells, state))
        return cells

    def put(self, *rows: Row) -> None:
        """These rows somewhere in the file, in this order."""
        places = sorted(self.chance.random() for _row in rows)
        self.placed.extend(zip(places, rows, strict=True))

    def answer(self, cells: Cells, sendable: bool) -> None:
        self.made.sendable[address_key(cells)] = sendable

    # Kinds

    def new(self) -> None:
        cells = self.somebody()
        self.put(Row(cells, "created"))
        self.answer(cells, True)

    def new_by_twins(self) -> None:
        cells = self.twin(self.somebody())
        self.put(Row(cells, "created"), Row(self.twin(cells | {"City": "Elsewhere"}), "rejected", "duplicate"))
        self.answer(cells, True)

    def new_again_and_again(self) -> None:
        cells = self.somebody()
        again = [Row(dict(cells), "rejected", "duplicate") for _time in range(self.chance.randint(1, 3))]
        self.put(Row(cells, "created"), *again)
        self.answer(cells, True)

    def unchanged(self) -> None:
        cells = self.before()
        self.put(Row(cells, "unchanged"))
        self.answer(cells, True)

    def unchanged_by_twin(self) -> None:
        cells = self.before()
        self.put(Row(self.twin(cells), "unchanged"), Row(self.twin(cells), "rejected", "duplicate"))
        self.answer(cells, True)

    def unchanged_where_empty(self) -> None:
        cells = self.before()
        self.put(Row({"Email": cells["Email"]}, "unchanged"))
        self.answer(cells, True)

    def updated(self) -> None:
        cells = self.before()
        self.put(Row(self.twin(cells) | self.news(), "updated"))
        self.answer(cells, True)

    def news(self) -> Cells:
        return self.chance.choice(
            [{"City": "Rimouski"}, {"Last name": "Tremblay"}, {"Mobile": f"+1 581 555 {self.number % 10_000:04}"}]
        )

    def not_there(self) -> None:
        self.answer(self.before(), True)

    def not_there_and_shut(self) -> None:
        self.answer(self.before("suppressed"), False)

    def _in_state(self, state: str, sendable: bool) -> None:
        cells = self.before(state)
        row = Row(self.twin(cells), "unchanged") if self.chance.random() < 0.5 else Row(cells | self.news(), "updated")
        self.put(row)
        self.answer(cells, sendable)

    def suppressed(self) -> None:
        self._in_state("suppressed", False)

    def quarantined(self) -> None:
        self._in_state("quarantined", False)

    def opted_out(self) -> None:
        self._in_state("opted out", False)

    def inactive(self) -> None:
        self._in_state("inactive", False)

    def inactive_by_their_wish(self) -> None:
        self._in_state("gone", False)

    def opened_again(self) -> None:
        self._in_state("opened again", True)

    def phone_of_somebody_silent(self) -> None:
        cells = self.before("gone")
        cells["Mobile"] = f"+1 819 555 {self.number % 10_000:04}"
        self.put(Row(self.somebody() | {"Mobile": cells["Mobile"]}, "rejected", "belongs_to_silent"))
        self.answer(cells, False)

    def phone_of_somebody_inactive(self) -> None:
        """Their staff switched them off: that is no word of the person, and says nothing of whoever has the number."""
        cells = self.before("inactive")
        cells["Mobile"] = f"+1 873 555 {self.number % 10_000:04}"
        other = self.somebody() | {"Mobile": cells["Mobile"]}
        self.put(Row(other, "created"))
        self.answer(cells, False)
        self.answer(other, True)

    def erased_after_a_no(self) -> None:
        cells = self.before("erased after a no")
        self.put(Row(self.twin(cells), "created"))
        self.answer(cells, False)

    def erased_by_their_wish(self) -> None:
        cells = self.before("erased")
        self.put(Row(self.twin(cells), "created"))
        self.answer(cells, False)

    def erased_in_a_clean_up(self) -> None:
        cells = self.before("cleaned up")
        self.put(Row(cells, "created"))
        self.answer(cells, True)

    def on_the_suppression_list(self) -> None:
        """Nobody has the address yet."""
        cells = self.before("suppressed, then cleaned up")
        self.put(Row(self.twin(cells), "created"))
        self.answer(cells, False)

    def says_no(self) -> None:
        cells = self.before()
        self.put(Row(self.twin(cells) | {"Opted out on": self.day()}, "updated"))
        self.answer(cells, False)

    def new_and_says_no(self) -> None:
        cells = self.somebody()
        self.put(Row(cells | {"Opted out on": self.day()}, "created"))
        self.answer(cells, False)

    def said_no_before_a_later_yes(self) -> None:
        """Recorded, and changes nothing: the yes is later."""
        cells = self.before("opened again")
        self.put(Row(cells | {"Opted out on": self.day()}, "updated"))
        self.answer(cells, True)

    def day(self) -> str:
        day = _TODAY - timedelta(days=self.chance.randint(1, 2000))
        return self.chance.choice(
            [day.isoformat(), f"{day.isoformat()} 14:05:00", f"{day:%d} {_MONTHS[day.month - 1]} {day:%Y}"]
        )

    # What cannot be taken, ten kinds

    def bad_address(self) -> None:
        wrong = self.chance.choice(
            ["nobody", "a@b@c.org", "@example.org", "x@", "a b@example.org", "x@example", "x@-.org"]
        )
        self.bad("invalid_address", Email=wrong)

    def bad_long_address(self) -> None:
        self.bad("invalid_address", Email=f"{'x' * 320}{self.number}@example.org")

    def bad_no_address(self) -> None:
        self.bad("missing_key", Email=self.chance.choice(["", "   ", "\u00a0"]))

    def bad_phone(self) -> None:
        self.bad("invalid_address", Mobile=self.chance.choice(["12", "+1", "call me", "+999 12345678"]))

    def bad_control_character(self) -> None:
        self.bad("invalid_text", **{self.chance.choice(["First name", "City"]): "Ann\x07a"})

    def bad_long_name(self) -> None:
        self.bad("invalid_text", **{self.chance.choice(["First name", "Last name"]): "n" * 151})

    def bad_long_remark(self) -> None:
        self.bad("invalid_text", Remark="é" * 2_001)

    def bad_surplus(self) -> None:
        self.put(Row(self.somebody(), "rejected", "refused", surplus=True))

    def bad_status(self) -> None:
        self.bad("says_they_left", Status=self.chance.choice(["unsubscribed", "Cleaned", "BOUNCED", "Désabonnée"]))

    def bad_date(self) -> None:
        """The date cannot be read; that they said no can, and counts."""
        cells = self.before()
        code, text = self.chance.choice(
            [("unclear_date", "03/04/2025"), ("unclear_date", "soon"), ("in_the_future", "2199-01-01")]
        )
        self.put(Row(cells | {"Opted out on": text}, "rejected", code))
        self.answer(cells, False)

    def bad(self, code: str, **cells: str) -> None:
        self.put(Row(self.somebody() | cells, "rejected", code))


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BAD = tuple(name for name in vars(Maker) if name.startswith("bad_"))
COMMON = ("new", "unchanged", "updated")
OTHERS = (
    "new_by_twins", "new_again_and_again", "unchanged_by_twin", "unchanged_where_empty", "not_there",
    "not_there_and_shut", "suppressed", "quarantined", "opted_out", "inactive", "inactive_by_their_wish",
    "opened_again", "phone_of_somebody_silent", "phone_of_somebody_inactive", "erased_after_a_no",
    "erased_by_their_wish",
    "erased_in_a_clean_up", "on_the_suppression_list", "says_no", "new_and_says_no", "said_no_before_a_later_yes",
)  # fmt: skip


def made(seed: int, groups: int) -> Made:
    """A register and a file of about as many rows; one in a hundred is bad, in each of the ten ways."""
    maker = Maker(seed)
    for kind in _kinds(groups):
        getattr(maker, kind)()
    maker.made.rows = [row for _place, row in sorted(maker.placed, key=lambda item: item[0])]
    return maker.made


def _kinds(groups: int) -> Iterator[str]:
    for number in range(groups):
        if number % 100 == 99 or number < len(BAD):
            yield BAD[number // 100 % len(BAD)] if number % 100 == 99 else BAD[number]
        elif number % 2:
            yield OTHERS[number // 2 % len(OTHERS)]
        else:
            yield COMMON[number // 2 % len(COMMON)]
