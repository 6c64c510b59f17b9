"""Believable people for the demo, each made from a seed and a number alone: the same ones every time."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from contacts.demo.names import LANGUAGES
from contacts.vocabulary import Channel

FIRST_KEY = 204_817
YEARS = 8
DOMAINS = ("example.org", "example.com", "example.net")
AREA_CODES = (
    902, 418, 514, 506, 613, 416, 782, 709, 438, 819, 905, 647, 604, 403, 780, 204, 306, 250, 519, 705,
    207, 617, 603, 802, 401, 508, 978, 413, 860, 203, 212, 718, 646, 914, 518, 315, 585, 716, 814, 412,
    215, 610, 717, 302, 410, 301, 202, 703, 804, 757, 919, 704, 336, 843, 404, 912, 904, 305, 813, 407,
)  # fmt: skip
CITIES = ("Halifax", "Dartmouth", "Lunenburg", "Truro", "Moncton", "Québec", "Montréal", "Boston", "Portland")
MEMBERSHIPS = ("Individual", "Family", "Student", "Patron")
INTERESTS = (
    "Maritime history",
    "Boat building",
    "Concerts",
    "Children’s workshops",
    "Photography",
    "Walking tours",
)
NOTES = (
    "Prefers to be called in the afternoon.",
    "Volunteers at the harbour festival.",
    "Needs step-free access.",
    "Donated the ship’s bell in hall 2.",
    "Writes in capitals; reply in the same thread.",
)
ITEMS = (
    "Family membership",
    "Ticket, day",
    "Ticket, group",
    "Model kit “Schooner”",
    "Catalogue",
    "Sea chart print",
)
EXHIBITIONS = ("Winter at the museum", "Ropes and knots", "Lighthouses", "Whales", "The 1917 collections")


@dataclass(slots=True)
class Person:
    """Somebody in the register: what is known of them, and when they came to it."""

    index: int
    key: str
    first_name: str
    last_name: str
    language: str
    addresses: dict[str, str]
    came_at: datetime
    attributes: dict[str, str] = field(default_factory=dict)
    notes: str = ""
    orders: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)
    visits: list[tuple[datetime, dict[str, str]]] = field(default_factory=list)


def random_for(seed: int, index: int) -> Random:
    """The dice of one person: independent of how many others are made, and in what order."""
    return Random(seed * 1_000_003 + index)  # noqa: S311


def person(index: int, dice: Random, until: datetime, *, prefix: str = "HM") -> Person:
    """Somebody with this number, who came to the register in the years before ``until``."""
    names = dice.choice(LANGUAGES)
    first_name, first = dice.choice(names.first)
    last_name, last = dice.choice(names.last)
    unnamed = dice.random() < 0.02
    made = Person(
        index=index,
        key=f"{prefix}-{FIRST_KEY + index}",
        first_name="" if unnamed else first_name,
        last_name="" if unnamed else last_name,
        language=names.language if names.language in ("en", "fr") or dice.random() < 0.4 else "en",
        addresses=_addresses(index, f"{first}.{last}", dice, prefix),
        came_at=_moment(dice, until - timedelta(days=365 * YEARS), until - timedelta(days=1)),
    )
    _add_particulars(made, dice, until)
    return made


def _addresses(index: int, name: str, dice: Random, prefix: str) -> dict[str, str]:
    found = {}
    if dice.random() < 0.97:
        number = f"{index + 2}" if prefix == "HM" else f"{index + 2}.{prefix.lower()}"
        found[Channel.EMAIL.value] = f"{name}{number}@{DOMAINS[index % 3]}"
    if dice.random() < 0.35:
        area = AREA_CODES[index % len(AREA_CODES)]
        exchange = (555 if prefix == "HM" else 655) + index // (len(AREA_CODES) * 10_000)
        line = (index // len(AREA_CODES) * 7919 + index * 37) % 10_000
        found[Channel.SMS.value] = f"+1 {area}-{exchange}-{line:04d}"
    if dice.random() < 0.08:
        found[Channel.PUSH.value] = f"{prefix.lower()}-{index:07d}-{dice.getrandbits(64):016x}"
    return found


def _add_particulars(made: Person, dice: Random, until: datetime) -> None:
    if dice.random() < 0.8:
        made.attributes["City"] = dice.choice(CITIES)
    if dice.random() < 0.6:
        made.attributes["Membership"] = dice.choice(MEMBERSHIPS)
        made.attributes["Member since"] = str(made.came_at.year)
    if dice.random() < 0.3:
        made.attributes["Interests"] = ", ".join(sorted(dice.sample(INTERESTS, 2)))
    if dice.random() < 0.06:
        made.notes = dice.choice(NOTES)
    for _number in range(dice.choice((0, 0, 0, 0, 0, 1, 1, 2, 4))):
        at = _moment(dice, made.came_at, until)
        amount = f"{dice.choice((12, 18, 24, 45, 95, 140))}.00"
        values = {"date": at.date().isoformat(), "item": dice.choice(ITEMS), "amount": amount}
        made.orders.append((at, values))
    for _number in range(dice.choice((0, 0, 0, 0, 0, 0, 1, 1, 3))):
        at = _moment(dice, made.came_at, until)
        values = {
            "date": at.date().isoformat(),
            "exhibition": dice.choice(EXHIBITIONS),
            "people": str(dice.randint(1, 5)),
        }
        made.visits.append((at, values))


def _moment(dice: Random, start: datetime, end: datetime) -> datetime:
    """Some moment of the day between two moments; never after the second."""
    seconds = int((end - start).total_seconds())
    return start + timedelta(seconds=dice.randrange(max(seconds, 1)), microseconds=dice.randrange(1_000))
