"""Consents: granting, withdrawing, what holds, how it came about, and the receipt."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema, Status
from pydantic import StrictInt, model_validator

from consent.api.topics import Asked, TypeGiven, topic_named, topic_of
from consent.models import CommunicationType, Consent, ConsentHistory
from consent.selectors.entries import read
from consent.selectors.opt_ins import entries_of
from consent.selectors.receipt import as_json, receipt_of
from consent.services import consents, undo
from consent.services.projection import state
from consent.vocabulary import Basis, ImpliedBy, Word
from contacts.api.door import ApiRequest, Scoped
from contacts.api.origins import refusing
from contacts.api.paging import Paged, listed
from contacts.api.reading import Day, Moment, text, values_by_name
from contacts.api.shapes import ActorOut, AuthorizationIn, AuthorizationOut, ChannelName, Listed
from contacts.errors import RegisterError
from contacts.moments import refuse_future
from contacts.origin import Origin
from contacts.services.change import Change
from contacts.services.exports import log_export
from contacts.vocabulary import ApiScope, Reason

router = Router(tags=["Consents"])

StateName = Literal["none", "pending", "express", "implied", "ended", "withdrawn"]


class ConsentIn(Schema, extra="forbid"):
    """One word of a contact about one communication type on one channel."""

    contact: StrictInt = Field(examples=[4711])
    communication_type: TypeGiven = Field(examples=["newsletter"], description="Its slug, or its id.")
    channel: ChannelName = Field(examples=["email"])
    word: Literal["granted", "withdrawn"] = Field(examples=["granted"])
    basis: Literal["express", "implied"] | None = Field(
        None, description="Of what is granted: `express` (the default), or `implied` for a time.", examples=["express"]
    )
    implied_by: Literal["inquiry", "purchase", "membership", "other"] | None = Field(
        None, description="What implies it.", examples=[None]
    )
    implied_until: Moment | None = Field(
        None,
        description="Until when it is implied. Left out, the period of the communication type is counted from the day "
        "of `occurred_at`. A membership has its end here, or ends on that day.",
        examples=[None],
    )
    occurred_at: Moment | None = Field(None, description="When the contact said so, where that was before now.")
    evidence: values_by_name(50, 2_000) = Field(  # type: ignore[valid-type]
        {}, description="The proof: the wording that was shown, the form, the page, the order.",
        examples=[{"wording": "Send me the newsletter.", "page": "https://shop.example.org/checkout"}],
    )  # fmt: skip
    authorization: AuthorizationIn | None = Field(
        None,
        description="The contact's word, where it is to lift a withdrawal. The token needs the scope `authorize` for "
        "what the contact withdrew.",
        examples=[None],
    )
    reason: Literal["verbal_request", "written_request", "own_request", "other"] = Field(
        "other",
        description="Of what is withdrawn: who wrote it down. `own_request`: the contact's own act through a door of "
        "the caller's.",
    )
    note: text(2_000, several_lines=True) = ""  # type: ignore[valid-type]
    requested_on: Day | None = Field(None, description="Of what is withdrawn: the day on which the contact asked.")

    @model_validator(mode="after")
    def _fits(self) -> ConsentIn:
        implies = self.implied_by is not None or self.implied_until is not None
        if implies and (self.word != Word.GRANTED or self.basis != Basis.IMPLIED):
            raise ValueError(_("implied_by and implied_until belong to what is granted with the basis “implied”."))
        if self.authorization and (self.word != Word.GRANTED or self.basis == Basis.IMPLIED):
            raise ValueError(_("An authorization belongs to what is granted expressly."))
        return self


class ConsentOut(Schema):
    """What a contact agreed to, of one type on one channel, as it stands."""

    contact: int = Field(examples=[4711])
    communication_type: str = Field(examples=["newsletter"])
    channel: str = Field(examples=["email"])
    state: StateName = Field(examples=["express"], description="`ended`: an implied consent whose time is over.")
    express_at: datetime | None = Field(description="When the contact last agreed expressly.")
    implied_until: datetime | None
    withdrawn_at: datetime | None
    pending_at: datetime | None = Field(description="When the contact was last asked to confirm an opt-in.")


class ConsentEntryOut(Schema):
    """One entry of the opt-in history."""

    id: int = Field(examples=[318])
    contact: int | None = Field(examples=[4711])
    communication_type: str = Field(examples=["newsletter"])
    channel: str = Field(examples=["email"])
    word: str = Field(examples=["granted"], description="`granted`, `withdrawn`, `pending`, or `void`.")
    basis: str = Field(examples=["express"])
    implied_by: str = Field(examples=["purchase"])
    implied_until: datetime | None
    occurred_at: datetime
    recorded_at: datetime
    requested_on: date | None
    from_: str = Field(alias="from", examples=["none"])
    to: str = Field(examples=["express"])
    weight: int = Field(examples=[0])
    method: str = Field(examples=["api"])
    actor: ActorOut
    reason: str = Field(examples=["own_request"])
    note: str = Field(examples=["At the counter"])
    changed: bool = Field(description="Whether it changed a state, or confirmed what was so already.")
    voids: int | None = Field(examples=[8811], description="The entry that it takes back.")
    authorization: AuthorizationOut | None
    evidence: dict[str, Any] = Field(examples=[{"page": "https://shop.example.org/checkout"}])


class RecordedOut(ConsentOut):
    entry: ConsentEntryOut = Field(description="What was written down.")


@router.post(
    "consents", response={201: RecordedOut}, auth=Scoped(ApiScope.WRITE), operation_id="record_consent",
    by_alias=True,
)  # fmt: skip
def record(request: ApiRequest, sent: ConsentIn) -> object:
    """Record that a contact agreed to a communication type on a channel, or took it back.

    A withdrawal stands until a later yes of at least its weight: what a token grants without an authorization lifts
    none (403 `authorization_required`). Implied consent, and what happened before a withdrawal, is recorded and
    changes nothing while that stands.
    """
    access = request.api
    contact = access.contact(sent.contact)
    topic = topic_of(access.project, sent.communication_type, archived=sent.word == Word.WITHDRAWN)
    if sent.requested_on is not None:
        refuse_future(sent.requested_on, access.project.zone, now=timezone.now())
    origin = access.origin(
        note=sent.note,
        occurred_at=sent.occurred_at,
        evidence={name: value for name, value in sent.evidence.items() if value is not None},
        requested_on=sent.requested_on,
    )
    give = _grant if sent.word == Word.GRANTED else _withdraw
    with refusing(access):
        give(contact.as_set(), topic, sent, origin).or_raise()
    row = Consent.objects.filter(contact=contact, communication_type=topic, channel=sent.channel)
    [shown] = _consents_out(list(_with_state(row)))
    [entry] = _entries_out(list(_of_request(origin.request_id)))
    return Status(201, {**shown, "entry": entry})


def _grant(contacts: Any, topic: CommunicationType, sent: ConsentIn, origin: Origin) -> Change:
    basis = Basis(sent.basis or Basis.EXPRESS)
    authorization = sent.authorization.meant() if sent.authorization else None
    implied_by = implied_until = None
    if basis == Basis.IMPLIED:
        implied_by = ImpliedBy(sent.implied_by or ImpliedBy.OTHER)
        implied_until = sent.implied_until or _end(topic, implied_by, sent.occurred_at or timezone.now())
    return consents.grant(
        contacts,
        topic,
        sent.channel,
        origin=origin.saying(reason=Reason.AUTHORIZED if authorization else ""),
        basis=basis,
        implied_by=implied_by or "",
        implied_until=implied_until,
        authorization=authorization,
    )


def _end(topic: CommunicationType, implied_by: ImpliedBy, since: datetime) -> datetime:
    zone = topic.project.zone
    if implied_by == ImpliedBy.OTHER:
        raise RegisterError(_("Say until when the consent is implied, or by what."), field="implied_until")
    return consents.implied_end(topic, implied_by, since.astimezone(zone).date(), zone)


def _withdraw(contacts: Any, topic: CommunicationType, sent: ConsentIn, origin: Origin) -> Change:
    return consents.withdraw(contacts, topic, sent.channel, origin=origin.saying(reason=sent.reason))


class ConsentsAsked(Paged):
    contact: int | None = None
    communication_type: Asked = ""
    channel: ChannelName | None = None
    state: StateName | None = None


@router.get("consents", response=Listed[ConsentOut], auth=Scoped(ApiScope.READ), operation_id="list_consents")
def list_consents(request: ApiRequest, asked: Query[ConsentsAsked]) -> object:
    """What the project's contacts agreed to, as it stands now, by contact, type, channel or state."""
    access = request.api
    rows: QuerySet[Any] = Consent.objects.filter(project=access.project)
    if asked.contact is not None:
        rows = rows.filter(contact=access.contact(asked.contact))
    topic = topic_named(access.project, asked.communication_type, archived=True)
    if topic is not None:
        rows = rows.filter(communication_type=topic)
    if asked.channel is not None:
        rows = rows.filter(channel=asked.channel)
    rows = _with_state(rows)
    if asked.state is not None:
        rows = rows.filter(state=asked.state)
    return listed(rows, asked, _consents_out, order=("id",))


