"""How the web service shows and takes contacts, history and authorizations (DESIGN §7)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

from ninja import Field, Schema

from contacts.api.reading import Moment, text
from contacts.eligibility import Question, verdicts
from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.origin import Authorization
from contacts.vocabulary import AuthorizationSource, Channel

Item = TypeVar("Item")
ChannelName = Literal["email", "sms", "push"]


class Listed(Schema, Generic[Item]):
    """One page of a list. ``next`` is the cursor of the page after it, null at the end."""

    items: list[Item]
    next: str | None = Field(None, description="Give it as `cursor` for the page after this one.")


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
    channels: dict[str, ChannelOut] = Field(description="By channel (email, sms, push), those with an address.")


class AddressIn(Schema):
    address: text(320) = Field("", examples=["ann@example.org"], description="Empty: none.")  # type: ignore[valid-type]


class ContactIn(Schema, extra="forbid"):
    """A new contact. It is active; blocks that lie on its addresses hold at once."""

    key: text(254) = Field(examples=["K-1001"])  # type: ignore[valid-type]
    first_name: text(150) = Field("", examples=["Ann"])  # type: ignore[valid-type]
    last_name: text(150) = Field("", examples=["Archer"])  # type: ignore[valid-type]
    language: text(10) = Field("", examples=["en"])  # type: ignore[valid-type]
    notes: text(10_000, several_lines=True) = ""  # type: ignore[valid-type]
    attributes: dict[str, Any] = Field({}, examples=[{"city": "Québec"}])
    channels: dict[ChannelName, AddressIn] = Field({}, examples=[{"email": {"address": "ann@example.org"}}])


class AuthorizationIn(Schema, extra="forbid"):
    """The contact's word that the caller relies on. The token needs the scope ``authorize`` where it has to lift
    what the contact decided."""

    source: Literal["verbal", "written", "form", "other"] = Field(examples=["written"])
    reference: text(500) = Field(examples=["Ticket 5512"], min_length=1)  # type: ignore[valid-type]
    obtained_on: date = Field(examples=["2026-03-01"])
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
    requested_on: date | None = Field(None, description="The day on which the contact asked, as the caller knows it.")
    occurred_at: Moment | None = Field(None, description="When it happened, where that was before now.")

    def fields(self) -> dict[str, Any]:
        """What of it an origin takes."""
        return {
            "reason": self.reason, "note": self.note, "requested_on": self.requested_on,
            "occurred_at": self.occurred_at,
        }  # fmt: skip


class EntryOut(Schema):
    """One entry of the status history."""

    id: int
    occurred_at: datetime
    recorded_at: datetime
    requested_on: date | None
    aspect: str = Field(examples=["active"])
    channel: str = Field(examples=["email"], description="Empty where it is about no channel.")
    from_: str = Field(alias="from", examples=["active"])
    to: str = Field(examples=["inactive"])
    weight: int = Field(examples=[1])
    method: str = Field(examples=["api"])
    actor: dict[str, Any] = Field(examples=[{"kind": "token", "id": 3, "label": "Shop"}])
    reason: str = Field(examples=["written_request"])
    note: str
    changed: bool = Field(description="Whether it changed a state, or confirmed what was so already.")
    voids: int | None = Field(description="The entry that it takes back.")


def contacts_out(contacts: Sequence[Contact]) -> list[dict[str, Any]]:
    """Contacts as the web service shows them, in a fixed number of queries."""
    ids = [contact.pk for contact in contacts]
    rows = ChannelStatus.objects.filter(contact__in=ids).with_address().order_by("contact", "channel")
    held: dict[int, dict[str, ChannelStatus]] = {number: {} for number in ids}
    for row in rows:
        held[row.contact_id][row.channel] = row
    asked = {row.channel for of_one in held.values() for row in of_one.values()}
    told = {channel: verdicts(ids, Question(channel)) for channel in Channel.values if channel in asked}
    return [
        _contact_out(contact, {
            channel: _channel_out(row, told[channel][contact.pk].sendable if contact.pk in told[channel] else False)
            for channel, row in held[contact.pk].items()
        })
        for contact in contacts
    ]  # fmt: skip


def contact_out(contact: Contact) -> dict[str, Any]:
    return contacts_out([contact])[0]


def _contact_out(contact: Contact, channels: dict[str, Any]) -> dict[str, Any]:
    names = ("key", "first_name", "last_name", "language", "notes", "attributes", "is_active", "created_at",
             "updated_at")  # fmt: skip
    return {"id": contact.pk, **{name: getattr(contact, name) for name in names}, "channels": channels}


def _channel_out(row: ChannelStatus, sendable: bool) -> dict[str, Any]:
    names = ("address", "is_valid", "opted_out", "quarantined", "suppressed")
    return {**{name: getattr(row, name) for name in names}, "sendable": sendable}


def entries_out(entries: Iterable[StatusHistory]) -> list[dict[str, Any]]:
    """Entries of the history; give them with their ``detail``."""
    return [
        {
            "id": entry.pk, "occurred_at": entry.occurred_at, "recorded_at": entry.recorded_at,
            "requested_on": entry.requested_on, "aspect": entry.aspect, "channel": entry.channel,
            "from": entry.from_value, "to": entry.to_value, "weight": entry.weight, "method": entry.method,
            "actor": {"kind": entry.actor_kind, "id": entry.actor_number, "label": entry.actor_label},
            "reason": entry.reason, "note": _note(entry), "changed": entry.from_value != entry.to_value,
            "voids": entry.voids,
        }
        for entry in entries
    ]  # fmt: skip


def _note(entry: StatusHistory) -> str:
    detail = getattr(entry, "detail", None)
    return detail.note if detail else ""
