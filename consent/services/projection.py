"""``Consent``, kept as the fold of the opt-in history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import Case, DateTimeField, Exists, F, Max, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import IsNull

from consent.models import Consent, ConsentHistory
from consent.vocabulary import Basis, ConsentState, Word
from contacts.gates import strongest_no_of
from contacts.models import ChannelStatus
from contacts.services.opt_outs import put_rows
from contacts.services.set_sql import insert_from


def put_consents(ids: Iterable[int], communication_type: int, channel: str) -> None:
    """Make sure that these contacts have a row for a type on a channel; the caller holds their locks."""
    ids = list(ids)
    put_rows(ids, channel)
    there = Consent.objects.filter(contact_id=OuterRef("contact_id"), channel=channel)
    rows = ChannelStatus.objects.filter(contact_id__in_set=ids, channel=channel)
    insert_from(
        rows.filter(~Exists(there.filter(communication_type=communication_type))).order_by("pk"),
        Consent,
        {
            "organization": F("organization_id"), "project": F("project_id"), "contact": F("contact_id"),
            "channel_status": F("pk"), "communication_type": communication_type, "channel": channel,
            "is_withdrawn": False, "is_express": False, "last_entry_at": None,
        },
    )  # fmt: skip


def words() -> QuerySet[ConsentHistory]:
    """What counts for the gate of the outer consent."""
    return ConsentHistory.objects.filter(
        contact=OuterRef("contact_id"),
        communication_type=OuterRef("communication_type_id"),
        channel=OuterRef("channel"),
    ).not_voided()


def fold(consents: QuerySet[Consent], moment: datetime) -> None:
    """Set these consents to what their entries amount to."""
    value = Value(moment, output_field=DateTimeField())
    Consent.objects.filter(pk__in=consents.order_by().values("pk")).update(
        **folded(words()), last_entry_at=Greatest(Coalesce(F("last_entry_at"), value), value)
    )


def folded(entries: QuerySet[ConsentHistory]) -> dict[str, Any]:
    """The columns of a consent, from the entries of its gate."""
    express = entries.filter(word=Word.GRANTED, basis=Basis.EXPRESS)
    return {
        "is_withdrawn": is_withdrawn(entries),
        "is_express": Exists(express),
        "implied_until": last(entries.filter(word=Word.GRANTED, basis=Basis.IMPLIED), "implied_until"),
        "withdrawn_at": last(entries.filter(word=Word.WITHDRAWN), "occurred_at"),
        "express_at": last(express, "occurred_at"),
        "pending_at": last(entries.filter(word=Word.PENDING), "occurred_at"),
    }


def is_withdrawn(entries: QuerySet[ConsentHistory]) -> IsNull:
    """Whether a withdrawal stands, by the law of gates."""
    return IsNull(strongest_no_of(entries, gate="contact"), False)


def last(entries: QuerySet[ConsentHistory], column: str) -> Subquery:
    """The latest moment in a column of the entries of one gate, or NULL."""
    latest = entries.order_by().values("contact").annotate(latest=Max(column)).values("latest")
    return Subquery(latest, output_field=DateTimeField())


def state(at: Any) -> Case:
    """What a row of ``Consent`` amounts to at a moment, as one word."""
    return Case(
        When(is_withdrawn=True, then=Value(ConsentState.WITHDRAWN)),
        When(is_express=True, then=Value(ConsentState.EXPRESS)),
        When(implied_until__gt=at, then=Value(ConsentState.IMPLIED)),
        When(pending_at__isnull=False, then=Value(ConsentState.PENDING)),
        When(implied_until__isnull=False, then=Value(ConsentState.ENDED)),
        default=Value(ConsentState.NONE),
    )
