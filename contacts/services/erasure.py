"""Deleting contacts for good. What stays: a receipt without name or address, and fingerprints of a no."""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Case, Exists, Max, OuterRef, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce

from contacts.addresses import fingerprint, normalise
from contacts.errors import InvalidAddress, StaleConfirmation
from contacts.extension_points import Count, Text, holdings
from contacts.models import Block, ChannelStatus, Contact, EntryDetail, ErasureReceipt, Project, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.origin import Origin
from contacts.services.fingerprints import adopt_older_fingerprints, current_key
from contacts.services.ledger import moment_after, record
from contacts.services.locks import with_addresses_locked
from contacts.services.opt_outs import moment_for
from contacts.services.projection import fold_blocks
from contacts.services.set_sql import database_clock
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


class _Held(NamedTuple):
    """An address that a contact has or had, by its fingerprint."""

    contact: int
    project: int
    channel: str
    fingerprint: str


def erasure_preview(contacts: ContactQuerySet, *, requested_by_contact: bool = False) -> ErasurePreview:
    """Count exactly what ``erase`` would take from these contacts, and from who was merged into them."""
    persons = _persons(contacts.order_by().values_list("pk", flat=True))
    ids = sorted(persons)
    counted = {holding.key: holding.count(ids) for holding in holdings}
    lines = tuple(Line(holding.key, holding.label, *_total(counted[holding.key].values())) for holding in holdings)
    kept = {requested: sorted(_to_keep(ids, requested)) for requested in (False, True)}
    content = [ids, [(line.key, line.number) for line in lines], kept[False], kept[True]]
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    channels = {requested: tuple(sorted({held.channel for held in places})) for requested, places in kept.items()}
    return ErasurePreview(len(set(persons.values())), lines, channels[requested_by_contact], channels[True], digest)


def erase(
    contacts: ContactQuerySet, *, origin: Origin, requested_by_contact: bool, expected: str | None = None
) -> list[ErasureReceipt]:
    """Erase contacts and everything held of them, and return a receipt for each.

    Who was merged into one of them is erased with them, and has a receipt of their own, by which their key is found.
    When the person asked for it, or ever said no, their addresses (of today and of before) stay blocked by
    fingerprint, in the scope where the no held. ``expected`` is the digest of the preview that was confirmed: raises
    StaleConfirmation when a recount differs, and nothing is erased.
    """

    def change(locked_ids: list[int]) -> list[ErasureReceipt]:
        persons = _persons(locked_ids)
        ids = sorted(persons)
        locked = Contact.objects.filter(pk__in_set=ids).order_by("pk").select_for_update()
        rows = {contact.pk: contact for contact in locked}
        preview = erasure_preview(Contact.objects.filter(pk__in_set=ids))
        if expected is not None and preview.digest != expected:
            raise StaleConfirmation
        counted = {holding.key: holding.count(ids) for holding in holdings}
        _adopt_former_addresses(ids)
        marks = {held.fingerprint for group in _addresses(ids) for held in group}
        kept = _to_keep(ids, requested_by_contact)
        _keep_blocks(kept, origin)
        blocks_of = Counter(persons[held.contact] for held in kept)
        counts: dict[int, Counter[str]] = defaultdict(Counter)
        for key, of_each in counted.items():
            for number, count in of_each.items():
                counts[persons[number]][key] += count.number
        moment = moment_for(ids)
        receipts = ErasureReceipt.objects.bulk_create(
            ErasureReceipt(
                organization_id=rows[number].organization_id,
                project_id=rows[number].project_id,
                contact_number=number,
                key_fingerprint=fingerprint("key", rows[number].key),
                requested_by_contact=requested_by_contact,
                merged_into_number=person if person != number else None,
                counts={key: counts[number][key] for key in counted if key in counts[number]},
                blocks_kept=blocks_of[number],
                method=origin.method,
                actor_kind=origin.actor.kind,
                actor_number=origin.actor.number,
                actor_label=origin.actor.label,
                request_id=origin.request_id,
                erased_at=moment,
            )
            for number, person in sorted(persons.items())
        )
        for holding in holdings:
            holding.erase_first(ids)
        Contact.objects.filter(pk__in_set=ids)._raw_delete("default")
        for holding in holdings:
            holding.erase(ids)
        _forget_addresses({contact.organization_id for contact in rows.values()}, marks)
        transaction.on_commit(_overwrite_freed_pages, robust=True)  # the erasure is done, whatever becomes of this
        return [receipt for receipt in receipts if receipt.merged_into_number is None]

    return with_addresses_locked(contacts, Channel.values, change, former=True)


def _persons(ids: Iterable[int]) -> dict[int, int]:
    """Contacts and all who were merged into them, each with the one who they are by now."""
    ids = list(ids)
    wholes = set(Contact.objects.filter(pk__in_set=ids).values_list(Coalesce("merged_into_id", "pk"), flat=True))
    whole = Contact.objects.filter(Q(pk__in_set=sorted(wholes)) | Q(merged_into_id__in_set=sorted(wholes)))
    return {number: person or number for number, person in whole.values_list("pk", "merged_into_id")}


def _total(counts: Iterable[Count]) -> tuple[int, datetime | None]:
    counts = list(counts)
    return sum(count.number for count in counts), min((c.since for c in counts if c.since), default=None)


