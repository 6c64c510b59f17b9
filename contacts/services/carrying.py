"""The noes of a merged contact, said anew of the contact who stayed: a no of either stays.

Each no that stands is repeated with its weight, at the moment of the merge: then nothing that was said of the one who
stayed lifts it, only a later yes of at least its weight, and before the merge each was as they were. Yeses are never
carried over. What a merged contact said lies in their own history, which the law folds as it always did: there is one
fold for each contact, and no gate of two contacts.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import BigIntegerField, Case, Exists, F, OuterRef, Value, When
from django.db.models.functions import Coalesce

from contacts.gates import last_heavy_yeses, last_yes, not_lifted_by
from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.origin import Origin
from contacts.services.ledger import record
from contacts.services.opt_outs import put_rows
from contacts.services.projection import fold_own_opt_outs, fold_switch
from contacts.vocabulary import OPEN, SHUT, Aspect, Reason, Says

GATES_OF_A_CONTACT = (Aspect.ACTIVE, Aspect.OPT_OUT)
_NUMBER: BigIntegerField[int, int] = BigIntegerField()


def left_behind(merged: Contact) -> dict[tuple[str, str], list[int]]:
    """The standing noes of a merged contact that nobody repeats yet: strongest first, by aspect and channel."""
    words = StatusHistory.objects.filter(contact=merged, aspect__in=GATES_OF_A_CONTACT).not_voided()
    gates = words.filter(says=Says.NO).order_by("aspect", "channel").values_list("aspect", "channel").distinct()
    found = {}
    for aspect, channel in list(gates):
        of_gate = words.filter(aspect=aspect, channel=channel)
        heavy: dict[str, Any] = next(iter(last_heavy_yeses(of_gate, "contact")), {})
        standing = of_gate.filter(not_lifted_by({"yes_0": last_yes(of_gate).first(), **heavy}))
        repeated = StatusHistory.objects.filter(
            repeats=Coalesce(OuterRef("repeats"), OuterRef("pk"), output_field=_NUMBER), pk__gt=OuterRef("pk")
        )
        noes = standing.filter(~Exists(repeated)).order_by("-weight", "-occurred_at", "-pk")
        if ids := list(noes.values_list("pk", flat=True)):
            found[aspect, channel] = ids
    return found


def carry_over(merged: Contact, into: int, *, origin: Origin, moment: datetime) -> None:
    """Say what ``left_behind`` finds of the contact ``into`` whom they were merged. The caller holds the locks of both.

    What is carried over already is not said again, so this may be called whenever the merged one's history changes.
    """
    origin = origin.saying(reason=Reason.MERGED, note="", evidence={}, occurred_at=None, requested_on=None)
    for (aspect, channel), noes in left_behind(merged).items():
        shut, opened = SHUT[Aspect(aspect)], OPEN[Aspect(aspect)]
        if channel:
            put_rows([into], channel)
        before = opened if _is_open(into, channel) else shut
        record(
            StatusHistory.objects.filter(pk__in_set=noes),
            aspect=aspect,
            says=Says.NO,
            origin=origin,
            moment=moment,
            from_value=Case(When(pk=noes[0], then=Value(before)), default=Value(shut)),
            to_value=shut,
            weight=F("weight"),  # type: ignore[arg-type]
            contact=into,
            block=None,
            repeats=Coalesce(F("repeats"), F("pk"), output_field=_NUMBER),
        )
        if channel:
            fold_own_opt_outs([into], channel, moment)
        else:
            fold_switch([into], moment)


def repeating(entries: Iterable[int]) -> StatusHistoryQuerySet:
    """The entries that repeat these, and were not voided: they fall with them."""
    return StatusHistory.objects.filter(repeats__in=list(entries)).not_voided()


def _is_open(contact: int, channel: str) -> bool:
    if channel:
        return not ChannelStatus.objects.filter(contact=contact, channel=channel, own_opt_out=True).exists()
    return Contact.objects.filter(pk=contact).active().exists()
