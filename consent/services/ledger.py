"""The only writer of the opt-in history."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Coalesce

from consent.models import ConsentDetail, ConsentHistory
from consent.vocabulary import Word
from contacts.origin import Authorization, Origin
from contacts.services.bulk_rows import load_objects
from contacts.services.ledger import detail_of, told_by
from contacts.services.set_sql import ByNumber, insert_from
from contacts.vocabulary import Says

SAYS = {Word.GRANTED: Says.YES, Word.WITHDRAWN: Says.NO, Word.PENDING: Says.VALUE, Word.VOID: Says.VOID}


def record(
    consents: QuerySet[Any],
    *,
    word: Word,
    origin: Origin,
    moment: datetime,
    weight: Any,
    from_state: Any,
    to_state: Any,
    occurred_at: Any = None,
    word_at: Any = None,
    authorization: Authorization | None = None,
    proofs: Mapping[int, str] | None = None,
    **columns: Any,
) -> int:
    """Write one entry for each of these consents, and return how many.

    ``proofs`` are notes by contact, where each has its own (the rows of a file); otherwise note and evidence are those
    of the origin. The caller holds the contacts' locks and folds the projection.
    """
    digest, detail = detail_of(origin, authorization)
    each = {number: detail_of(origin.saying(note=text), authorization) for number, text in (proofs or {}).items()}
    digests = {number: made for number, (made, _detail) in each.items()}
    otherwise = Value(digest, output_field=CharField())
    written = insert_from(
        consents.order_by("pk"),
        ConsentHistory,
        {
            **told_by(origin, moment, authorization),
            "organization": F("organization_id"),
            "project": F("project_id"),
            "contact": F("contact_id"),
            "channel": F("channel"),
            "communication_type": F("communication_type_id"),
            "word": word,
            "says": SAYS[word],
            "weight": weight,
            "occurred_at": moment if occurred_at is None else occurred_at,
            "word_at": word_at,
            "from_state": from_state,
            "to_state": to_state,
            "basis": "",
            "implied_by": "",
            "implied_until": None,
            "voids": None,
            "detail_digest": Coalesce(ByNumber("contact_id", digests, output_field=CharField()), otherwise)
            if digests
            else digest,
            **columns,
        },
    )
    if detail or each:
        _put_details(origin, moment, detail, {number: found for number, (_digest, found) in each.items()})
    return written


def _put_details(
    origin: Origin, moment: datetime, shared: dict[str, Any] | None, each: Mapping[int, dict[str, Any] | None]
) -> None:
    """The details of the entries that were written at this moment of this request, and have none yet."""
    entries = ConsentHistory.objects.filter(request_id=origin.request_id, recorded_at=moment, detail__isnull=True)
    entries = entries.exclude(detail_digest="")
    if each:
        rows = entries.filter(contact_id__in_set=list(each)).values_list("pk", "contact_id")
        load_objects(
            [ConsentDetail(entry_id=pk, **found) for pk, number in rows if (found := each[number or 0]) is not None]
        )
    if shared:
        insert_from(entries.order_by("pk"), ConsentDetail, {"entry": F("pk"), **shared})
