"""Blocks on addresses: the suppression list, opt-outs and quarantine, as a project sees them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from django.http import Http404
from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema
from ninja.errors import ValidationError
from pydantic import StrictInt

from contacts.addresses import Address, normalise
from contacts.api.channels import cause_of
from contacts.api.door import ApiRequest, Scoped
from contacts.api.origins import in_terms_of_scopes, origin_of, refusing
from contacts.api.paging import Paged, listed
from contacts.api.reading import LARGEST_NUMBER, text
from contacts.api.shapes import AuthorizationIn, ChannelName, Listed, ReasonIn
from contacts.errors import AuthorizationRequired, InvalidAddress, RegisterError
from contacts.models import Block, Project
from contacts.models.block import BlockQuerySet
from contacts.selectors.blocks import blocks_in_project, in_facts, on_addresses, readings
from contacts.services import blocks
from contacts.services.change import Change
from contacts.vocabulary import ApiScope, BlockKind, Channel, Reason

router = Router(tags=["Blocks"])
MOST_AT_ONCE = 1_000
KindName = Literal["opt_out", "quarantine", "suppression"]
CauseName = Literal[
    "opt_out", "no_such_address", "delivery_errors", "complaint", "stop", "request", "listed"
]  # fmt: skip


class BlockOut(Schema):
    """One cause for not writing to one address on one channel.

    Of what holds in the whole organization a project sees those on addresses that its own contacts have.
    """

    id: int = Field(examples=[88])
    channel: str = Field(examples=["email"])
    address: str | None = Field(examples=["ann@example.org"], description="Null once it was erased.")
    kind: str = Field(examples=["suppression"])
    cause: str = Field(examples=["request"])
    scope: str = Field(examples=["project"], description="`project` or `organization`: where it holds.")
    is_on: bool
    since: datetime | None = Field(description="When that was said, or when it was lifted.")
    weight: int | None = Field(
        examples=[1], description="Whose word it is (0 ours, 1 reported, 2 own, 3 complaint); null once lifted."
    )
    entry: int | None = Field(
        examples=[8811], description="The entry of the history; null of what holds in the whole organization."
    )
    contacts: int = Field(examples=[1], description="How many contacts of the project have this address.")


class BlockFilters(Paged):
    kind: KindName | None = None
    channel: ChannelName | None = None
    cause: CauseName | None = None
    address: text(320) | None = Field(None, min_length=1, description="A whole address.")  # type: ignore[valid-type]
    scope: Literal["project", "organization"] | None = None
    state: Literal["on", "lifted", "both"] = "on"


class SuppressIn(ReasonIn, extra="forbid"):
    """Addresses for the project's suppression list, and why."""

    channel: ChannelName = Field(examples=["email"])
    addresses: list[str] = Field(min_length=1, max_length=MOST_AT_ONCE, examples=[["ann@example.org"]])


class LiftIn(Schema, extra="forbid"):
    """Why it is lifted: a note for what we decided, an authorization for what the contact said."""

    note: text(2_000, several_lines=True) = Field("", examples=["The mailbox was opened again"])  # type: ignore[valid-type]
    authorization: AuthorizationIn | None = None


class LiftManyIn(LiftIn, extra="forbid"):
    blocks: list[StrictInt] = Field(min_length=1, max_length=MOST_AT_ONCE, examples=[[88, 89]])


class NotLifted(Schema):
    block: int = Field(examples=[88])
    code: str = Field(examples=["authorization_required"])
    detail: str = Field(examples=["Only the contact’s own word lifts this."])


class LiftedOut(Schema):
    lifted: int = Field(examples=[2])
    skipped: list[NotLifted]


class WhyMissing(RegisterError):
    code = "reason_missing"
    message = _("Say why it is lifted: a note, or the contact's authorization.")
    field = "note"


@router.get("blocks", response=Listed[BlockOut], auth=Scoped(ApiScope.READ), operation_id="list_blocks")
def find(request: ApiRequest, filters: Query[BlockFilters]) -> object:
    """Blocks of the project, and those of its organization on addresses that its contacts have, the newest first."""
    project = request.api.project
    found = blocks_in_project(project)
    if filters.address is not None:
        channels = [filters.channel] if filters.channel else Channel.values
        found = on_addresses(found, readings(filters.address, channels, project.default_country))
    exact = {"kind": filters.kind, "channel": filters.channel, "cause": filters.cause}
    found = found.filter(**{name: value for name, value in exact.items() if value})
    if filters.scope:
        found = found.filter(project__isnull=filters.scope == "organization")
    if filters.state != "both":
        found = found.filter(is_on=filters.state == "on")

    def show(rows: Sequence[Block]) -> list[dict[str, Any]]:
        return blocks_out(rows, project)

    return listed(found, filters, show, order=["-id"])


