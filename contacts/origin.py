"""Where a change comes from. No service changes anything without one."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Self

from contacts.vocabulary import ActorKind, AuthorizationSource, Method, Reason, Weight

if TYPE_CHECKING:
    from contacts.models import User

REQUESTS = frozenset({Reason.VERBAL_REQUEST, Reason.WRITTEN_REQUEST})
OWN_DOORS = frozenset({Method.OPT_OUT_LINK, Method.FORM, Method.SMS, Method.MAIL})


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts. ``authority`` is the weight of a yes that they may give with an authorization:

    1 an editor, 2 an admin or a token with the scope ``authorize``, 3 an organization admin, else 0.
    ``may_undo_others`` is true of admins.
    """

    kind: str
    number: int | None = None
    label: str = ""
    authority: int = Weight.OURS
    may_undo_others: bool = False


THE_SYSTEM = Actor(ActorKind.SYSTEM)
THE_CONTACT = Actor(ActorKind.CONTACT)


@dataclass(frozen=True, slots=True)
class Authorization:
    """The contact's word that a user relies on: how it was given, where it can be found, its date.

    ``covers`` names the channels whose opt-outs of the contact's own it speaks of.
    """

    source: AuthorizationSource
    reference: str
    obtained_on: date
    covers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Said:
    """What one of a set says for itself: when its no happened (None: now), and on which line of a file it stands."""

    occurred_at: datetime | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Method, actor, reason, note, evidence and times of one request for a change.

    ``request_id`` makes a retry the same request. ``occurred_at`` is given for a no that happened earlier
    (None: now); ``requested_on`` is the date that a user states, which changes no order.
    """

    method: Method
    actor: Actor
    reason: str = ""
    note: str = ""
    evidence: dict[str, Any] = field(default_factory=dict)
    occurred_at: datetime | None = None
    requested_on: date | None = None
    request_id: uuid.UUID = field(default_factory=uuid.uuid4)

    @classmethod
    def manual(cls, user: User, *, authority: int = Weight.OURS, may_undo_others: bool = False, **fields: Any) -> Self:
        """A user's own click."""
        actor = Actor(ActorKind.USER, user.pk, user.get_full_name(), authority, may_undo_others)
        return cls(method=Method.MANUAL, actor=actor, **fields)

    @property
    def weight_of_no(self) -> Weight:
        """How heavy a no from here is (DESIGN: the law of gates)."""
        if self.method == Method.SPAM_REPORT or self.reason == Reason.COMPLAINT:
            return Weight.COMPLAINT
        if self.method in OWN_DOORS or self.reason in (Reason.OWN_REQUEST, Reason.STOP):
            return Weight.OWN
        if self.reason in REQUESTS:
            return Weight.REPORTED
        return Weight.OURS

    @property
    def is_own_act(self) -> bool:
        """The person's own act through a door of their own, and not somebody's word about it."""
        return self.method in OWN_DOORS and self.actor.kind == ActorKind.CONTACT

    def saying(self, **changes: Any) -> Origin:
        """The same origin with another reason, note or time."""
        return replace(self, **changes)
