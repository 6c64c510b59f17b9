"""The stories of the demo: how people came, left, were asked back, complained, moved, and were mistaken for others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

from contacts.demo import events
from contacts.demo.events import OPTED_OUT, Event, Place, Staff, no, staff_voice, value, yes
from contacts.demo.people import Person
from contacts.moments import TICK
from contacts.origin import THE_CONTACT, Actor
from contacts.vocabulary import (
    Aspect,
    AuthorizationSource,
    BlockKind,
    Cause,
    Channel,
    Method,
    Reason,
    Says,
    Weight,
)

SENDINGS = (
    "Spring offers",
    "Winter at the museum",
    "Members’ evening",
    "Harbour festival",
    "Autumn programme",
)
FILES = ("members-2019.csv", "box-office.csv", "festival-list.csv", "newsletter.csv")
REQUESTS = (
    "Called the front desk.",
    "Wrote to info: “take me off the list”.",
    "Asked at the ticket desk.",
    "Letter, filed under correspondence.",
)
DECISIONS = ("Moved away.", "Duplicate of another record.", "Membership ended.", "No reply to two letters.")
REFERENCES = ("Ticket 5521", "Letter of the contact, folder 12", "Call note 880", "Form at the desk, box 3")

HOURS_WEST = timedelta(hours=4)

Story = Callable[["Telling"], list[Event]]


class Telling:
    """One person's story while it is told: the dice, the staff, and the moments at which things happen."""

    def __init__(self, person: Person, dice: Random, staff: Staff, until: datetime) -> None:
        self.person, self.dice, self.staff, self.until = person, dice, staff, until
        self.now = person.came_at + timedelta(minutes=1)

    def later(self, share: float = 0.6) -> datetime:
        """Some moment after the last one, leaving time for what follows."""
        left = (self.until - self.now).total_seconds()
        self.now += timedelta(seconds=1 + left * share * self.dice.random(), microseconds=self.dice.randrange(999))
        return min(self.now, self.until)

    def recently(self) -> datetime:
        """Some moment of the last two months, where there is such a one."""
        start = max(self.now, self.until - timedelta(days=60))
        self.now = start
        return self.later(0.9)

    def soon(self, hours: float) -> datetime:
        """At most so many hours after the last moment."""
        left = min((self.until - self.now).total_seconds(), hours * 3600)
        self.now += timedelta(seconds=left * (0.2 + 0.7 * self.dice.random()))
        return self.now

    def once(self) -> datetime:
        return self.recently() if self.dice.random() < 0.35 else self.later(0.95)

    def sending(self) -> dict[str, str]:
        return {"message": self.dice.choice(SENDINGS)}

    def authorization(self, at: datetime) -> tuple[str, date, str]:
        source = self.dice.choice((AuthorizationSource.VERBAL, AuthorizationSource.WRITTEN, AuthorizationSource.FORM))
        return (source.value, (at - HOURS_WEST).date(), self.dice.choice(REFERENCES))

    def somebody(self) -> Actor:
        return self.dice.choice((self.staff.editor, self.staff.editor, self.staff.admin))


def arrival(telling: Telling, addresses: dict[str, str]) -> list[Event]:
    """How the person came to the register, with which addresses."""
    dice, person = telling.dice, telling.person
    method, actor = dice.choices(
        (
            (Method.IMPORT, events.IMPORTER),
            (Method.FORM, THE_CONTACT),
            (Method.MANUAL, telling.staff.editor),
            (Method.API, events.API_TOKEN),
        ),
        (55, 20, 15, 10),
    )[0]
    evidence = {"file": dice.choice(FILES), "line": person.index + 2} if method == Method.IMPORT else {}
    created = Event(Aspect.ACTIVE, Says.YES, person.came_at, method, actor, reason=Reason.CREATED, evidence=evidence)
    put = [
        value(Aspect.ADDRESS, person.came_at + TICK * (place + 1), address, method, actor,
              channel=channel, reason=Reason.CREATED)
        for place, (channel, address) in enumerate(addresses.items())
    ]  # fmt: skip
    return [created, *put]


