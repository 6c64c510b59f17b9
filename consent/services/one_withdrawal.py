"""A withdrawal of one contact who says it now, by the fewest statements: an opt-out link must hold when many are used.

It writes what ``consents.withdraw`` writes for a set of one with ``unless_standing``; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import FilteredRelation, Q
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentDetail, ConsentHistory
from consent.services.folding import Entry, fold
from consent.services.projection import put_consents
from consent.vocabulary import ConsentState, Word
from contacts import gates
from contacts.models import ChannelStatus, Contact
from contacts.moments import TICK
from contacts.origin import Origin
from contacts.services.ledger import detail_of
from contacts.services.prepared import Prepared, insert_one, update_rows
from contacts.services.set_sql import DatabaseClock
from contacts.vocabulary import Says


def withdraw_now(row: ChannelStatus, topic: CommunicationType, *, origin: Origin) -> bool | None:
    """Record that the contact of a channel takes back a type on it, and return whether an entry was written.

    None where the contact is not there any more, or somebody else by now. Nothing is written while their own earlier
    withdrawal, of the same method and weight, stands.
    """
    with transaction.atomic(savepoint=False):
        found = _LOCKED.rows(contact=row.contact_id)
        if not found or found[0][1] is not None:
            return None
        gate = {"contact_id": row.contact_id, "communication_type_id": topic.pk, "channel": row.channel}
        entries, moment = _entries(gate)
        if _stands(entries, origin):
            return False
        last = found[0][0]
        if last is not None:
            moment = max(moment, last + TICK)
        _record(row, gate, entries, origin, moment)
        changed = {"is_withdrawn": True, "withdrawn_at": moment, "last_entry_at": moment}
        if not update_rows(Consent, gate, changed):
            put_consents([row.contact_id], topic.pk, row.channel)
            update_rows(Consent, gate, changed)
        update_rows(Contact, {"id": row.contact_id}, {"last_entry_at": moment})
        return True


_LOCKED = Prepared(
    lambda contact: (
        Contact.objects.filter(pk=contact)
        .order_by()
        .select_for_update(no_key=True)
        .values_list("last_entry_at", "merged_into_id")
    ),
    contact=int,
)
_SAID = Prepared(
    lambda contact_id, communication_type_id, channel: (
        Contact.objects.filter(pk=contact_id)
        .order_by()
        .annotate(
            clock=DatabaseClock(),
            said=FilteredRelation(
                "consenthistory",
                condition=Q(consenthistory__communication_type=communication_type_id, consenthistory__channel=channel),
            ),
        )
        .values_list("clock", *(f"said__{name}" for name in ("pk", "voids", "method", *Entry._fields)))
    ),
    contact_id=int,
    communication_type_id=int,
    channel=str,
)


def _entries(gate: dict[str, Any]) -> tuple[list[tuple[str, Entry]], datetime]:
    """What counts at the gate, each with its method, and the moment of reading, which is after the lock."""
    told = _SAID.rows(**gate)
    moment = told[0][0] or timezone.now()
    void = {voids for _clock, _pk, voids, *_entry in told if voids}
    counted = [values for _clock, pk, voids, *values in told if pk is not None and pk not in void and not voids]
    return [(method, Entry(*values)) for method, *values in counted], moment


def _stands(entries: list[tuple[str, Entry]], origin: Origin) -> bool:
    words = [(method, gates.Word(told.says, told.weight, told.occurred_at, told.word_at)) for method, told in entries]
    standing = gates.standing(word for _method, word in words)
    own = [word for method, word in words if method == origin.method and word.weight == origin.weight_of_no]
    return any(word is other for word in own for other in standing)


def _record(
    row: ChannelStatus, gate: dict[str, Any], entries: list[tuple[str, Entry]], origin: Origin, moment: datetime
) -> None:
    digest, detail = detail_of(origin, None)
    entry = ConsentHistory(
        organization_id=row.organization_id,
        project_id=row.project_id,
        **gate,
        word=Word.WITHDRAWN,
        says=Says.NO,
        weight=origin.weight_of_no,
        occurred_at=moment,
        recorded_at=moment,
        requested_on=origin.requested_on,
        method=origin.method,
        actor_kind=origin.actor.kind,
        actor_number=origin.actor.number,
        actor_label=origin.actor.label,
        reason=origin.reason,
        detail_digest=digest,
        request_id=origin.request_id,
        from_state=fold(told for _method, told in entries).state(moment),
        to_state=ConsentState.WITHDRAWN,
    )
    insert_one(entry)
    if detail:
        insert_one(ConsentDetail(entry=entry, **detail))