@router.post("blocks", response=Listed[BlockOut], auth=Scoped(ApiScope.WRITE), operation_id="suppress_addresses")
def suppress(request: ApiRequest, sent: SuppressIn) -> object:
    """Put addresses on the project's suppression list, for whoever has one or comes to it; all or none.

    For the whole organization only its admins can, in the pages; spam reports and STOP do by themselves.
    """
    project = request.api.project
    addresses = _read(sent, project)
    blocks.suppress(
        addresses, organization=project.organization, project=project, cause=cause_of(sent),
        origin=origin_of(request.api, sent),
    )  # fmt: skip
    found = Block.objects.filter(project=project, kind=BlockKind.SUPPRESSION, cause=cause_of(sent)).filter(
        fingerprint__in_texts=[address.fingerprint for address in addresses], channel=sent.channel
    )
    return {"items": blocks_out(list(found.order_by("-id")), project), "next": None}


@router.get("blocks/{int:block_id}", response=BlockOut, auth=Scoped(ApiScope.READ), operation_id="get_block")
def get(request: ApiRequest, block_id: int) -> object:
    """One block."""
    return blocks_out([_block(request.api.project, block_id)], request.api.project)[0]


@router.post("blocks/{int:block_id}/lift", response=BlockOut, auth=Scoped(ApiScope.WRITE), operation_id="lift_block")
def lift(request: ApiRequest, block_id: int, sent: LiftIn) -> object:
    """Open an address again.

    What the contact asked for or did themselves takes an authorization, and the scope `authorize`; a spam complaint
    no token lifts, nor what holds in the whole organization.
    """
    block = _block(request.api.project, block_id)
    with refusing(request.api):
        _lift(request, Block.objects.filter(pk=block.pk), sent).or_raise()
    block.refresh_from_db()
    return blocks_out([block], request.api.project)[0]


@router.post("blocks/lift", response=LiftedOut, auth=Scoped(ApiScope.WRITE), operation_id="lift_blocks")
def lift_many(request: ApiRequest, sent: LiftManyIn) -> object:
    """Open many addresses again. What cannot be lifted is skipped, with the reason."""
    wanted = set(sent.blocks)
    known = {number for number in wanted if 0 < number <= LARGEST_NUMBER}
    chosen = blocks_in_project(request.api.project).filter(pk__in=known)
    if len(known) < len(wanted) or chosen.count() < len(wanted):
        raise Http404
    change = _lift(request, Block.objects.filter(pk__in=known), sent)
    skipped = []
    for group in change.skipped:
        error = group.error
        if isinstance(error, AuthorizationRequired):
            error = in_terms_of_scopes(error, request.api)
        skipped += [{"block": number, "code": error.code, "detail": str(error)} for number in group.ids]
    return {"lifted": change.recorded, "skipped": skipped}


def blocks_out(rows: Sequence[Block], project: Project) -> list[dict[str, Any]]:
    """Blocks as the web service shows them, in a fixed number of queries."""
    return [
        {
            "id": known.block.pk, "channel": known.block.channel, "address": known.address or None,
            "kind": known.block.kind, "cause": known.block.cause,
            "scope": "organization" if known.block.project_id is None else "project", "is_on": known.block.is_on,
            "since": known.since, "weight": known.weight, "entry": known.entry, "contacts": known.contacts,
        }
        for known in in_facts(rows, project)
    ]  # fmt: skip


def _lift(request: ApiRequest, chosen: BlockQuerySet, sent: LiftIn) -> Change:
    if not sent.note and sent.authorization is None:
        raise WhyMissing
    reason = Reason.AUTHORIZED if sent.authorization else Reason.REACHABLE
    return blocks.lift(
        chosen,
        origin=request.api.origin(reason=reason, note=sent.note),
        authorization=sent.authorization.meant() if sent.authorization else None,
        recorded_in=request.api.project,
    )


def _block(project: Project, block_id: int) -> Block:
    found = blocks_in_project(project).filter(pk=block_id).first() if block_id <= LARGEST_NUMBER else None
    if found is None:
        raise Http404
    return found


def _read(sent: SuppressIn, project: Project) -> list[Address]:
    """The addresses, or a refusal of all that are none."""
    found, refused = [], []
    for place, written in enumerate(sent.addresses):
        try:
            found.append(normalise(sent.channel, written, country=project.default_country))
        except InvalidAddress as error:
            refused.append({"loc": ("body", "sent", "addresses", place), "msg": str(error)})
    if refused:
        raise ValidationError(refused)
    return found