@router.get(
    "contacts/{int:contact_id}/consents", response=Listed[ConsentOut], auth=Scoped(ApiScope.READ),
    operation_id="list_consents_of_contact",
)  # fmt: skip
def of_contact(request: ApiRequest, contact_id: int, asked: Query[Paged]) -> object:
    """What the contact agreed to and took back, as it stands now."""
    rows = Consent.objects.filter(contact=request.api.contact(contact_id))
    return listed(_with_state(rows), asked, _consents_out, order=("id",))


@router.get(
    "contacts/{int:contact_id}/consents/history", response=Listed[ConsentEntryOut], auth=Scoped(ApiScope.READ),
    operation_id="list_opt_in_history_of_contact", by_alias=True,
)  # fmt: skip
def history(request: ApiRequest, contact_id: int, asked: Query[Paged]) -> object:
    """The opt-in history of the contact, the newest entry first, with its proof."""
    rows = read(entries_of(request.api.contact(contact_id)))
    return listed(rows, asked, _entries_out, order=("-recorded_at", "-id"))


@router.get(
    "contacts/{int:contact_id}/consents/receipt", response=dict[str, Any], auth=Scoped(ApiScope.READ),
    operation_id="get_consent_receipt",
)  # fmt: skip
def receipt(request: ApiRequest, contact_id: int) -> HttpResponse:
    """The contact's consent receipt, with the fields of ISO/IEC TS 27560. It names the contact by number alone."""
    access = request.api
    found = as_json(receipt_of(access.contact(contact_id)))
    log_export(access.project, subject="receipt", filters=["contact"], rows=1, actor=access.actor)
    return HttpResponse(found, content_type="application/json; charset=utf-8", headers={"Cache-Control": "no-store"})