def follows_link(telling: Telling) -> list[Event]:
    at, evidence = telling.once(), telling.sending()
    return [
        no(events.LINK, Aspect.ACTIVE, at, evidence=evidence),
        no(events.LINK, Aspect.OPT_OUT, at + TICK, channel=Channel.EMAIL, place=OPTED_OUT, evidence=evidence),
    ]


def asks_staff(telling: Telling) -> list[Event]:
    reason = telling.dice.choice((Reason.VERBAL_REQUEST, Reason.WRITTEN_REQUEST))
    at = telling.once()
    asked_at = max(at - timedelta(days=telling.dice.randrange(4)), telling.person.came_at)
    voice = staff_voice(telling.somebody(), reason)
    return [
        no(voice, Aspect.ACTIVE, at, requested_on=(asked_at - HOURS_WEST).date(), note=telling.dice.choice(REQUESTS))
    ]


def asks_twice(telling: Telling) -> list[Event]:
    first = asks_staff(telling)
    again = staff_voice(telling.staff.editor, Reason.WRITTEN_REQUEST)
    return [*first, no(again, Aspect.ACTIVE, telling.later(), note="Wrote again.")]


def is_dropped_by_staff(telling: Telling) -> list[Event]:
    voice = staff_voice(telling.somebody(), Reason.OTHER)
    return [no(voice, Aspect.ACTIVE, telling.once(), note=telling.dice.choice(DECISIONS))]


def is_not_in_the_new_list(telling: Telling) -> list[Event]:
    return [no(events.REPLACEMENT, Aspect.ACTIVE, telling.once(), evidence={"file": "members-current.csv"})]


def is_on_a_list_of_opt_outs(telling: Telling) -> list[Event]:
    at = telling.once()
    happened = max(at - timedelta(days=telling.dice.randrange(1, 90)), telling.person.came_at + timedelta(seconds=5))
    evidence = {"file": "unsubscribed.csv", "line": telling.person.index % 400 + 2}
    happened = min(happened, at)
    return [
        no(events.LISTED_OPT_OUTS, Aspect.OPT_OUT, at, occurred_at=happened, channel=Channel.EMAIL,
           place=OPTED_OUT, evidence=evidence)
    ]  # fmt: skip


def uses_the_form(telling: Telling) -> list[Event]:
    return [no(events.FORM, Aspect.ACTIVE, telling.once(), evidence={"message": "Preferences form"})]


def complains(telling: Telling) -> list[Event]:
    at, evidence = telling.once(), telling.sending()
    place = Place(BlockKind.SUPPRESSION, Cause.COMPLAINT, everywhere=True)
    return [
        no(events.COMPLAINT, Aspect.SUPPRESSION, at, channel=Channel.EMAIL, place=place, evidence=evidence),
        no(events.COMPLAINT, Aspect.ACTIVE, at + TICK, evidence=evidence),
    ]


def bounces(telling: Telling) -> list[Event]:
    place = Place(BlockKind.QUARANTINE, Cause.NO_SUCH_ADDRESS)
    evidence = {**telling.sending(), "code": "5.1.1"}
    return [
        no(
            events.NO_SUCH_ADDRESS,
            Aspect.QUARANTINE,
            telling.once(),
            channel=Channel.EMAIL,
            place=place,
            evidence=evidence,
        )
    ]


def is_often_not_reached(telling: Telling) -> list[Event]:
    place = Place(BlockKind.QUARANTINE, Cause.DELIVERY_ERRORS)
    channel = Channel.SMS if Channel.SMS in telling.person.addresses else Channel.EMAIL
    return [no(events.DELIVERY_ERRORS, Aspect.QUARANTINE, telling.once(), channel=channel, place=place)]


