"""A contact's consent receipt, with the fields of ISO/IEC TS 27560 (clause 6.3: header, processing, parties, events).

Fields whose values nobody told us, such as the jurisdiction, are left out. Times are UTC. The contact is named by their
number alone: a receipt may be passed on.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.models import Centre, CommunicationType, Consent, ConsentHistory
from consent.selectors.entries import evidence_of, form_names, read
from consent.selectors.opt_ins import entries_of
from consent.services.projection import state
from consent.vocabulary import Basis, ConsentState, ImpliedBy, Word
from contacts.models import Contact
from contacts.vocabulary import ActorKind, Channel, Method

SCHEMA = "ISO/IEC TS 27560:2023"
EVENTS = {
    Word.GRANTED: "consent given", Word.WITHDRAWN: "consent withdrawn", Word.PENDING: "consent requested",
    Word.VOID: "entry voided",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One word, with how it came and what was shown; ``is_void`` when another entry took it back."""

    entry: int
    word: str
    basis: str
    implied_by: str
    implied_until: datetime | None
    occurred_at: datetime
    recorded_at: datetime
    method: str
    form: str
    version: str
    wording: str
    language: str
    page: str
    is_of_contact: bool
    is_void: bool

    @property
    def word_label(self) -> str:
        return _("Asked to confirm") if self.word == Word.PENDING else str(Word(self.word).label)

    @property
    def basis_label(self) -> str:
        return str(Basis(self.basis).label) if self.basis else ""

    @property
    def method_label(self) -> str:
        return str(Method(self.method).label)


@dataclass(frozen=True, slots=True)
class Record:
    """What holds of one communication type on one channel, and how it came about, oldest first."""

    record_id: str
    type_slug: str
    name: str
    description: str
    channel: str
    state: ConsentState
    express_at: datetime | None
    implied_until: datetime | None
    withdrawn_at: datetime | None
    events: tuple[Event, ...]

    @property
    def channel_label(self) -> str:
        return str(Channel(self.channel).label)

    @property
    def is_agreed(self) -> bool:
        return self.state in (ConsentState.EXPRESS, ConsentState.IMPLIED)


@dataclass(frozen=True, slots=True)
class Receipt:
    receipt_id: str
    principal: str
    language: str
    made_at: datetime
    controller: str
    sender: str
    contact_email: str
    postal_address: str
    records: tuple[Record, ...]


def receipt_of(contact: Contact) -> Receipt:
    """All that a contact was asked, agreed to and took back in their project, in a fixed number of queries."""
    project, now = contact.project, timezone.now()
    centre = Centre.objects.filter(project=project).first()
    rows = list(read(entries_of(contact).order_by("recorded_at", "pk")))
    voided = {row.voids for row in rows if row.voids}
    forms = form_names(rows, project)
    events: dict[tuple[int, str], list[Event]] = defaultdict(list)
    for row in rows:
        if row.word != Word.VOID:
            events[row.communication_type_id, row.channel].append(_event(row, row.pk in voided, forms))
    held = {
        (row.communication_type_id, row.channel): row
        for row in Consent.objects.filter(contact=contact).annotate(state=state(now))
    }
    types = CommunicationType.objects.in_project(project)
    principal = str(contact.pk)
    return Receipt(
        receipt_id=f"{project.slug}/{principal}/{now:%Y%m%dT%H%M%SZ}",
        principal=principal,
        language=contact.language,
        made_at=now,
        controller=project.organization.name,
        sender=(centre.sender_name if centre else "") or project.name,
        contact_email=centre.contact_email if centre else "",
        postal_address=project.organization.postal_address,
        records=tuple(
            _record(topic, channel, held.get((topic.pk, channel)), events[topic.pk, channel], contact)
            for topic in types
            for channel in Channel.values
            if events.get((topic.pk, channel))
        ),
    )


def _record(topic: CommunicationType, channel: str, row: Any, events: list[Event], contact: Contact) -> Record:
    return Record(
        record_id=f"{contact.project.slug}/{contact.pk}/{topic.slug}/{channel}",
        type_slug=topic.slug,
        name=topic.name_in(),
        description=topic.description_in(),
        channel=channel,
        state=ConsentState(row.state) if row else ConsentState.NONE,
        express_at=row.express_at if row else None,
        implied_until=row.implied_until if row else None,
        withdrawn_at=row.withdrawn_at if row else None,
        events=tuple(events),
    )


