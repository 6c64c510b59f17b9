"""The condition of consent, and the states that it is written over: from columns now, from the ledger for the past."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import (
    BooleanField,
    Case,
    Exists,
    F,
    FilteredRelation,
    OuterRef,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, ConsentHistory
from consent.services.projection import is_withdrawn
from consent.vocabulary import Basis, Word
from contacts.eligibility import Question, Source
from contacts.extension_points import Condition, States, conditions, states

KEY = "consent"


def needs_consent(question: Question) -> bool:
    """Whether a question is about a communication type that needs consent."""
    return isinstance(question.communication_type, CommunicationType) and question.communication_type.needs_consent


def state_annotations(question: Question, source: Source) -> dict[str, Any]:
    """``state_withdrawn`` and ``state_agreed``: expressly, or by what is implied, where the type accepts it."""
    if not needs_consent(question):
        return {}
    if source == Source.ABSENT:
        return {"state_withdrawn": Value(False), "state_agreed": Value(False)}
    if source == Source.BLOCK:
        return {"state_withdrawn": Value(False), "state_agreed": Value(True)}
    topic: Any = question.communication_type
    about = Q(consents__communication_type=topic)
    if source == Source.JOINED:
        about &= Q(consents__channel=question.channel)
    joined = {"on_consent": FilteredRelation("consents", condition=about)}
    if question.is_past:
        return {**joined, **_past(question)}
    return {
        **joined,
        "state_withdrawn": Coalesce(F("on_consent__is_withdrawn"), Value(False)),
        "state_agreed": _agreed(topic, timezone.now()),
    }


def _agreed(topic: CommunicationType, at: datetime) -> ExpressionWrapper:
    agreed = Q(on_consent__is_express=True)
    if topic.accepts_implied:
        agreed |= Q(on_consent__implied_until__gt=at)
    return ExpressionWrapper(agreed & Q(on_consent__isnull=False), output_field=BooleanField())


def _past(question: Question) -> dict[str, Any]:
    """A consent about which nothing was said since holds its columns; only the others are looked up."""
    topic: Any = question.communication_type
    limit: datetime = min(moment for moment in (question.at, question.known_at) if moment is not None)
    at = question.at or timezone.now()
    never = Q(on_consent__isnull=True, merged_into__isnull=True)
    quiet = Q(on_consent__last_entry_at__lte=limit)
    entries = counted(
        ConsentHistory.objects.filter(contact=OuterRef("pk"), communication_type=topic, channel=question.channel),
        question,
    )
    agreed: Any = Q(Exists(entries.filter(word=Word.GRANTED, basis=Basis.EXPRESS)))
    if topic.accepts_implied:
        agreed |= Q(Exists(entries.filter(word=Word.GRANTED, basis=Basis.IMPLIED, implied_until__gt=at)))
    return {
        "state_withdrawn": Case(
            When(never, then=Value(False)),
            When(quiet, then=F("on_consent__is_withdrawn")),
            default=is_withdrawn(entries),
            output_field=BooleanField(),
        ),
        "state_agreed": Case(
            When(never, then=Value(False)),
            When(quiet, then=_agreed(topic, at)),
            default=ExpressionWrapper(agreed, output_field=BooleanField()),
            output_field=BooleanField(),
        ),
    }


def counted(entries: QuerySet[ConsentHistory], question: Question) -> QuerySet[ConsentHistory]:
    """The entries that count for a question: what happened by ``at``, as known by ``known_at``."""
    if question.at is not None:
        entries = entries.filter(occurred_at__lte=question.at)
    if question.known_at is not None:
        entries = entries.filter(recorded_at__lte=question.known_at)
    return entries.not_voided(question.known_at)  # type: ignore[attr-defined]


CONSENT = Condition(
    key=KEY,
    order=70,
    met=_("Agreed to this"),
    failing=_("No consent to this"),
    word=_("No consent"),
    help=_("The contact agreed to this communication type on this channel, and has not taken it back."),
    expression=Q(state_withdrawn=False, state_agreed=True),
    applies=needs_consent,
)


def register() -> None:
    """Add the states and the condition; called once at start-up."""
    states.add(States(KEY, 20, state_annotations))
    conditions.add(CONSENT)
