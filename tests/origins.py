"""Where the changes of tests come from: staff by what they may do, and the person through doors of their own."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils import timezone

from contacts.origin import THE_CONTACT, THE_SYSTEM, Actor, Authorization, Origin
from contacts.vocabulary import ActorKind, AuthorizationSource, Method, Reason, Weight
from tests.factories import today

EDITOR = Actor(ActorKind.USER, 1, "Edgar Editor", Weight.REPORTED)
OTHER_EDITOR = Actor(ActorKind.USER, 2, "Eve Editor", Weight.REPORTED)
ADMIN = Actor(ActorKind.USER, 3, "Ada Admin", Weight.OWN, may_undo_others=True)
ORGANIZATION_ADMIN = Actor(ActorKind.USER, 4, "Olga Owner", Weight.COMPLAINT, may_undo_others=True)
TOKEN = Actor(ActorKind.TOKEN, 5, "Shop", Weight.OWN)


def by(actor: Actor, reason: Reason | str = Reason.OTHER, **fields: Any) -> Origin:
    """A click of somebody of the staff (a call, where a token acts)."""
    method = Method.API if actor.kind == ActorKind.TOKEN else Method.MANUAL
    return Origin(method, actor, reason, **fields)


def asked(actor: Actor = EDITOR, **fields: Any) -> Origin:
    """The person asked by telephone, and somebody wrote it down: weight 1."""
    return by(actor, Reason.VERBAL_REQUEST, **fields)


def by_link(**fields: Any) -> Origin:
    """The person's own act: weight 2."""
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, Reason.OWN_REQUEST, **fields)


def by_complaint(**fields: Any) -> Origin:
    """The person complained about spam: weight 3."""
    return Origin(Method.SPAM_REPORT, THE_CONTACT, Reason.COMPLAINT, **fields)


def by_bounce(**fields: Any) -> Origin:
    """The receiving server refused: weight 0."""
    return Origin(Method.BOUNCE, THE_SYSTEM, Reason.NO_SUCH_ADDRESS, **fields)


def authorized(day: date | None = None, *covers: str, **fields: Any) -> Authorization:
    """The contact's word, given today or on a day, for the switch and for opt-outs of some channels."""
    return Authorization(AuthorizationSource.VERBAL, "call 17", day or today(), covers=frozenset(covers), **fields)


def authorized_everywhere() -> Authorization:
    """The same for what holds in no project: its days are those of UTC."""
    return authorized(timezone.now().date())


def days_ago(number: int) -> Any:
    return timezone.now() - timedelta(days=number)