class UndoIn(Schema, extra="forbid"):
    note: text(2_000, several_lines=True) = Field("", examples=["Recorded for the wrong person"])  # type: ignore[valid-type]


@router.post(
    "consents/history/{int:entry_id}/undo", response={201: ConsentEntryOut}, auth=Scoped(ApiScope.WRITE),
    operation_id="undo_opt_in_entry", by_alias=True,
)  # fmt: skip
def take_back(request: ApiRequest, entry_id: int, sent: UndoIn) -> object:
    """Take back an entry that was a mistake, within 24 hours; both stay in the history.

    A token takes back what it wrote itself, and nothing that a contact said through a door of their own.
    """
    access = request.api
    entries = ConsentHistory.objects.in_project(access.project).filter(pk=entry_id if entry_id < 2**63 else 0)
    if not entries.exists():
        raise Http404
    origin = access.origin(note=sent.note)
    undo.undo(entries, origin=origin).or_raise()
    written = _of_request(origin.request_id).filter(voids=entry_id)
    return Status(201, _entries_out(list(written))[0])


def _of_request(request_id: uuid.UUID) -> QuerySet[ConsentHistory]:
    return read(ConsentHistory.objects.filter(request_id=request_id))


def _with_state(rows: QuerySet[Consent]) -> QuerySet[Any]:
    return rows.select_related("communication_type").annotate(state=state(timezone.now()))


def _consents_out(rows: Sequence[Any]) -> list[dict[str, Any]]:
    names = ("channel", "state", "express_at", "implied_until", "withdrawn_at", "pending_at")
    return [
        {
            "contact": row.contact_id, "communication_type": row.communication_type.slug,
            **{name: getattr(row, name) for name in names},
        }
        for row in rows
    ]  # fmt: skip


def _entries_out(rows: Sequence[ConsentHistory]) -> list[dict[str, Any]]:
    names = (
        "channel", "word", "basis", "implied_by", "implied_until", "occurred_at", "recorded_at", "requested_on",
        "weight", "method", "reason", "changed", "voids",
    )  # fmt: skip
    return [
        {
            "id": row.pk, "contact": row.contact_id, "communication_type": row.communication_type.slug,
            **{name: getattr(row, name) for name in names}, "from": row.from_state, "to": row.to_state,
            "actor": {"kind": row.actor_kind, "id": row.actor_number, "label": row.actor_label},
            **_proof(row),
        }
        for row in rows
    ]  # fmt: skip


def _proof(row: ConsentHistory) -> dict[str, Any]:
    """What can be erased of an entry: empty where nothing was kept."""
    detail = getattr(row, "detail", None)
    authorization = None
    if row.authorization_source:
        reference = detail.authorization_reference if detail else ""
        authorization = {
            "source": row.authorization_source, "reference": reference, "obtained_on": row.authorization_on
        }  # fmt: skip
    return {
        "note": detail.note if detail else "", "authorization": authorization,
        "evidence": detail.evidence if detail else {},
    }  # fmt: skip
