"""One channel of a contact: opting out, quarantine, suppression, and lifting them."""

from __future__ import annotations

from typing import Literal

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Router, Schema

from contacts.addresses import Address
from contacts.api.door import ApiRequest, Scoped
from contacts.api.origins import authorized, origin_of, refusing
from contacts.api.reading import Moment, text
from contacts.api.shapes import AuthorizationIn, ChannelName, ContactOut, ReasonIn, shown
from contacts.errors import InvalidAddress, NothingToDo
from contacts.models import Block, ChannelStatus, Contact
from contacts.models.block import BlockQuerySet
from contacts.origin import REQUESTS
from contacts.services import blocks, opt_outs
from contacts.vocabulary import ApiScope, BlockKind, Cause, Reason

router = Router(tags=["Channels"])
ON_CHANNEL = "contacts/{int:contact_id}/channels/{channel}"


class LiftOptOutIn(Schema, extra="forbid"):
    authorization: AuthorizationIn
    note: text(2_000, several_lines=True) = ""  # type: ignore[valid-type]


class QuarantineIn(Schema, extra="forbid"):
    cause: Literal["no_such_address", "delivery_errors"] = "no_such_address"
    note: text(2_000, several_lines=True) = Field("", examples=["550 5.1.1 no such user"])  # type: ignore[valid-type]
    occurred_at: Moment | None = Field(
        None, description="When the receiving server said so, where that was before now."
    )


class LiftQuarantineIn(Schema, extra="forbid"):
    note: text(2_000, several_lines=True) = Field(  # type: ignore[valid-type]
        min_length=1, description="Why it can be written to again.", examples=["The mailbox was opened again"]
    )


@router.post(
    f"{ON_CHANNEL}/opt-out", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="opt_out_of_channel"
)
def opt_out(
    request: ApiRequest, response: HttpResponse, contact_id: int, channel: ChannelName, sent: ReasonIn
) -> object:
    """Stop one channel. The contact's no follows them to a new address, and stays with the one that they have."""
    contact = request.api.contact(contact_id)
    opt_outs.opt_out(contact.as_set(), channel, origin=origin_of(request.api, sent)).or_raise()
    return shown(contact, response)


@router.post(
    f"{ON_CHANNEL}/lift-opt-out", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="lift_opt_out"
)
def lift_opt_out(
    request: ApiRequest, response: HttpResponse, contact_id: int, channel: ChannelName, sent: LiftOptOutIn
) -> object:
    """Open a channel again on the contact's word.

    What the contact asked for or did themselves takes the scope `authorize`; a spam complaint no token lifts.
    """
    contact = request.api.contact(contact_id)
    origin = authorized(request.api, sent.note)
    with refusing(request.api):
        opt_outs.lift_opt_out(
            contact.as_set(), channel, origin=origin, authorization=sent.authorization.meant()
        ).or_raise()
    return shown(contact, response)


@router.post(
    f"{ON_CHANNEL}/quarantine", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="quarantine_address"
)
def quarantine(
    request: ApiRequest, response: HttpResponse, contact_id: int, channel: ChannelName, sent: QuarantineIn
) -> object:
    """Block the address that the contact has on a channel, because the receiving server refused it."""
    contact = request.api.contact(contact_id)
    origin = request.api.origin(reason=Reason(sent.cause), note=sent.note, occurred_at=sent.occurred_at)
    blocks.quarantine(contact.as_set(), channel, cause=Cause(sent.cause), origin=origin).or_raise()
    return shown(contact, response)


@router.post(
    f"{ON_CHANNEL}/lift-quarantine", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="lift_quarantine"
)
def lift_quarantine(
    request: ApiRequest, response: HttpResponse, contact_id: int, channel: ChannelName, sent: LiftQuarantineIn
) -> object:
    """Let the address of the contact on a channel be written to again, with the reason why."""
    contact = request.api.contact(contact_id)
    shut = _on_address(contact, channel).filter(kind=BlockKind.QUARANTINE, project=contact.project).on()
    if not shut:
        raise NothingToDo(_("This address is not in quarantine."))
    origin = request.api.origin(reason=Reason.REACHABLE, note=sent.note)
    with refusing(request.api):
        blocks.lift(shut, origin=origin, recorded_in=contact.project).or_raise()
    return shown(contact, response)


@router.post(
    f"{ON_CHANNEL}/suppress", response=ContactOut, auth=Scoped(ApiScope.WRITE), operation_id="suppress_address"
)
def suppress(
    request: ApiRequest, response: HttpResponse, contact_id: int, channel: ChannelName, sent: ReasonIn
) -> object:
    """Put the address that the contact has on a channel on the project's suppression list, for whoever has it, now or
    later. Lifted among the blocks."""
    contact = request.api.contact(contact_id)
    row = ChannelStatus.objects.filter(contact=contact, channel=channel).with_address().first()
    if row is None:
        raise InvalidAddress(_("The contact has no address on this channel."), field="channel")
    blocks.suppress(
        [_address_of(row)],
        organization=contact.project.organization,
        project=contact.project,
        cause=cause_of(sent),
        contact=contact,
        origin=origin_of(request.api, sent),
    )
    return shown(contact, response)


def cause_of(sent: ReasonIn) -> Cause:
    """Why an address is suppressed: somebody asked for it, or we put it on the list."""
    asked = sent.reason in REQUESTS or sent.reason == Reason.OWN_REQUEST
    return Cause.REQUEST if asked else Cause.LISTED


def _address_of(row: ChannelStatus) -> Address:
    return Address(row.channel, row.address, row.address_key)


def _on_address(contact: Contact, channel: str) -> BlockQuerySet:
    """The blocks on the address that a contact has on a channel."""
    row = ChannelStatus.objects.filter(contact=contact, channel=channel).with_address().first()
    return Block.objects.filter(channel=channel, fingerprint=row.fingerprint) if row else Block.objects.none()
