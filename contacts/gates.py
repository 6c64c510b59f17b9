"""The law of gates: a no stands until a later yes of at least its weight.

The contact's switch, each block, a channel opt-out and a withdrawn consent are gates. The law stands here
twice: as a function over words, for replay, and as an expression for sets. A property test holds the two
together; ``docs/decisions/0002-law-of-gates.md`` says why it is this law and no other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, Exists, F, Max, OuterRef, Q, QuerySet, SmallIntegerField, Subquery, Value, When

from contacts.vocabulary import Says, Weight


@dataclass(frozen=True, slots=True)
class Word:
    """What one entry says to a gate. ``word_at`` is the moment of the person's act behind a yes."""

    says: str
    weight: int
    occurred_at: datetime
    word_at: datetime | None = None


def lifts(yes: Word, no: Word) -> bool:
    """True when this yes is later than this no and weighs at least as much. A tie falls to the no."""
    if yes.weight < no.weight:
        return False
    spoken_at = yes.word_at if no.weight else yes.occurred_at
    return spoken_at is not None and spoken_at > no.occurred_at


def standing(words: Iterable[Word]) -> list[Word]:
    """The noes that no yes lifts."""
    words = list(words)
    yeses = [word for word in words if word.says == Says.YES]
    return [no for no in words if no.says == Says.NO and not any(lifts(yes, no) for yes in yeses)]


def shut(words: Iterable[Word]) -> bool:
    """True when some no stands. Voided entries are left out by the caller."""
    return bool(standing(words))


def strongest(words: Iterable[Word]) -> int | None:
    """The weight of the heaviest no that stands, None when none does."""
    return max((no.weight for no in standing(words)), default=None)


# As sets: for each weight the last no, and the last yes that is heavy enough to lift it. A no stands at a
# weight when there is a last no and no later yes; only the last one of each weight needs to be looked at.


def strongest_no(entries: QuerySet[Any], *, gate: str) -> QuerySet[Any]:
    """The same over a queryset of ledger entries, grouped by the gate: rows of ``gate`` and ``strongest``.

    ``entries`` are those that count (not voided, as of the moment asked about); ``gate`` names the column
    that tells gates apart. A gate without entries has no row.
    """
    return (
        entries.order_by()
        .values(gate)
        .annotate(**_last_words())
        .annotate(
            strongest=Case(
                *[When(_stands(weight), then=Value(weight)) for weight in reversed(Weight.values)],
                default=None,
                output_field=SmallIntegerField(),
            )
        )
        .values(gate, "strongest")
    )


def strongest_no_of(entries: QuerySet[Any], *, gate: str) -> Subquery:
    """``strongest_no`` of one gate as a subquery: NULL when the gate is open or has no entries."""
    return Subquery(strongest_no(entries, gate=gate).values("strongest"), output_field=SmallIntegerField())


def lifted_by(entries: QuerySet[Any], *, weight: int, occurred_at: Any) -> QuerySet[Any]:
    """The entries that lift a no of this weight and moment (or of that of an outer row, as an expression)."""
    spoken_at = "word_at" if weight else "occurred_at"
    return entries.filter(says=Says.YES, weight__gte=weight, **{f"{spoken_at}__gt": occurred_at})


def standing_noes(noes: QuerySet[Any], *, words: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the noes that stand. ``words`` is what counts for the gate of an outer entry."""
    stands = Q()
    for weight in Weight.values:
        lifted = lifted_by(words, weight=weight, occurred_at=OuterRef("occurred_at"))
        stands |= Q(~Exists(lifted), weight=weight)
    return noes.filter(stands, says=Says.NO)


def last_heavy_yeses(entries: QuerySet[Any], *gate: str) -> QuerySet[Any]:
    """For each gate, as rows of ``gate`` and ``yes_1`` to ``yes_3``: the last yes that lifts a no of a weight.

    A no of our own falls to whatever yes is the last; that one is found by its place in the index (``last_yes``).
    """
    heavy = entries.filter(says=Says.YES, weight__gt=Weight.OURS).order_by().values(*gate)
    return heavy.annotate(**{f"yes_{weight}": _last_yes(weight) for weight in Weight.values if weight})


def last_yes(entries: QuerySet[Any]) -> QuerySet[Any]:
    """The moments of the yeses of one gate, the last one first."""
    return entries.filter(says=Says.YES).order_by("-occurred_at", "-id").values_list("occurred_at", flat=True)


def not_lifted_by(last: Mapping[str, Any]) -> Q:
    """The noes of one gate that stand, given the last yes for each weight (none: nobody ever said one)."""
    stands = Q()
    for weight in Weight.values:
        after = last.get(f"yes_{weight}")
        stands |= Q(weight=weight) if after is None else Q(weight=weight, occurred_at__gte=after)
    return Q(says=Says.NO) & stands


def _last_words() -> dict[str, Max]:
    last: dict[str, Max] = {}
    for weight in Weight.values:
        last[f"no_{weight}"] = Max("occurred_at", filter=Q(says=Says.NO, weight=weight))
        last[f"yes_{weight}"] = _last_yes(weight)
    return last


def _last_yes(weight: int) -> Max:
    return Max("word_at" if weight else "occurred_at", filter=Q(says=Says.YES, weight__gte=weight))


def _stands(weight: int) -> Q:
    no, yes = f"no_{weight}", f"yes_{weight}"
    return Q(**{f"{no}__isnull": False}) & (Q(**{f"{yes}__isnull": True}) | Q(**{f"{yes}__lte": F(no)}))