def _to_keep(ids: list[int], requested: bool) -> dict[_Held, int]:
    """The addresses that must stay blocked, with the weight of the no behind each.

    A no on the switch (or one that another app keeps) speaks of every address that the person had, an
    opt-out of those on its channel. An address of before that somebody else in the project has now is theirs.
    Merged contacts are one person.
    """
    person = _persons(ids)
    everywhere = dict.fromkeys(ids, int(Weight.REPORTED)) if requested else {}
    for holding in holdings:
        for number, weight in holding.said_no(ids).items():
            everywhere[person[number]] = max(weight, everywhere.get(person[number], 0))
    opt_outs = StatusHistory.objects.filter(
        contact_id__in_set=ids, aspect=Aspect.OPT_OUT, says=Says.NO, weight__gte=Weight.REPORTED
    ).not_voided()
    rows = opt_outs.order_by().values("contact_id", "channel").annotate(heaviest=Max("weight"))
    on_channel: dict[tuple[int, str], int] = {}
    for row in rows:
        place = (person[row["contact_id"]], row["channel"])
        on_channel[place] = max(row["heaviest"], on_channel.get(place, 0))
    kept = {}
    for held in _still_theirs(ids):
        whose = person[held.contact]
        weight = max(everywhere.get(whose, 0), on_channel.get((whose, held.channel), 0))
        if weight:
            kept[held] = int(weight)
    return kept


def _still_theirs(ids: list[int]) -> list[_Held]:
    """The addresses that contacts have, and those that they had and nobody else in their project has now."""
    current, former = _addresses(ids)
    others = ChannelStatus.objects.filter(fingerprint__in={held.fingerprint for held in former}).exclude(
        contact_id__in_set=ids
    )
    taken = set(others.values_list("project_id", "fingerprint"))
    return sorted(current | {held for held in former if (held.project, held.fingerprint) not in taken})


def _addresses(ids: list[int]) -> tuple[set[_Held], set[_Held]]:
    """Every address that contacts have, and every other that they ever had, by its fingerprint of today."""
    rows = ChannelStatus.objects.filter(contact_id__in_set=ids).with_address()
    current = {_Held(*row) for row in rows.values_list("contact_id", "project_id", "channel", "fingerprint")}
    put = StatusHistory.objects.filter(contact_id__in_set=ids, aspect=Aspect.ADDRESS).exclude(to_value="")
    ever = {
        _Held(contact, project, channel, _fingerprint_today(channel, text, mark))
        for contact, project, channel, text, mark in put.values_list(
            "contact_id", "project_id", "channel", "to_value", "address_fingerprint"
        )
    }
    return current, ever - current


def _adopt_former_addresses(ids: list[int]) -> None:
    """Blocks on addresses that were put under an older key come under today's, while the address is known."""
    put = StatusHistory.objects.filter(contact_id__in_set=ids, aspect=Aspect.ADDRESS).exclude(to_value="")
    older = put.exclude(address_fingerprint__startswith=f"{current_key()}:")
    for channel, text in older.values_list("channel", "to_value").distinct():
        with suppress(InvalidAddress):
            adopt_older_fingerprints(normalise(channel, text))


def _fingerprint_today(channel: str, text: str, made: str) -> str:
    """Of an address in the history, whose fingerprint may be that of an older key."""
    if made.partition(":")[0] == current_key():
        return made
    try:
        return normalise(channel, text).fingerprint
    except InvalidAddress:
        return made


def _keep_blocks(kept: dict[_Held, int], origin: Origin) -> None:
    """Write the noes that outlive the contacts, one for each address and project, without naming anybody."""
    weights: dict[tuple[int, str, str], int] = {}
    for held, weight in kept.items():
        place = (held.project, held.channel, held.fingerprint)
        weights[place] = max(weight, weights.get(place, 0))
    organizations = dict(
        Project.objects.filter(pk__in={place[0] for place in weights}).values_list("pk", "organization")
    )
    Block.objects.bulk_create(
        [
            Block(
                organization_id=organizations[project], project_id=project, channel=channel, fingerprint=mark,
                kind=BlockKind.OPT_OUT, cause=Cause.OPT_OUT, created_at=database_clock(),
            )
            for project, channel, mark in weights
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    blocks = Block.objects.filter(
        kind=BlockKind.OPT_OUT, cause=Cause.OPT_OUT, fingerprint__in={place[2] for place in weights}
    )
    by_weight: dict[int, list[int]] = defaultdict(list)
    for block in blocks:
        found = weights.get((block.project_id or 0, block.channel, block.fingerprint))
        if found:
            by_weight[found].append(block.pk)
    for weight, numbers in by_weight.items():
        moment = moment_after(blocks=numbers)
        record(
            Block.objects.filter(pk__in_set=numbers),
            aspect=Aspect.OPT_OUT,
            says=Says.NO,
            origin=origin.saying(reason=Reason.ERASURE, note="", evidence={}, requested_on=None),
            moment=moment,
            weight=weight,
            from_value=Case(When(is_on=True, then=Value(SHUT[Aspect.OPT_OUT])), default=Value(OPEN[Aspect.OPT_OUT])),
            to_value=SHUT[Aspect.OPT_OUT],
        )
        fold_blocks(numbers, moment)


def _forget_addresses(organizations: set[int], marks: set[str]) -> None:
    """Blocks keep the fingerprint alone once nobody in the organization has the address any more."""
    held = ChannelStatus.objects.filter(fingerprint=OuterRef("fingerprint"), organization=OuterRef("organization_id"))
    blocks: QuerySet[Block] = Block.objects.filter(~Exists(held), organization__in=organizations, fingerprint__in=marks)
    EntryDetail.objects.filter(entry__block__in=blocks)._raw_delete("default")
    blocks.update(address=None)


def _overwrite_freed_pages() -> None:
    """SQLite overwrites what it deletes (secure_delete); its write-ahead log is emptied here."""
    if connection.vendor == "sqlite" and not connection.in_atomic_block:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
