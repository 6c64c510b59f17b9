"""The only writer of the status history. Services say what changed; this says when, and puts it down."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Count, DateTimeField, F, IntegerField, Max, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from contacts.errors import InTheFuture
from contacts.models import Block, ChannelStatus, Contact, EntryDetail, StatusHistory
from contacts.moments import TICK
from contacts.origin import Authorization, Origin, Said
from contacts.services.bulk_rows import load_objects
from contacts.services.change import Change, Skipped
from contacts.services.set_sql import ByNumber, RandomUuid, database_clock, insert_from


def moment_after(*, contacts: Iterable[int] = (), blocks: Iterable[int] = ()) -> datetime:
    """``recorded_at`` for entries about these gates: the clock, or just after their last entry.

    Read after the locks, so that it rises strictly within each gate, whatever the clock does.
    """
    last = [
        Contact.objects.filter(pk__in_set=list(contacts)).aggregate(last=Max("last_entry_at"))["last"],
        Block.objects.filter(pk__in_set=list(blocks)).aggregate(last=Max("last_entry_at"))["last"],
    ]
    return max([database_clock(), *(moment + TICK for moment in last if moment)])


def occurrence(origin: Origin, moment: datetime) -> datetime:
    """When the no of this origin happened. Raises InTheFuture for a moment still to come."""
    if origin.occurred_at is None:
        return moment
    if origin.occurred_at > moment:
        raise InTheFuture(field="occurred_at")
    return origin.occurred_at


def spoken(said: Mapping[int, Said] | None, number: str, origin: Origin, moment: datetime) -> tuple[Any, Any]:
    """When the no of each row of a set happened, and on which line it stands: what ``said`` has for the row's
    ``number``, else the origin's. Raises InTheFuture."""
    if not said:
        return occurrence(origin, moment), None
    if any(word.occurred_at and word.occurred_at > moment for word in said.values()):
        raise InTheFuture(field="occurred_at")
    moments = {one: word.occurred_at for one, word in said.items()}
    lines = {one: word.line for one, word in said.items()}
    otherwise = Value(occurrence(origin, moment), output_field=DateTimeField())
    return (
        Coalesce(ByNumber(number, moments, output_field=DateTimeField()), otherwise),
        ByNumber(number, lines, output_field=IntegerField()),
    )


def without_repeats(
    ids: list[int],
    origin: Origin,
    *,
    said: Mapping[int, Said] | None = None,
    history: QuerySet[Any] | None = None,
    **about: Any,
) -> list[int]:
    """Leave out contacts for whom (or for somebody who was merged into them) this request was recorded already:
    a retry adds nothing. Where each has ``said`` something of their own, another line is another no.

    ``about`` tells the entries that count from those of other services that one request may call; ``history`` is
    another ledger than that of statuses.
    """
    persons = {number: number for number in ids}
    merged = Contact.objects.filter(merged_into_id__in_set=ids)
    persons.update((number, person) for number, person in merged.values_list("pk", "merged_into_id") if person)
    ledger: QuerySet[Any] = StatusHistory.objects.get_queryset() if history is None else history
    entries = ledger.filter(request_id=origin.request_id, contact_id__in_set=list(persons), **about)
    done = {(persons[number], line) for number, line in entries.values_list("contact_id", "line") if number}
    if said is not None:
        return [number for number in ids if number in said and (number, said[number].line) not in done]
    before = {number for number, _line in done}
    return [number for number in ids if number not in before]


def record(
    source: QuerySet[Any],
    *,
    aspect: str,
    says: str,
    origin: Origin,
    moment: datetime,
    from_value: Any,
    to_value: Any,
    weight: int | None = None,
    occurred_at: Any = None,
    word_at: Any = None,
    authorization: Authorization | None = None,
    **columns: Any,
) -> int:
    """Write one entry for each row of ``source``, and return how many.

    Values may be expressions over ``source``; where they are not given, contact, project, organization and
    channel follow from the kind of row. The caller holds the locks and moves the projection.
    """
    digest, detail = detail_of(origin, authorization)
    written = insert_from(
        source.order_by("pk"),
        StatusHistory,
        {
            **_place(source.model),
            **told_by(origin, moment, authorization),
            "aspect": aspect,
            "says": says,
            "from_value": from_value,
            "to_value": to_value,
            "weight": origin.weight_of_no if weight is None else weight,
            "occurred_at": moment if occurred_at is None else occurred_at,
            "word_at": word_at,
            "detail_digest": digest,
            "voids": None,
            "address_fingerprint": "",
            **columns,
        },
    )
    if detail:
        entries = StatusHistory.objects.filter(
            request_id=origin.request_id, aspect=aspect, says=says, recorded_at=moment, detail__isnull=True
        )
        insert_from(entries.order_by("pk"), EntryDetail, {"entry": F("pk"), **detail})
    return written


