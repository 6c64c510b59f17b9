"""What happens to a person of the demo, said as the ledger says it. Ids and states are not known here yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from contacts.origin import THE_CONTACT, THE_SYSTEM, Actor
from contacts.vocabulary import ActorKind, Aspect, BlockKind, Cause, Method, Reason, Says, Weight

IMPORTER = Actor(ActorKind.IMPORT)
API_TOKEN = Actor(ActorKind.TOKEN, 1, "Ticket shop")


@dataclass(frozen=True, slots=True)
class Staff:
    """The users who appear in the history."""

    editor: Actor
    admin: Actor
    owner: Actor


@dataclass(frozen=True, slots=True)
class Place:
    """Which block of an address an event is about."""

    kind: BlockKind
    cause: Cause
    everywhere: bool = False


OPTED_OUT = Place(BlockKind.OPT_OUT, Cause.OPT_OUT)


@dataclass(slots=True)
class Event:
    """One entry to be. ``voids`` is the place of an earlier event in the same story."""

    aspect: Aspect
    says: Says
    at: datetime
    method: Method
    actor: Actor
    weight: int = Weight.OURS
    reason: str = ""
    channel: str = ""
    place: Place | None = None
    value: str = ""
    occurred_at: datetime | None = None
    requested_on: date | None = None
    authorization: tuple[str, date, str] | None = None
    note: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    voids: int | None = None


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who says something: the method, the actor, whose word it is, and why."""

    method: Method
    actor: Actor
    weight: Weight
    reason: str


LINK = Voice(Method.OPT_OUT_LINK, THE_CONTACT, Weight.OWN, Reason.OWN_REQUEST)
FORM = Voice(Method.FORM, THE_CONTACT, Weight.OWN, Reason.OWN_REQUEST)
MAIL = Voice(Method.MAIL, THE_CONTACT, Weight.OWN, Reason.OWN_REQUEST)
STOP = Voice(Method.SMS, THE_CONTACT, Weight.OWN, Reason.STOP)
COMPLAINT = Voice(Method.SPAM_REPORT, THE_SYSTEM, Weight.COMPLAINT, Reason.COMPLAINT)
REPLACEMENT = Voice(Method.IMPORT, IMPORTER, Weight.OURS, Reason.REPLACED)
LISTED_OPT_OUTS = Voice(Method.IMPORT, IMPORTER, Weight.REPORTED, Reason.WRITTEN_REQUEST)
NO_SUCH_ADDRESS = Voice(Method.BOUNCE, THE_SYSTEM, Weight.OURS, Reason.NO_SUCH_ADDRESS)
DELIVERY_ERRORS = Voice(Method.BOUNCE, THE_SYSTEM, Weight.OURS, Reason.DELIVERY_ERRORS)


def staff_voice(actor: Actor, reason: Reason) -> Voice:
    """A user who writes down the contact's request, or decides."""
    asked = reason in (Reason.VERBAL_REQUEST, Reason.WRITTEN_REQUEST)
    return Voice(Method.MANUAL, actor, Weight.REPORTED if asked else Weight.OURS, reason)


def no(voice: Voice, aspect: Aspect, at: datetime, **particulars: Any) -> Event:
    return _said(voice, aspect, Says.NO, at, **particulars)


def yes(voice: Voice, aspect: Aspect, at: datetime, **particulars: Any) -> Event:
    return _said(voice, aspect, Says.YES, at, **particulars)


def _said(voice: Voice, aspect: Aspect, says: Says, at: datetime, **particulars: Any) -> Event:
    return Event(
        aspect,
        says,
        at,
        voice.method,
        voice.actor,
        **{"weight": voice.weight, "reason": voice.reason, **particulars},
    )


def value(aspect: Aspect, at: datetime, to: str, method: Method, actor: Actor, **particulars: Any) -> Event:
    """An address, a validity or a key as it is from now on."""
    return Event(aspect, Says.VALUE, at, method, actor, value=to, **particulars)
