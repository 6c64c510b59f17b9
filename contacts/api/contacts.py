"""Contacts: adding, finding and correcting them, their switch, and deleting them."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Body, Field, Query, Router, Schema, Status

from contacts.addresses import normalise
from contacts.api.door import ApiRequest, Scoped
from contacts.api.etags import require_match
from contacts.api.origins import authorized, origin_of, refusing
from contacts.api.paging import Paged, listed
from contacts.api.reading import Day, Number, text
from contacts.api.shapes import (
    AuthorizationIn,
    ChannelName,
    ContactChangeIn,
    ContactIn,
    ContactOut,
    Listed,
    MethodName,
    ReasonIn,
    ReceiptOut,
    contact_out,
    contacts_out,
    receipts_out,
    shown,
)
from contacts.errors import ConfirmationMismatch, InvalidAddress, RegisterError
from contacts.models import Contact, Project
from contacts.selectors.contacts import Wanted, contacts_wanted
from contacts.services import merging, status
from contacts.services.details import Amendment, amend
from contacts.services.erasure import erase
from contacts.services.one_deactivation import deactivate_one
from contacts.services.register import Details, create_contact
from contacts.vocabulary import ApiScope

router = Router(tags=["Contacts"])

Reason = Literal[
    "sendable", "inactive", "no_address", "invalid_address", "quarantined", "suppressed", "opted_out",
    "active", "has_address", "valid_address", "not_quarantined", "not_suppressed", "not_opted_out",
]  # fmt: skip
# A reason as people say it, and the condition that is not met then; the keys of conditions are taken as well.
FAILED = {
    "inactive": "active", "no_address": "has_address", "invalid_address": "valid_address",
    "quarantined": "not_quarantined", "suppressed": "not_suppressed", "opted_out": "not_opted_out",
}  # fmt: skip
ORDERS = {"id": ["id"], "name": ["last_name", "first_name", "id"], "change": ["-last_entry_at", "-id"]}


class ContactFilters(Paged):
    key: text(254) | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="The whole key. That of somebody merged finds who they are now."
    )
    address: text(320) | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="A whole address, however it is written, on `channel` or on any."
    )
    channel: ChannelName | None = Field(
        None, description="The channel that `address` or `reason` is about; alone: who has an address there."
    )
    q: text(320) | None = Field(  # type: ignore[valid-type]
        None, min_length=1, description="A key, a name, an address, or the beginning of one."
    )
    status: Literal["active", "inactive"] | None = None
    reason: Reason | None = Field(
        None,
        description="Who may be sent to (`sendable`), or may not for this reason, on `channel` or on any. "
        "The key of a condition means that it is not met: `not_opted_out` is `opted_out`.",
    )
    method: MethodName | None = Field(None, description="How the latest change came.")
    changed_from: Day | None = Field(None, description="The first day of the latest change, in the project's time.")
    changed_to: Day | None = Field(None, description="The last day of it.")
    order: Literal["id", "name", "change"] = Field("id", description="`change`: the latest change first.")

    def wanted(self) -> Wanted:
        return Wanted(
            key=self.key or "", address=self.address or "", channel=self.channel or "", text=self.q or "",
            status=self.status or "", reason=FAILED.get(self.reason or "", self.reason or ""),
            method=self.method or "", changed_from=self.changed_from, changed_to=self.changed_to,
        )  # fmt: skip


class ActivateIn(Schema, extra="forbid"):
    authorization: AuthorizationIn
    note: text(2_000, several_lines=True) = ""  # type: ignore[valid-type]


class MergeIn(Schema, extra="forbid"):
    """Who goes, and on which channels their address is the one that is kept where both have one."""

    other: Number = Field(examples=[4712])
    take: list[ChannelName] = Field([], examples=[["sms"]])


class ConfirmationIn(Schema, extra="forbid"):
    """The contact's key, typed out by who wants this, and whether the contact asked for it."""

    confirm: str = Field(max_length=254, examples=["K-1001"])
    requested_by_contact: bool = Field(
        strict=True,
        description="True: their addresses stay blocked, by fingerprint alone, so that no import writes to them again.",
    )


class ConfirmationQuery(Schema):
    """The same for clients that send no body with a DELETE."""

    confirm: str | None = Field(None, max_length=254)
    requested_by_contact: bool | None = None


class ConfirmationMissing(RegisterError):
    code = "confirmation_missing"


@router.get("contacts", response=Listed[ContactOut], auth=Scoped(ApiScope.READ), operation_id="list_contacts")
def find(request: ApiRequest, filters: Query[ContactFilters]) -> object:
    """Find contacts by key, address, status or reason. Without filters: all of them."""
    found = contacts_wanted(request.api.project, filters.wanted())
    return listed(found, filters, contacts_out, order=ORDERS[filters.order])


@router.post("contacts", response={201: ContactOut}, auth=Scoped(ApiScope.WRITE), operation_id="create_contact")
def create(request: ApiRequest, response: HttpResponse, sent: ContactIn) -> object:
    """Add a contact. Blocks that lie on its addresses hold for it at once."""
    project = request.api.project
    known = {name: value for name, value in sent.attributes.items() if value is not None}
    details = Details(sent.first_name, sent.last_name, sent.language, sent.notes, known)
    addresses = _sound(project, {channel: held.address for channel, held in sent.channels.items()})
    contact = create_contact(project, key=sent.key, details=details, addresses=addresses, origin=request.api.origin())
    response.headers["Location"] = f"{request.path}/{contact.pk}"
    return Status(201, shown(contact, response))


