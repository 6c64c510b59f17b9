"""How the web service shows and takes contacts, history and authorizations (DESIGN §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from django.db.models import QuerySet
from django.http import HttpResponse
from ninja import Field, Schema

from contacts.api.etags import with_etag
from contacts.api.reading import Day, LanguageCode, Moment, text, values_by_name
from contacts.eligibility import Question, Source, conditions_for, rows_with_verdicts
from contacts.errors import ContactGone
from contacts.models import ChannelStatus, Contact, ErasureReceipt, StatusHistory
from contacts.origin import Authorization
from contacts.services.prepared import Prepared, PreparedObjects
from contacts.vocabulary import AuthorizationSource, Channel

Item = TypeVar("Item")
ChannelName = Literal["email", "sms", "push"]
MethodName = Literal[
    "manual", "opt_out_link", "import", "api", "spam_report", "form", "bounce", "sms", "mail", "system"
]  # fmt: skip


class Listed(Schema, Generic[Item]):
    """One page of a list. ``next`` is the cursor of the page after it, null at the end."""

    items: list[Item]
    next: str | None = Field(
        None, examples=["WzQ3MTFd"], description="Give it as `cursor` for the page after this one."
    )


class ChannelOut(Schema):
    """A contact on one channel. ``sendable`` leaves consent out: that depends on the communication type."""

    address: str = Field(examples=["ann@example.org"])
    is_valid: bool
    opted_out: bool
    quarantined: bool
    suppressed: bool
    sendable: bool


class ContactOut(Schema):
    id: int = Field(examples=[4711])
    key: str = Field(examples=["K-1001"])
    first_name: str = Field(examples=["Ann"])
    last_name: str = Field(examples=["Archer"])
    language: str = Field(examples=["en"])
    notes: str = ""
    attributes: dict[str, Any] = Field(examples=[{"city": "Québec"}])
    is_active: bool
    created_at: datetime
    updated_at: datetime
    channels: dict[ChannelName, ChannelOut] = Field(description="By channel (email, sms, push), those with an address.")


class AddressIn(Schema):
    address: text(320) = Field("", examples=["ann@example.org"], description="Empty: none.")  # type: ignore[valid-type]


class ContactIn(Schema, extra="forbid"):
    """A new contact. It is active; blocks that lie on its addresses hold at once."""

    key: text(254) = Field(examples=["K-1001"])  # type: ignore[valid-type]
    first_name: text(150) = Field("", examples=["Ann"])  # type: ignore[valid-type]
    last_name: text(150) = Field("", examples=["Archer"])  # type: ignore[valid-type]
    language: LanguageCode = Field("", examples=["en"])
    notes: text(10_000, several_lines=True) = ""  # type: ignore[valid-type]
    attributes: values_by_name(100, 2_000) = Field(  # type: ignore[valid-type]
        {},
        examples=[{"city": "Québec", "visits": 12}],
        description="Text, numbers, true, false or null, kept as text: `12` as `12`, `true` as `true`. Nothing nested.",
    )
    channels: dict[ChannelName, AddressIn] = Field({}, examples=[{"email": {"address": "ann@example.org"}}])


class AddressChangeIn(Schema, extra="forbid"):
    address: text(320) | None = Field(None, examples=["ann@example.org"], description="Empty: it goes.")  # type: ignore[valid-type]
    is_valid: bool | None = Field(None, description="Whether the address can be one of anybody.")


class ContactChangeIn(Schema, extra="forbid"):
    """What is to be another. What is not named stays as it is; an attribute of null goes, and a channel of null loses
    its address. Blocks stay with the address that they lie on."""

    key: text(254) | None = Field(None, examples=["K-1001"])  # type: ignore[valid-type]
    first_name: text(150) | None = Field(None, examples=["Ann"])  # type: ignore[valid-type]
    last_name: text(150) | None = Field(None, examples=["Archer-Roy"])  # type: ignore[valid-type]
    language: LanguageCode | None = Field(None, examples=["fr"])
    notes: text(10_000, several_lines=True) | None = Field(None, examples=["Prefers French"])  # type: ignore[valid-type]
    attributes: values_by_name(100, 2_000) = Field(  # type: ignore[valid-type]
        {}, examples=[{"city": "Lévis", "visits": None}]
    )
    channels: dict[ChannelName, AddressChangeIn | None] = Field(
        {}, examples=[{"email": {"address": "ann.roy@example.org"}}]
    )


class AuthorizationIn(Schema, extra="forbid"):
    """The contact's word that the caller relies on. The token needs the scope ``authorize`` where it has to lift
    what the contact decided."""

    source: Literal["verbal", "written", "form", "other"] = Field(examples=["written"])
    reference: text(500) = Field(examples=["Ticket 5512"], min_length=1)  # type: ignore[valid-type]
    obtained_on: Day = Field(examples=["2026-03-01"])
    covers: list[ChannelName] = Field([], description="The channels whose opt-outs of the contact it speaks of.")

    def meant(self) -> Authorization:
        return Authorization(
            AuthorizationSource(self.source), str(self.reference), self.obtained_on, frozenset(self.covers)
        )


class ReasonIn(Schema, extra="forbid"):
    """Why, and when: the reason decides the weight of a no (DESIGN: the law of gates)."""

    reason: Literal["verbal_request", "written_request", "own_request", "other"] = Field(
        "other",
        description="`own_request`: the contact's own act through a door of the caller's.",
        examples=["written_request"],
    )
    note: text(2_000, several_lines=True) = Field("", examples=["Asked by telephone"])  # type: ignore[valid-type]
    requested_on: Day | None = Field(None, description="The day on which the contact asked, as the caller knows it.")
    occurred_at: Moment | None = Field(None, description="When it happened, where that was before now.")

    def fields(self) -> dict[str, Any]:
        """What of it an origin takes."""
        return {
            "reason": self.reason, "note": self.note, "requested_on": self.requested_on,
            "occurred_at": self.occurred_at,
        }  # fmt: skip


class ActorOut(Schema):
    """Who did something: a user, a token, the contact, an import, the system."""

    kind: str = Field(examples=["token"])
    id: int | None = Field(examples=[3])
    label: str = Field(examples=["Shop"])


class AuthorizationOut(Schema):
    """The contact's word on which a change relied."""

    source: str = Field(examples=["written"])
    reference: str = Field(examples=["Ticket 5512"])
    obtained_on: date | None


