"""What a machine of tests remembers of who said what, and the law of gates once more: written simply, of lists.

It knows nothing of the application but DESIGN's sentences: what a no and a yes weigh, which gates stand between a
contact and a sending, and what an erasure and a merge leave.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.utils import timezone

from tests.factories import TIME_ZONE

TICK = timedelta(microseconds=1)
ZONE = ZoneInfo(TIME_ZONE)
OURS, REPORTED, OWN, COMPLAINT = range(4)
EMAIL, SMS = "email", "sms"
Gate = tuple[Any, ...]


def day_begins(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZONE)


@dataclass(frozen=True)
class No:
    weight: int
    at: datetime
    method: str = ""
    address: str = ""


@dataclass(frozen=True)
class Yes:
    weight: int
    at: datetime
    word_at: datetime | None

    def lifts(self, no: No) -> bool:
        moment = self.word_at if no.weight else self.at
        return self.weight >= no.weight and moment is not None and moment > no.at


@dataclass
class Somebody:
    """A contact: where they are, and the addresses that they have, and had."""

    number: int
    project: int
    organization: int
    has: dict[str, str] = field(default_factory=dict)
    had: set[tuple[str, str]] = field(default_factory=set)
    whole: set[int] = field(default_factory=set)


class Memory:
    def __init__(self) -> None:
        self.noes: dict[Gate, list[No]] = defaultdict(list)
        self.yeses: dict[Gate, list[Yes]] = defaultdict(list)
        self.agreed: set[tuple[int, int, str]] = set()
        self.people: dict[int, Somebody] = {}
        self.merged: dict[int, int] = {}

    # The law

    def standing(self, *gates: Gate) -> list[No]:
        return [no for gate in gates for no in self.noes[gate] if not any(yes.lifts(no) for yes in self.yeses[gate])]

    def say_no(self, gate: Gate, weight: int, at: datetime | None, method: str = "", address: str = "") -> None:
        self.noes[gate].append(No(weight, at or timezone.now(), method, address))

    def says_again(self, gate: Gate, at: datetime | None, method: str, address: str = "") -> bool:
        """Whether somebody says what they said before by the same door, and nothing lifted since; of what is told
        late, whether it is no later word."""
        return any(
            no.weight == OWN and no.method == method and (not address or no.address == address)
            and (at is None or no.at >= at)
            for no in self.standing(gate)
        )  # fmt: skip

    def say_yes(
        self, gates: list[Gate], weight: int, *, day: date | None = None, act: datetime | None = None
    ) -> bool | None:
        """Let a yes be said to what is one gate in several readings. None where it is open already, False where the
        yes may not be said: it is too light, or older than the last no."""
        standing = self.standing(*gates)
        if not standing:
            return None
        last = max(no.at for gate in gates for no in self.noes[gate])
        if max(no.weight for no in standing) > weight:
            return False
        word_at = act
        if day is not None:
            if last >= day_begins(day + timedelta(days=1)):
                return False
            word_at = max(day_begins(day), last + TICK)
        elif act is not None and last >= act:
            return False
        for gate in gates:
            self.yeses[gate].append(Yes(weight, timezone.now(), word_at if weight else None))
        return True

    # Gates

    def opt_outs(self, one: Somebody, channel: str) -> list[Gate]:
        own: list[Gate] = [("own", one.number, channel)]
        return [*own, ("opt_out", one.project, channel, one.has[channel])] if channel in one.has else own

    def suppressions(self, one: Somebody, channel: str) -> list[Gate]:
        causes = ("complaint", "stop")
        return [("suppression", one.organization, channel, one.has.get(channel, ""), cause) for cause in causes]

    def quarantines(self, project: int, address: str) -> list[Gate]:
        return [("quarantine", project, EMAIL, address, cause) for cause in ("no_such_address", "delivery_errors")]

    def fails(self, one: Somebody, channel: str, topic: int | None) -> set[str]:
        """The conditions for sending that somebody does not meet."""
        has = one.has.get(channel, "")
        shut = {
            "active": self.standing(("active", one.number)),
            "has_address": not has,
            "not_quarantined": channel == EMAIL and has and self.standing(*self.quarantines(one.project, has)),
            "not_suppressed": has and self.standing(*self.suppressions(one, channel)),
            "not_opted_out": self.standing(*self.opt_outs(one, channel)),
            "consent": topic is not None
            and ((one.number, topic, channel) not in self.agreed or self.is_withdrawn(one.number, topic, channel)),
        }
        return {key for key, is_shut in shut.items() if is_shut}

    def is_withdrawn(self, number: int, topic: int, channel: str) -> bool:
        return bool(self.standing(("consent", number, topic, channel)))

    # People

    def who_has(self, project: int, channel: str, address: str) -> list[Somebody]:
        found = [one for one in self.people.values() if (one.project, one.has.get(channel)) == (project, address)]
        return sorted(found, key=lambda one: one.number)

    def person(self, number: int) -> Somebody | None:
        return self.people.get(self.merged.get(number, number))

    def comes(self, one: Somebody) -> None:
        """Whoever is added is active from then on: that lifts what we decided before, and nothing heavier."""
        self.people[one.number] = one
        self.yeses["active", one.number].append(Yes(OURS, timezone.now(), None))

    def put(self, one: Somebody, channel: str, address: str) -> None:
        one.has.pop(channel, None)
        if address:
            one.has[channel] = address
            one.had.add((channel, address))

    # What the person does through a door of their own

    def stop_all(self, reader: Somebody | None, project: int, channel: str, address: str, at: datetime | None,
                 method: str) -> None:  # fmt: skip
        """Everything from the project: of who reads the message, else of whoever has the address that it went to."""
        of_address: Gate = ("opt_out", project, channel, address)
        if reader is None:
            if not self.says_again(of_address, at, "opt_out_link"):
                self.say_no(of_address, OWN, at, method)
            return
        if not self.says_again(("active", reader.number), at, method):
            self.say_no(("active", reader.number), OWN, at, method)
        if not self.says_again(("own", reader.number, channel), at, method, address):
            self.say_no(("own", reader.number, channel), OWN, at, method, address)
            self.say_no(of_address, OWN, at, method)

    def stop_type(self, reader: Somebody, topic: int, channel: str, method: str) -> None:
        """One type: there for all who have the address, and on the reader's other channels where it is still sent."""
        told = {(reader.number, channel)}
        told |= {
            (one.number, channel)
            for one in self.who_has(reader.project, channel, reader.has[channel])
            if self.gets(one.number, topic, channel)
        }
        told |= {(reader.number, other) for other in (EMAIL, SMS) if self.gets(reader.number, topic, other)}
        for number, where in told:
            if not self.says_again(("consent", number, topic, where), None, method):
                self.say_no(("consent", number, topic, where), OWN, None, method)

    def gets(self, number: int, topic: int, channel: str) -> bool:
        return (number, topic, channel) in self.agreed and not self.is_withdrawn(number, topic, channel)

    def complain(self, organization: int, address: str, people: list[Somebody], at: datetime | None) -> None:
        self.say_no(("suppression", organization, EMAIL, address, "complaint"), COMPLAINT, at)
        for one in people:
            self.say_no(("active", one.number), COMPLAINT, at)

    # Leaving

    def merge(self, staying: Somebody, going: Somebody) -> None:
        """A no of either stays, from now on; an agreement of who goes, unless they took it back."""
        for gate in [gate for gate in self.noes if gate[0] in ("active", "own", "consent") and gate[1] == going.number]:
            for no in self.standing(gate):
                self.noes[gate[0], staying.number, *gate[2:]].append(No(no.weight, timezone.now(), "merge"))
        for number, topic, channel in list(self.agreed):
            if number == going.number and not self.is_withdrawn(number, topic, channel):
                self.agreed.add((staying.number, topic, channel))
        staying.had |= going.had
        staying.whole |= {going.number, *going.whole}
        staying.has = {**going.has, **staying.has}
        del self.people[going.number]
        self.merged |= dict.fromkeys(staying.whole, staying.number)

    def erase(self, one: Somebody, *, requested: bool) -> None:
        """Their addresses stay blocked when they asked for it, or ever said no; those of before, unless somebody else
        has one by now."""
        whole = {one.number, *one.whole}
        said = dict.fromkeys((EMAIL, SMS), REPORTED if requested else OURS)
        for gate in [gate for gate in self.noes if gate[0] in ("active", "own", "consent") and gate[1] in whole]:
            heaviest = max((no.weight for no in self.noes[gate]), default=OURS)
            for channel in said if gate[0] != "own" else {gate[2]}:
                said[channel] = max(said[channel], heaviest)
        del self.people[one.number]
        for channel, address in one.had:
            is_theirs = one.has.get(channel) == address or not self.who_has(one.project, channel, address)
            if said[channel] and is_theirs:
                self.say_no(("opt_out", one.project, channel, address), said[channel], None, "erasure")