def _event(row: ConsentHistory, is_void: bool, forms: dict[str, str]) -> Event:
    kept = {name: str(value) for name, value in evidence_of(row).items() if value not in (None, "")}
    form = kept.get("form", "")
    return Event(
        entry=row.pk,
        word=row.word,
        basis=row.basis,
        implied_by=row.implied_by,
        implied_until=row.implied_until,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
        method=row.method,
        form=forms.get(form, form),
        version=kept.get("version", ""),
        wording=kept.get("wording", ""),
        language=kept.get("language", ""),
        page=kept.get("page", ""),
        is_of_contact=row.actor_kind == ActorKind.CONTACT,
        is_void=is_void,
    )


def as_json(receipt: Receipt) -> str:
    """The receipt as JSON text."""
    return json.dumps(as_data(receipt), ensure_ascii=False, indent=2)


def as_data(receipt: Receipt) -> dict[str, Any]:
    """The receipt as plain data, for JSON."""
    controller = {
        "party_id": "controller", "party_role": "PII controller", "party_name": receipt.controller,
        "party_contact": receipt.contact_email, "party_address": receipt.postal_address,
    }  # fmt: skip
    return _told(
        {
            "receipt_id": receipt.receipt_id,
            "receipt_created": _exactly(receipt.made_at),
            "schema_version": SCHEMA,
            "generator": "Sendable",
            "pii_principal_id": receipt.principal,
            "language": receipt.language,
            "party_identification": [_told(controller)],
            "consent_records": [_record_data(record, receipt) for record in receipt.records],
        }
    )


def _record_data(record: Record, receipt: Receipt) -> dict[str, Any]:
    last = next((event for event in reversed(record.events) if event.wording or event.form), None)
    processing = {
        "privacy_notice": _notice(last) if last else None,
        "purposes": [
            _told({"purpose": record.name, "purpose_id": record.type_slug, "purpose_description": record.description})
        ],
        "services": [receipt.sender],
        "pii_information": [{"pii_type": f"{record.channel} address"}],
        "pii_controllers": ["controller"],
        "lawful_basis": "consent",
        "consent_type": _consent_type(record),
        "collection_method": record.events[-1].method,
        "processing_method": f"messages by {record.channel}",
        "withdrawal_method": f"opt-out link in each message, and the consent centre of {settings.PUBLIC_URL}",
    }
    header = {
        "record_id": record.record_id,
        "schema_version": SCHEMA,
        "pii_principal_id": receipt.principal,
    }
    return {
        **header,
        "pii_processing": _told(processing),
        "consent_status": record.state.value,
        **_told(
            {
                "consent_timestamp": _exactly(record.express_at),
                "valid_until": _exactly(record.implied_until),
                "withdrawal_timestamp": _exactly(record.withdrawn_at),
            }
        ),
        "events": [_event_data(event, receipt) for event in record.events],
    }


def _consent_type(record: Record) -> str:
    agreed = [event.basis for event in record.events if event.basis]
    if record.state == ConsentState.EXPRESS or not agreed:
        return Basis.EXPRESS.value
    return agreed[-1]


def _notice(event: Event) -> dict[str, Any]:
    return _told(
        {
            "wording": event.wording, "language": event.language, "form": event.form, "version": event.version,
            "page": event.page,
        }
    )  # fmt: skip


def _event_data(event: Event, receipt: Receipt) -> dict[str, Any]:
    implied_by = event.implied_by if event.implied_by != ImpliedBy.OTHER else ""
    return _told(
        {
            "event_id": event.entry,
            "event_type": EVENTS[Word(event.word)],
            "event_time": _exactly(event.occurred_at),
            "recorded_time": _exactly(event.recorded_at),
            "entity_id": receipt.principal if event.is_of_contact else "controller",
            "consent_type": event.basis,
            "implied_by": implied_by,
            "valid_until": _exactly(event.implied_until),
            "collection_method": event.method,
            "notice": _notice(event),
            "voided": event.is_void or None,
        }
    )


def _told(fields: dict[str, Any]) -> dict[str, Any]:
    """Without what is not known."""
    return {name: value for name, value in fields.items() if value not in (None, "", {}, [])}


def _exactly(moment: datetime | None) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else ""