class ReceiptOut(Schema):
    """What was erased, by whom, when and why; no name, no address, no key."""

    id: int = Field(examples=[12])
    contact: int = Field(examples=[4711], description="The number that the contact had.")
    erased_at: datetime
    requested_by_contact: bool
    counts: dict[str, int] = Field(examples=[{"contacts": 1, "status_history": 7}])
    blocks_kept: int = Field(examples=[1], description="How many addresses stay blocked, by fingerprint alone.")
    merged_into: int | None = Field(
        examples=[4712], description="The contact whom this one had been merged into, and left with."
    )
    method: str = Field(examples=["api"])
    actor: ActorOut


class EntryOut(Schema):
    """One entry of the status history."""

    id: int = Field(examples=[90210])
    contact: int | None = Field(examples=[4711], description="Null where it is about an address alone.")
    occurred_at: datetime
    recorded_at: datetime
    requested_on: date | None
    aspect: str = Field(examples=["active"])
    channel: str = Field(examples=["email"], description="Empty where it is about no channel.")
    from_: str = Field(alias="from", examples=["active"])
    to: str = Field(examples=["inactive"])
    weight: int = Field(examples=[1])
    method: str = Field(examples=["api"])
    actor: ActorOut
    reason: str = Field(examples=["written_request"])
    note: str = Field(examples=["Asked by telephone"])
    changed: bool = Field(description="Whether it changed a state, or confirmed what was so already.")
    voids: int | None = Field(examples=[8811], description="The entry that it takes back.")
    says: str = Field(examples=["no"], description="`no` shuts, `yes` opens, `value` sets, `void` takes an entry back.")
    authorization: AuthorizationOut | None
    evidence: dict[str, Any] = Field(examples=[{}])