def told_by(origin: Origin, moment: datetime, authorization: Authorization | None) -> dict[str, Any]:
    """The columns of an entry of any ledger that follow from where it comes."""
    return {
        "recorded_at": moment,
        "requested_on": origin.requested_on,
        "method": origin.method,
        "actor_kind": origin.actor.kind,
        "actor_number": origin.actor.number,
        "actor_label": origin.actor.label,
        "reason": origin.reason,
        "authorization_source": authorization.source if authorization else "",
        "authorization_on": authorization.obtained_on if authorization else None,
        "request_id": origin.request_id,
        "salt": RandomUuid(),
    }


def said_of(contact: Contact, origin: Origin, moment: datetime, **columns: Any) -> tuple[StatusHistory, Origin]:
    """An entry about one contact that is happening now, for ``record_each``."""
    entry = StatusHistory(
        organization_id=contact.organization_id,
        project_id=contact.project_id,
        contact=contact,
        occurred_at=moment,
        recorded_at=moment,
        requested_on=origin.requested_on,
        method=origin.method,
        actor_kind=origin.actor.kind,
        actor_number=origin.actor.number,
        actor_label=origin.actor.label,
        reason=origin.reason,
        request_id=origin.request_id,
        **columns,
    )
    return entry, origin


def record_each(entries: Iterable[tuple[StatusHistory, Origin]]) -> None:
    """Write entries whose notes and evidence differ, such as the lines of a file."""
    written: list[StatusHistory] = []
    details: list[EntryDetail] = []
    for entry, origin in entries:
        entry.detail_digest, detail = detail_of(origin, None)
        written.append(entry)
        if detail:
            details.append(EntryDetail(entry=entry, **detail))
    load_objects(written)
    for detail_row in details:
        detail_row.entry_id = detail_row.entry.pk
    load_objects(details)


def outcome(
    origin: Origin,
    *,
    repeated: int = 0,
    skipped: tuple[Skipped, ...] = (),
    says: str | None = None,
    about: Q | None = None,
) -> Change:
    """The Change that the entries of this request amount to, as they stand in the history; with ``about`` those of a
    part of it alone."""
    entries = StatusHistory.objects.filter(about or Q(), request_id=origin.request_id)
    if says:
        entries = entries.filter(says=says)
    counts = entries.aggregate(
        changed=Count("pk", filter=~Q(from_value=F("to_value"))),
        confirmed=Count("pk", filter=Q(from_value=F("to_value"))),
    )
    return Change(origin.request_id, counts["changed"], counts["confirmed"], repeated, skipped)


def _place(model: type[Any]) -> dict[str, Any]:
    here = {"organization": F("organization_id"), "project": F("project_id"), "block": None}
    if model is Contact:
        return {**here, "contact": F("pk"), "channel": ""}
    if model is ChannelStatus:
        return {**here, "contact": F("contact_id"), "channel": F("channel")}
    if model is Block:
        return {**here, "contact": None, "channel": F("channel"), "block": F("pk")}
    return {**here, "contact": F("contact_id"), "channel": F("channel"), "block": F("block_id")}


def detail_of(origin: Origin, authorization: Authorization | None) -> tuple[str, dict[str, Any] | None]:
    """The digest of an entry's note and evidence, and the columns of the row that holds them (None: there are none)."""
    reference = authorization.reference if authorization else ""
    if not (origin.note or origin.evidence or reference):
        return "", None
    salt = uuid.uuid4()
    text = detail_text(note=origin.note, authorization_reference=reference, evidence=origin.evidence)
    return digest_of(salt, text), {
        "note": origin.note,
        "authorization_reference": reference,
        "evidence": origin.evidence,
        "salt": salt,
    }


def detail_text(*, note: str, authorization_reference: str, evidence: Any) -> str:
    """The text that an entry's digest is made of."""
    return json.dumps(
        [note, authorization_reference, evidence], sort_keys=True, ensure_ascii=True, cls=DjangoJSONEncoder
    )


def digest_of(salt: uuid.UUID, text: str) -> str:
    """SHA-256 over salt and text, in hexadecimal."""
    return hashlib.sha256(salt.bytes + text.encode()).hexdigest()