def is_reached_again(telling: Telling) -> list[Event]:
    place = Place(BlockKind.QUARANTINE, Cause.NO_SUCH_ADDRESS)
    lifted = staff_voice(telling.staff.editor, Reason.REACHABLE)
    return [
        no(events.NO_SUCH_ADDRESS, Aspect.QUARANTINE, telling.later(), channel=Channel.EMAIL, place=place),
        yes(lifted, Aspect.QUARANTINE, telling.later(), channel=Channel.EMAIL, place=place,
            note="Their provider had an outage."),
    ]  # fmt: skip


def replies_stop(telling: Telling) -> list[Event]:
    at = telling.once()
    place = Place(BlockKind.SUPPRESSION, Cause.STOP, everywhere=True)
    return [
        no(
            events.STOP,
            Aspect.SUPPRESSION,
            at,
            channel=Channel.SMS,
            place=place,
            evidence={"message": "STOP"},
        )
    ]


def opts_out_by_mail(telling: Telling) -> list[Event]:
    return [no(events.MAIL, Aspect.OPT_OUT, telling.once(), channel=Channel.EMAIL, place=OPTED_OUT)]


def changes_channels(telling: Telling) -> list[Event]:
    out = no(events.FORM, Aspect.OPT_OUT, telling.later(), channel=Channel.SMS, place=OPTED_OUT)
    at = telling.later()
    return [out, _lifted(telling, telling.staff.admin, Weight.OWN, Aspect.OPT_OUT, at, Channel.SMS)]


def comes_back(telling: Telling) -> list[Event]:
    return [*asks_staff(telling), _activated(telling, telling.staff.editor, Weight.REPORTED)]


def comes_back_after_a_link(telling: Telling) -> list[Event]:
    left = follows_link(telling)
    back = _activated(telling, telling.staff.admin, Weight.OWN)
    return [
        *left,
        back,
        _lifted(telling, telling.staff.admin, Weight.OWN, Aspect.OPT_OUT, back.at + TICK, Channel.EMAIL),
    ]


def comes_and_goes(telling: Telling) -> list[Event]:
    return [*comes_back(telling), *follows_link(telling)]


def is_mistaken_for_another(telling: Telling) -> list[Event]:
    """A slip, taken back the same day."""
    editor = telling.staff.editor
    slip = no(staff_voice(editor, Reason.VERBAL_REQUEST), Aspect.ACTIVE, telling.once(), note="Asked by telephone.")
    taken_back = Event(
        Aspect.ACTIVE, Says.VOID, telling.soon(20), Method.MANUAL, editor, reason=Reason.SLIP, voids=0,
        note="It was another person of the same name.",
    )  # fmt: skip
    return [slip, taken_back]


def word_arrives_late(telling: Telling) -> list[Event]:
    """A letter from before the authorization is found after it, and changes nothing any more."""
    asked = asks_staff(telling)
    written_at = telling.later(0.3)
    back = _activated(telling, telling.staff.admin, Weight.OWN)
    if back.at.date() <= written_at.date():
        return [*asked, back]
    letter = staff_voice(telling.staff.editor, Reason.WRITTEN_REQUEST)
    late = no(letter, Aspect.ACTIVE, telling.later(), note="Letter found in the archive.", occurred_at=written_at,
              requested_on=written_at.date())  # fmt: skip
    late.method = Method.API
    late.actor = events.API_TOKEN
    return [*asked, back, late]


def has_an_impossible_address(telling: Telling) -> list[Event]:
    return [
        value(Aspect.VALIDITY, telling.later(), "invalid", Method.MANUAL, telling.staff.editor,
              channel=Channel.EMAIL, reason=Reason.CORRECTED, note="Misspelled by the caller.")
    ]  # fmt: skip


def moves_to_another_address(telling: Telling) -> list[Event]:
    address = telling.person.addresses[Channel.EMAIL]
    return [
        value(Aspect.ADDRESS, telling.later(), address, Method.MANUAL, telling.somebody(),
              channel=Channel.EMAIL, note="New address by telephone.")
    ]  # fmt: skip


