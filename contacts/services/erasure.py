"""Deleting contacts for good. What stays: a receipt without name or address, and fingerprints of a no."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Case, Exists, OuterRef, QuerySet, Value, When

from contacts.addresses import fingerprint
from contacts.errors import StaleConfirmation
from contacts.extension_points import Count, Text, holdings
from contacts.models import Block, ChannelStatus, Contact, EntryDetail, ErasureReceipt, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.origin import Origin
from contacts.services.ledger import record
from contacts.services.locks import with_addresses_locked
from contacts.services.opt_outs import moment_for, put_blocks
from contacts.services.projection import fold_blocks
from contacts.vocabulary import OPEN, SHUT, Aspect, BlockKind, Cause, Channel, Reason, Says, Weight


@dataclass(frozen=True, slots=True)
class Line:
    """One kind of what goes: its label, how many in all, since when."""

    key: str
    label: Text
    number: int
    since: datetime | None


@dataclass(frozen=True, slots=True)
class ErasurePreview:
    """What an erasure would take. ``digest`` stands for all of it: it changes when anything of it does.

    ``kept_channels`` are the channels of addresses that would stay blocked by fingerprint,
    ``kept_on_request`` those that would if the contacts had asked for it. The digest covers both, as who
    confirms sees the page before they say which it is.
    """

    contacts: int
    lines: tuple[Line, ...]
    kept_channels: tuple[str, ...]
    kept_on_request: tuple[str, ...]
    digest: str


def erasure_preview(contacts: ContactQuerySet, *, requested_by_contact: bool = False) -> ErasurePreview:
    """Count exactly what ``erase`` would take from these contacts."""
    ids = sorted(contacts.order_by().values_list("pk", flat=True))
    counted = {holding.key: holding.count(ids) for holding in holdings}
    lines = tuple(Line(holding.key, holding.label, *_total(counted[holding.key].values())) for holding in holdings)
    kept = {requested: sorted(_weights_to_keep(ids, requested)) for requested in (False, True)}
    content = [ids, [(line.key, line.number) for line in lines], kept[False], kept[True]]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    channels = {
        requested: tuple(sorted({channel for _number, channel in places})) for requested, places in kept.items()
    }
    return ErasurePreview(len(ids), lines, channels[requested_by_contact], channels[True], digest)


def erase(
    contacts: ContactQuerySet, *, origin: Origin, requested_by_contact: bool, expected: str | None = None
) -> list[ErasureReceipt]:
    """Erase contacts and everything held of them, and return a receipt for each.

    When the person asked for it, or ever said no, their addresses stay blocked by fingerprint, in the scope
    where the no held. ``expected`` is the digest of the preview that was confirmed: raises
    StaleConfirmation when a recount differs, and nothing is erased.
    """

    def change(ids: list[int]) -> list[ErasureReceipt]:
        locked = Contact.objects.filter(pk__in_set=ids).order_by("pk").select_for_update()
        rows = {contact.pk: contact for contact in locked}
        preview = erasure_preview(Contact.objects.filter(pk__in_set=ids))
        if expected is not None and preview.digest != expected:
            raise StaleConfirmation
        counted = {holding.key: holding.count(ids) for holding in holdings}
        fingerprints = _fingerprints_ever(ids)
        kept = _keep_blocks(ids, origin, requested_by_contact)
        moment = moment_for(ids)
        receipts = ErasureReceipt.objects.bulk_create(
            ErasureReceipt(
                organization_id=rows[number].organization_id,
                project_id=rows[number].project_id,
                contact_number=number,
                key_fingerprint=fingerprint("key", rows[number].key),
                requested_by_contact=requested_by_contact,
                counts={key: counts[number].number for key, counts in counted.items() if number in counts},
                blocks_kept=kept[number],
                method=origin.method,
                actor_kind=origin.actor.kind,
                actor_number=origin.actor.number,
                actor_label=origin.actor.label,
                request_id=origin.request_id,
                erased_at=moment,
            )
            for number in ids
        )
        Contact.objects.filter(merged_into_id__in_set=ids).update(merged_into=None)
        Contact.objects.filter(pk__in_set=ids)._raw_delete("default")
        for holding in holdings:
            holding.erase(ids)
        _forget_addresses(fingerprints)
        transaction.on_commit(_overwrite_freed_pages)
        return receipts

    return with_addresses_locked(contacts, Channel.values, change)


def _total(counts: Iterable[Count]) -> tuple[int, datetime | None]:
    counts = list(counts)
    return sum(count.number for count in counts), min((c.since for c in counts if c.since), default=None)


def _weights_to_keep(ids: list[int], requested: bool) -> dict[tuple[int, str], int]:
    """Contact and channel of every address that must stay blocked, with the weight of the no behind it."""
    heaviest: dict[int, int] = defaultdict(lambda: Weight.REPORTED) if requested else {}
    for holding in holdings:
        for number, weight in holding.said_no(ids).items():
            heaviest[number] = max(weight, heaviest[number] if requested or number in heaviest else 0)
    kept = {}
    rows = ChannelStatus.objects.filter(contact_id__in_set=ids).with_address()
    for number, channel, own in rows.values_list("contact_id", "channel", "own_opt_out"):
        if requested or number in heaviest:
            kept[number, channel] = int(heaviest[number])
        if own:
            kept[number, channel] = max(kept.get((number, channel), 0), Weight.OWN)
    return kept


def _keep_blocks(ids: list[int], origin: Origin, requested: bool) -> dict[int, int]:
    """Write the noes that outlive the contacts, without naming them; returns how many for each."""
    kept = _weights_to_keep(ids, requested)
    by_place: dict[tuple[str, int], list[int]] = defaultdict(list)
    for (number, channel), weight in kept.items():
        by_place[channel, weight].append(number)
    for (channel, weight), numbers in by_place.items():
        put_blocks(numbers, channel)
        blocks = Block.objects.filter(
            kind=BlockKind.OPT_OUT,
            cause=Cause.OPT_OUT,
            channel=channel,
            project__in=Contact.objects.filter(pk__in_set=numbers).values("project"),
            fingerprint__in=ChannelStatus.objects.filter(
                contact_id__in_set=numbers, channel=channel
            ).with_address().values("fingerprint"),
        )  # fmt: skip
        moment = moment_for(numbers)
        record(
            blocks,
            aspect=Aspect.OPT_OUT,
            says=Says.NO,
            origin=origin.saying(reason=Reason.ERASURE, note="", evidence={}, requested_on=None),
            moment=moment,
            weight=weight,
            from_value=Case(When(is_on=True, then=Value(SHUT[Aspect.OPT_OUT])), default=Value(OPEN[Aspect.OPT_OUT])),
            to_value=SHUT[Aspect.OPT_OUT],
        )
        fold_blocks(list(blocks.values_list("pk", flat=True)), moment)
    counts: dict[int, int] = defaultdict(int)
    for number, _channel in kept:
        counts[number] += 1
    return counts


def _fingerprints_ever(ids: list[int]) -> set[str]:
    """Of every address that the contacts have or had."""
    now = ChannelStatus.objects.filter(contact_id__in_set=ids).values_list("fingerprint", flat=True)
    before = StatusHistory.objects.filter(contact_id__in_set=ids, aspect=Aspect.ADDRESS)
    return {*now, *before.values_list("address_fingerprint", flat=True)} - {""}


def _forget_addresses(fingerprints: set[str]) -> None:
    """Blocks keep the fingerprint alone once nobody in the register has the address any more."""
    held = ChannelStatus.objects.filter(fingerprint=OuterRef("fingerprint"), organization=OuterRef("organization_id"))
    blocks: QuerySet[Block] = Block.objects.filter(~Exists(held), fingerprint__in=fingerprints)
    EntryDetail.objects.filter(entry__block__in=blocks)._raw_delete("default")
    blocks.update(address=None)


def _overwrite_freed_pages() -> None:
    """SQLite overwrites what it deletes (secure_delete); its write-ahead log is emptied here."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
