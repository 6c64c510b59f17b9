"""The current state, kept as the fold of the history: columns follow from entries, never the other way."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import BooleanField, DateTimeField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.expressions import ExpressionWrapper
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import IsNull

from contacts.gates import strongest_no_of
from contacts.models import Block, ChannelStatus, Contact, StatusHistory
from contacts.vocabulary import Aspect, BlockKind


def switch_words() -> QuerySet[StatusHistory]:
    """What counts for the switch of the outer contact."""
    return StatusHistory.objects.filter(contact=OuterRef("pk"), aspect=Aspect.ACTIVE).not_voided()


def own_opt_out_words() -> QuerySet[StatusHistory]:
    """What counts for the own opt-out of the outer channel status."""
    return StatusHistory.objects.filter(
        contact=OuterRef("contact_id"), aspect=Aspect.OPT_OUT, channel=OuterRef("channel")
    ).not_voided()


def block_words() -> QuerySet[StatusHistory]:
    """What counts for the outer block."""
    return StatusHistory.objects.filter(block=OuterRef("pk")).not_voided()


def fold_switch(ids: Iterable[int], moment: datetime) -> None:
    """Set each contact's switch to what its entries amount to."""
    Contact.objects.filter(pk__in_set=list(ids)).update(
        is_active=IsNull(strongest_no_of(switch_words(), gate="contact"), True), last_entry_at=not_before(moment)
    )
    copy_switch(ids)


def copy_switch(ids: Iterable[int]) -> None:
    """Copy the contacts' switch onto their channels."""
    ChannelStatus.objects.filter(contact_id__in_set=list(ids)).update(
        contact_active=Subquery(Contact.objects.filter(pk=OuterRef("contact_id")).values("is_active"))
    )


def fold_own_opt_outs(ids: Iterable[int], channel: str, moment: datetime) -> None:
    """Set the contacts' own opt-out on a channel to what their entries amount to."""
    ids = list(ids)
    ChannelStatus.objects.filter(contact_id__in_set=ids, channel=channel).update(
        own_opt_out=IsNull(strongest_no_of(own_opt_out_words(), gate="contact"), False),
        last_entry_at=not_before(moment),
    )
    touch(ids, moment)
    copy_blocks(ChannelStatus.objects.filter(contact_id__in_set=ids, channel=channel), moment)


def fold_blocks(block_ids: Iterable[int], moment: datetime) -> None:
    """Set each block to what its entries amount to, and copy it onto everybody who has the address."""
    blocks = Block.objects.filter(pk__in_set=list(block_ids))
    blocks.update(is_on=IsNull(strongest_no_of(block_words(), gate="block"), False), last_entry_at=not_before(moment))
    holders = ChannelStatus.objects.filter(
        fingerprint__in=blocks.values("fingerprint"), organization__in=blocks.values("organization")
    )
    copy_blocks(holders, moment)


def copy_blocks(channels: QuerySet[ChannelStatus], moment: datetime) -> None:
    """Copy the blocks that lie on these channels' addresses onto them."""
    ChannelStatus.objects.filter(pk__in=channels.order_by().values("pk")).update(
        opted_out=_boolean(Q(own_opt_out=True) | Q(Exists(blocks_on(BlockKind.OPT_OUT)))),
        quarantined=Exists(blocks_on(BlockKind.QUARANTINE)),
        suppressed=Exists(blocks_on(BlockKind.SUPPRESSION)),
        last_entry_at=not_before(moment),
    )


def blocks_on(kind: str) -> QuerySet[Block]:
    """The standing blocks of a kind on the address of the outer channel status, of both scopes."""
    return Block.objects.filter(
        Q(project__isnull=True) | Q(project=OuterRef("project_id")),
        organization=OuterRef("organization_id"),
        channel=OuterRef("channel"),
        fingerprint=OuterRef("fingerprint"),
        kind=kind,
        is_on=True,
    )


def blocks_at(fingerprints: Iterable[str]) -> list[int]:
    """The ids of all blocks, on or not, that lie on these addresses."""
    return list(Block.objects.filter(fingerprint__in=list(fingerprints)).values_list("pk", flat=True))


def touch(ids: Iterable[int], moment: datetime) -> None:
    """Note on the contacts when their last entry was recorded."""
    Contact.objects.filter(pk__in_set=list(ids)).update(last_entry_at=not_before(moment))


def not_before(moment: datetime) -> Greatest:
    """The moment, or what the row has already where that is later: gates that share a row have moments of
    their own, and readings of the past rest on the row's being the latest."""
    value = Value(moment, output_field=DateTimeField())
    return Greatest(Coalesce(F("last_entry_at"), value), value)


def _boolean(condition: Q) -> ExpressionWrapper:
    return ExpressionWrapper(condition, output_field=BooleanField())