def leaves_and_moves(telling: Telling) -> list[Event]:
    """The opt-out follows the person to the new address, and stays with the old one."""
    left = no(events.LINK, Aspect.OPT_OUT, telling.later(), channel=Channel.EMAIL, place=OPTED_OUT,
              evidence=telling.sending())  # fmt: skip
    return [left, *moves_to_another_address(telling)]


def gets_the_right_number(telling: Telling) -> list[Event]:
    return [value(Aspect.KEY, telling.later(), telling.person.key, Method.MANUAL, telling.staff.admin,
                  reason=Reason.CORRECTED, note="Two digits were the wrong way round.")]  # fmt: skip


def is_put_on_the_list(telling: Telling) -> list[Event]:
    place = Place(BlockKind.SUPPRESSION, Cause.LISTED, everywhere=True)
    voice = staff_voice(telling.staff.owner, Reason.OTHER)
    return [
        no(
            voice,
            Aspect.SUPPRESSION,
            telling.once(),
            channel=Channel.EMAIL,
            place=place,
            note="Lawyer’s letter.",
        )
    ]


def _activated(telling: Telling, actor: Actor, weight: Weight) -> Event:
    return _lifted(telling, actor, weight, Aspect.ACTIVE, telling.later(), "")


def _lifted(telling: Telling, actor: Actor, weight: Weight, aspect: Aspect, at: datetime, channel: str) -> Event:
    return Event(
        aspect, Says.YES, at, Method.MANUAL, actor, weight, Reason.AUTHORIZED, channel,
        OPTED_OUT if channel else None, authorization=telling.authorization(at),
    )  # fmt: skip


# How often each is told, in a thousand people, and the channel without which it cannot be.
STORIES: tuple[tuple[Story, int, str], ...] = (
    (follows_link, 60, Channel.EMAIL),
    (asks_staff, 40, ""),
    (complains, 9, Channel.EMAIL),
    (bounces, 28, Channel.EMAIL),
    (is_not_in_the_new_list, 18, ""),
    (comes_back, 16, ""),
    (replies_stop, 20, Channel.SMS),
    (uses_the_form, 18, ""),
    (comes_back_after_a_link, 10, Channel.EMAIL),
    (is_mistaken_for_another, 8, ""),
    (word_arrives_late, 6, ""),
    (is_dropped_by_staff, 12, ""),
    (opts_out_by_mail, 8, Channel.EMAIL),
    (changes_channels, 8, Channel.SMS),
    (is_often_not_reached, 12, Channel.EMAIL),
    (is_reached_again, 10, Channel.EMAIL),
    (comes_and_goes, 6, Channel.EMAIL),
    (asks_twice, 6, ""),
    (is_on_a_list_of_opt_outs, 14, Channel.EMAIL),
    (has_an_impossible_address, 10, Channel.EMAIL),
    (moves_to_another_address, 14, Channel.EMAIL),
    (leaves_and_moves, 5, Channel.EMAIL),
    (gets_the_right_number, 4, ""),
    (is_put_on_the_list, 3, Channel.EMAIL),
)
MOVES = (moves_to_another_address, leaves_and_moves)
NOTHING = 1_000 - sum(times for _story, times, _channel in STORIES)
_TOLD: list[Story | None] = [None, *(story for story, _times, _channel in STORIES)]
_TIMES = [NOTHING, *(times for _story, times, _channel in STORIES)]
_NEEDS = {story: channel for story, _times, channel in STORIES}


def story_for(person: Person, dice: Random) -> Story | None:
    """What happens to this person: mostly nothing. The first few people show every story once."""
    if 3 <= person.index < 3 + 3 * len(STORIES) and person.index % 3 == 0:
        story: Story | None = STORIES[person.index // 3 - 1][0]
    else:
        story = dice.choices(_TOLD, _TIMES)[0]
    return story if story is None or not _NEEDS[story] or _NEEDS[story] in person.addresses else None