def contacts_out(contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    """Contacts as the web service shows them, in one query."""
    ids = [contact.pk for contact in contacts]
    rows = _channels(ChannelStatus.objects.filter(contact__in=ids))
    return _contacts_out(contacts, rows)


_HELD = ("contact_id", "channel", "address", "is_valid", "opted_out", "quarantined", "suppressed")


def _channels(rows: QuerySet[ChannelStatus]) -> QuerySet[ChannelStatus, Any]:
    """Channels with an address, as ``_HELD``, and whether each condition holds. Where no communication type is asked
    about the conditions are the same on every channel."""
    question = Question(Channel.EMAIL)
    told = rows_with_verdicts(rows.with_address(), question, Source.CHANNEL)  # type: ignore[attr-defined]
    conditions = [f"met_{condition.key}" for condition in conditions_for(question)]
    return told.order_by("contact", "channel").values_list(*_HELD, *conditions)


def _contacts_out(contacts: Sequence[Contact], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    held: dict[int, dict[str, Any]] = {contact.pk: {} for contact in contacts}
    for row in rows:
        contact, channel, *told = row[: len(_HELD)]
        shape = dict(zip(_HELD[2:], told, strict=True))
        held[contact][channel] = {**shape, "sendable": all(row[len(_HELD) :])}
    return [_contact_out(contact, held[contact.pk]) for contact in contacts]


def contact_out(contact: Contact) -> dict[str, Any]:
    return _contacts_out([contact], _CHANNELS.rows(contact=contact.pk))[0]


_CHANNELS = Prepared(lambda contact: _channels(ChannelStatus.objects.filter(contact=contact)), contact=int)


def shown(contact: Contact, response: HttpResponse) -> dict[str, Any]:
    """The contact as they are after a change, with the ETag for the next one. Raises ContactGone."""
    here = _CONTACT.first(contact=contact.pk)
    if here is None:
        raise ContactGone
    shape = contact_out(here.merged_into or here)
    with_etag(response, shape)
    return shape


_CONTACT = PreparedObjects(
    Contact, lambda contact: Contact.objects.filter(pk=contact).order_by(), related=["merged_into"], contact=int
)


def _contact_out(contact: Contact, channels: dict[str, Any]) -> dict[str, Any]:
    names = ("key", "first_name", "last_name", "language", "notes", "attributes", "is_active", "created_at",
             "updated_at")  # fmt: skip
    return {"id": contact.pk, **{name: getattr(contact, name) for name in names}, "channels": channels}


def entries_out(entries: Iterable[StatusHistory]) -> list[dict[str, Any]]:
    """Entries of the history; give them with their ``detail``."""
    return [
        {
            "id": entry.pk, "contact": entry.contact_id, "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at, "requested_on": entry.requested_on, "aspect": entry.aspect,
            "channel": entry.channel, "from": entry.from_value, "to": entry.to_value, "weight": entry.weight,
            "method": entry.method, "actor": actor_out(entry), "reason": entry.reason, **_detail(entry),
            "changed": entry.changed, "voids": entry.voids, "says": entry.says,
        }
        for entry in entries
    ]  # fmt: skip


def actor_out(told: StatusHistory | ErasureReceipt) -> dict[str, Any]:
    return {"kind": told.actor_kind, "id": told.actor_number, "label": told.actor_label}


def _detail(entry: StatusHistory) -> dict[str, Any]:
    detail = getattr(entry, "detail", None)
    authorization = None
    if entry.authorization_source:
        authorization = {
            "source": entry.authorization_source,
            "reference": detail.authorization_reference if detail else "",
            "obtained_on": entry.authorization_on,
        }
    return {
        "note": detail.note if detail else "",
        "authorization": authorization,
        "evidence": detail.evidence if detail else {},
    }


def receipts_out(receipts: Iterable[ErasureReceipt]) -> list[dict[str, Any]]:
    return [
        {
            "id": receipt.pk, "contact": receipt.contact_number, "erased_at": receipt.erased_at,
            "requested_by_contact": receipt.requested_by_contact, "counts": receipt.counts,
            "blocks_kept": receipt.blocks_kept, "merged_into": receipt.merged_into_number, "method": receipt.method,
            "actor": actor_out(receipt),
        }
        for receipt in receipts
    ]  # fmt: skip
