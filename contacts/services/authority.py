"""Who may lift which no: the one place where a yes is weighed before it is written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F, IntegerField, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils.translation import gettext_lazy as _

from contacts.errors import AuthorizationRequired, AuthorizationTooOld, StaleConfirmation
from contacts.gates import strongest_no_of
from contacts.moments import TICK, refuse_future, start_of_day
from contacts.origin import Authorization, Origin
from contacts.services.change import Skipped, skipping
from contacts.vocabulary import Says, Weight

Words = Callable[[], QuerySet[Any]]

_WHO_MAY = {
    Weight.OURS: _("Nobody needs an authorization to lift this."),
    Weight.REPORTED: _("The contact asked for this. Lifting it needs their authorization."),
    Weight.OWN: _("The contact did this themselves. Only an admin may lift it, with the contact's authorization."),
    Weight.COMPLAINT: _(
        "The contact complained about spam. Only an admin of the organization may lift this, "
        "with the contact's authorization."
    ),
}


def needs_more(weight: int) -> AuthorizationRequired:
    """The refusal for a no of this weight, saying who may lift it."""
    return AuthorizationRequired(_WHO_MAY[Weight(weight)], weight=weight)


@dataclass(frozen=True, slots=True)
class Judgement:
    """Which shut gates a yes may open, what it weighs, from when it counts, and who is left alone and why."""

    may_open: list[int]
    weight: int
    word_at: Any
    skipped: tuple[Skipped, ...]


def with_last_words(gates: QuerySet[Any], *readings: tuple[Words, str]) -> QuerySet[Any]:
    """Annotate gates with ``strongest`` (the heaviest standing no, NULL when open), ``last_no_at`` (when the last
    no happened) and ``last_learned_at`` (when we learned of the latest one).

    A gate of several readings (an opt-out is folded per contact and per address) takes the heavier, the later.
    """
    none, never = Value(-1), Value(datetime.min.replace(year=1970, tzinfo=ZoneInfo("UTC")))

    def latest(moment: str) -> Greatest:
        noes = [words().filter(says=Says.NO).order_by(f"-{moment}", "-id").values(moment) for words, _gate in readings]
        return Greatest(*(Coalesce(Subquery(some[:1]), never) for some in noes), never)

    strongest = [Coalesce(strongest_no_of(words(), gate=gate), none) for words, gate in readings]
    return gates.annotate(
        strongest=Greatest(*strongest, none, output_field=IntegerField()),
        last_no_at=latest("occurred_at"),
        last_learned_at=latest("recorded_at"),
    )


def judge(
    gates: QuerySet[Any],
    *,
    origin: Origin,
    authorization: Authorization | None,
    zone: ZoneInfo,
    moment: datetime,
) -> Judgement:
    """Weigh a yes against each gate of a set that ``with_last_words`` annotated.

    Without an authorization a yes weighs nothing and lifts only what we decided ourselves, unless it is the person's
    own act, which lifts all but a complaint, and no no that came after its ``occurred_at``. With one it weighs the
    actor's authority, unless it is dated before the day of the last no. Raises InTheFuture for an authorization of a
    day to come.
    """
    weight = Weight.OWN if origin.is_own_act else Weight.OURS
    too_old = Q(pk__in=[])
    word_at: Any = None
    if origin.is_own_act:
        word_at = origin.occurred_at or moment
        too_old = Q(last_no_at__gte=word_at)
    if authorization is not None:
        refuse_future(authorization.obtained_on, zone, now=moment, field="obtained_on")
        weight = Weight(origin.actor.authority)
        starts = start_of_day(authorization.obtained_on, zone)
        too_old = Q(last_no_at__gte=start_of_day(authorization.obtained_on + timedelta(days=1), zone))
        if weight:
            word_at = Greatest(Value(starts), F("last_no_at") + TICK)
    shut = gates.filter(strongest__gte=0)
    heavy = [(_ids(shut.filter(strongest=grade)), needs_more(grade)) for grade in Weight.values if grade > weight]
    light = shut.filter(strongest__lte=weight)
    old = _ids(light.filter(too_old))
    may_open = sorted(set(_ids(light)) - set(old))
    return Judgement(may_open, weight, word_at, skipping([*heavy, (old, AuthorizationTooOld())]))


def said_so_far(*gates: QuerySet[Any]) -> str:
    """A digest of the last words to gates that ``with_last_words`` annotated. Another no makes it another one,
    also one that happened earlier."""
    words = [list(some.order_by("pk").values_list("pk", "strongest", "last_learned_at")) for some in gates]
    return hashlib.sha256(json.dumps(words, default=str).encode()).hexdigest()


def refuse_unseen(shown: str | None, *gates: QuerySet[Any]) -> None:
    """An authorization speaks of the noes that its user was shown, ``shown`` being what was said so far by then.

    Called under the locks. Raises StaleConfirmation when something was said since. None: nothing was shown.
    """
    if shown is not None and shown != said_so_far(*gates):
        raise StaleConfirmation


def _ids(rows: QuerySet[Any]) -> list[int]:
    return list(rows.order_by().values_list("pk", flat=True))