@router.get("contacts/{int:contact_id}", response=ContactOut, auth=Scoped(ApiScope.READ), operation_id="get_contact")
def get(request: ApiRequest, response: HttpResponse, contact_id: int) -> object:
    """A contact as it is now. Of one who was merged into another, that other one."""
    return shown(request.api.contact(contact_id), response)


@router.patch(
    "contacts/{int:contact_id}", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="update_contact"
)
def change(request: ApiRequest, response: HttpResponse, contact_id: int, sent: ContactChangeIn) -> object:
    """Correct key, name, language, notes, attributes or addresses, all that is sent or nothing.

    With `If-Match` only while the contact is as that `ETag` saw it; else 412. Status has operations of its own.
    """
    contact = request.api.contact(contact_id)
    named = {channel: held for channel, held in sent.channels.items() if held is None or held.address is not None}
    addresses = {str(channel): str(held.address or "") if held else "" for channel, held in named.items()}
    amendment = Amendment(
        key=sent.key, first_name=sent.first_name, last_name=sent.last_name, language=sent.language, notes=sent.notes,
        attributes=sent.attributes,
        addresses=_sound(request.api.project, addresses),
        validity={name: held.is_valid for name, held in sent.channels.items() if held and held.is_valid is not None},
    )  # fmt: skip

    def look(here: Contact) -> None:
        require_match(request, contact_out(here))

    return shown(amend(contact, amendment, origin=request.api.origin(), look=look), response)


@router.delete(
    "contacts/{int:contact_id}", response=ReceiptOut, auth=Scoped(ApiScope.ERASE), operation_id="delete_contact"
)
def delete(
    request: ApiRequest,
    contact_id: int,
    asked: Query[ConfirmationQuery],
    sent: ConfirmationIn | None = Body(None),  # noqa: B008
) -> object:
    """Delete a contact for good, with all that is held of them. What stays is the receipt that this answers with.

    Deactivating stops everything just as well and can be undone. `confirm` is the contact's key.
    """
    contact = request.api.contact(contact_id)
    confirm = sent.confirm if sent else asked.confirm
    requested = sent.requested_by_contact if sent else asked.requested_by_contact
    if confirm is None or requested is None:
        words = _("This needs “confirm”, the contact's key, and “requested_by_contact”, true or false.")
        raise ConfirmationMissing(words, field="requested_by_contact" if confirm is not None else "confirm")
    if confirm != contact.key:
        raise ConfirmationMismatch(remedy=_("Send the contact's key as “confirm”."), field="confirm")
    require_match(request, contact_out(contact))
    receipts = erase(contact.as_set(), origin=request.api.origin(), requested_by_contact=requested)
    return receipts_out(receipts)[0]


@router.post(
    "contacts/{int:contact_id}/deactivate", response=ContactOut, auth=Scoped(ApiScope.WRITE),
    operation_id="deactivate_contact",
)  # fmt: skip
def stop(request: ApiRequest, response: HttpResponse, contact_id: int, sent: ReasonIn) -> object:
    """Stop everything on every channel. Data, opt-ins and history stay."""
    contact = request.api.contact(contact_id)
    deactivate_one(contact, origin=origin_of(request.api, sent))
    return shown(contact, response)


@router.post(
    "contacts/{int:contact_id}/activate", response=ContactOut, auth=Scoped(ApiScope.WRITE),
    operation_id="activate_contact",
)  # fmt: skip
def start(request: ApiRequest, response: HttpResponse, contact_id: int, sent: ActivateIn) -> object:
    """Let a contact be sent to again, on their word. Opts nobody in; blocks stay, but for the opt-outs that the
    authorization covers.

    What the contact asked for or did themselves takes the scope `authorize`; a spam complaint no token lifts.
    """
    contact = request.api.contact(contact_id)
    with refusing(request.api):
        status.activate(
            contact.as_set(),
            origin=authorized(request.api, sent.note),
            authorization=sent.authorization.meant(),
            whole=True,
        ).or_raise()
    return shown(contact, response)


@router.post(
    "contacts/{int:contact_id}/merge", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="merge_contacts"
)
def unite(request: ApiRequest, response: HttpResponse, contact_id: int, sent: MergeIn) -> object:
    """Make one contact of two, for good. The one in the address stays; a no of either stays.

    The other's key and number lead to the one who stays from then on.
    """
    contact = request.api.contact(contact_id)
    other = request.api.contact(sent.other)
    merging.merge(contact, other, origin=request.api.origin(), take=frozenset(sent.take))
    return shown(contact, response)


def _sound(project: Project, addresses: dict[str, str]) -> dict[str, str]:
    """Addresses, looked at one by one so that a refusal names its channel. Raises InvalidAddress."""
    for channel, written in addresses.items():
        try:
            if written.strip():
                normalise(channel, written, country=project.default_country)
        except InvalidAddress as error:
            raise InvalidAddress(error.message, remedy=error.remedy, field=f"channels.{channel}.address") from error
    return addresses
