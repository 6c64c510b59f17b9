"""Lists as organizations have them: email, name and three attributes, the same at each run."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

HEADER = ("Email", "Name", "City", "Plan", "Member since")
_FIRST = ("Anna", "Chantal", "Gaëlle", "Ines", "Joël", "Karim", "Lucie", "Mei-Lin", "Omar", "Pierre", "Sofia", "Yuki")
_LAST = ("Bernard", "Chen", "Côté", "Durand", "Haddad", "Lefebvre", "Nguyen", "O'Brien", "Perrin", "Tanaka", "Tremblay")
_CITIES = ("Montréal", "Rabat", "Lyon", "Toronto", "Québec", "Saint-Denis", "Halifax", "Genève")
_PLANS = ("basic", "family", "patron", "student")
_HOSTS = ("example.org", "example.com", "mail.example.net", "example.qc.ca")


def rows(number: int) -> Iterator[tuple[str, str, str, str, str]]:
    """As many people, in no order of their addresses; one in fifty wrote theirs with a capital letter."""
    chance = random.Random(number)
    for place in range(number):
        first, last = chance.choice(_FIRST), chance.choice(_LAST)
        mark = f"{place * 7919 % 10_000_019:x}"
        local = f"reader.{mark}" if place % 50 else f"Reader.{mark}"
        since = f"{2010 + place % 16}-{1 + place % 12:02}-{1 + place % 28:02}"
        yield (
            f"{local}@{chance.choice(_HOSTS)}", f"{first} {last}", chance.choice(_CITIES), chance.choice(_PLANS), since
        )  # fmt: skip


def write(path: Path, number: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(rows(number))
    return path
