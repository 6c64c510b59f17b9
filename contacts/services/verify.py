"""Does the register's state follow from its history? Every projected row is compared with a replay.

Differences name ids and columns, never a name or an address. Memory stays flat: rows are read in batches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from contacts import triggers
from contacts.addresses import fingerprints
from contacts.extension_points import checks
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    EntryDetail,
    ErasureReceipt,
    RelationalRow,
    StatusHistory,
)
from contacts.services.ledger import detail_text, digest_of
from contacts.services.replay import (
    ReplayedBlock,
    ReplayedChannel,
    ReplayedContact,
    replay_blocks,
    replay_contacts,
)
from contacts.vocabulary import BlockKind, Says

BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the history does not say, or says otherwise: which row, which column, and what."""

    subject: str
    number: int | str
    column: str
    words: str

    def __str__(self) -> str:
        column = f" {self.column}" if self.column else ""
        return f"{self.subject} {self.number}{column}: {self.words}"


def differences() -> Iterator[Difference]:
    """Every difference between the state and the history. Nothing means that the register is sound."""
    for name in triggers.missing():
        yield Difference("trigger", name, "", "is missing, so the history can be changed")
    yield from in_batches(Block, _blocks)
    yield from in_batches(Contact, _contacts)
    yield from in_batches(EntryDetail, _details, key="entry_id")
    yield from _strays()
    for item in checks:
        yield from item.differences()


def in_batches(
    model: type[Model], check: Callable[[list[int]], list[Difference]], *, key: str = "pk"
) -> Iterator[Difference]:
    """What ``check`` finds of a model's rows, read in batches of ids."""
    rows: QuerySet[Any] = model._default_manager.order_by(key)
    last = 0
    while ids := list(rows.filter(**{f"{key}__gt": last}).values_list(key, flat=True)[:BATCH]):
        found = check(ids)
        if found:  # somebody may have written between two reads: what is still so is a difference
            again = set(check(ids))
            yield from (difference for difference in found if difference in again)
        last = ids[-1]


def _blocks(ids: list[int]) -> list[Difference]:
    found = []
    replayed = replay_blocks(ids)
    for number, is_on, last in Block.objects.filter(pk__in_set=ids).values_list("pk", "is_on", "last_entry_at"):
        block = replayed.get(number, ReplayedBlock())
        if is_on != block.is_on:
            found.append(_state("block", number, "is_on", is_on, block.is_on))
        if _is_older(last, block.newest_at):
            found.append(_late("block", number))
    return found


def _contacts(ids: list[int]) -> list[Difference]:
    replayed = replay_contacts(ids)
    channels: dict[int, list[ChannelStatus]] = defaultdict(list)
    for row in ChannelStatus.objects.filter(contact_id__in_set=ids):
        channels[row.contact_id].append(row)
    lying = _blocks_lying([row.fingerprint for rows in channels.values() for row in rows if row.fingerprint])
    found: list[Difference] = []
    columns = (
        "pk", "project_id", "organization_id", "key", "is_active", "last_entry_at", "merged_into_id", "merged_at"
    )  # fmt: skip
    for contact in Contact.objects.filter(pk__in_set=ids).order_by("pk").only(*columns[1:]):
        says = replayed.get(contact.pk, ReplayedContact())
        found += _contact(contact, says)
        if says.merged_into:
            found += [
                Difference("contact", contact.pk, row.channel, "is there, and the contact was merged into another one")
                for row in channels[contact.pk]
            ]
            found += _not_carried_over(says)
            continue
        missing = {channel for channel, state in says.channels.items() if state.address or state.own_opt_out}
        for row in channels[contact.pk]:
            missing.discard(row.channel)
            found += _channel(contact, row, says, lying.get(row.fingerprint, []))
        found += [
            Difference("contact", contact.pk, channel, "has no row, and the history gives it one")
            for channel in sorted(missing)
        ]
    return found


def _contact(contact: Contact, says: ReplayedContact) -> list[Difference]:
    found = []
    if not says.entries:
        found.append(Difference("contact", contact.pk, "", "has no entry in the history"))
    if contact.is_active != says.is_active:
        found.append(_state("contact", contact.pk, "is_active", contact.is_active, says.is_active))
    if (contact.merged_into_id, contact.merged_at) != (says.merged_into, says.merged_at):
        found.append(Difference("contact", contact.pk, "merged_into", "is not the one that the history gives"))
    if says.key is not None and contact.key != says.key:
        found.append(Difference("contact", contact.pk, "key", "is not the one that the history gives"))
    if _is_older(contact.last_entry_at, says.newest_at):
        found.append(_late("contact", contact.pk))
    return found


def _not_carried_over(says: ReplayedContact) -> list[Difference]:
    """The noes of a merged contact that nobody repeats, though they stand."""
    roots = {root for _number, root in says.standing}
    repeated: dict[int | None, int] = {}
    for root, number in StatusHistory.objects.filter(repeats__in=roots).values_list("repeats", "pk"):
        repeated[root] = max(number, repeated.get(root, 0))
    return [
        Difference("entry", number, "", "stands, and is not carried over to whom the contact was merged into")
        for number, root in says.standing
        if repeated.get(root, 0) <= number
    ]


def _channel(
    contact: Contact, row: ChannelStatus, says: ReplayedContact, lying: list[tuple[Block, ReplayedBlock]]
) -> list[Difference]:
    on_channel = says.channels.get(row.channel, ReplayedChannel())
    here = [
        (block, state)
        for block, state in lying
        if block.organization_id == contact.organization_id
        and block.channel == row.channel
        and block.project_id in (None, contact.project_id)
    ]
    kinds = {block.kind for block, state in here if state.is_on}
    wanted = {
        "is_valid": on_channel.is_valid,
        "contact_active": says.is_active,
        "own_opt_out": on_channel.own_opt_out,
        "opted_out": on_channel.own_opt_out or BlockKind.OPT_OUT in kinds,
        "quarantined": BlockKind.QUARANTINE in kinds,
        "suppressed": BlockKind.SUPPRESSION in kinds,
    }

    def name(column: str) -> str:
        return f"{row.channel} {column}"

    found = [
        _state("contact", contact.pk, name(column), getattr(row, column), value)
        for column, value in wanted.items()
        if getattr(row, column) != value
    ]
    if row.address != (on_channel.address or ""):
        found.append(Difference("contact", contact.pk, name("address"), "is not the one that the history gives"))
    if not _fingerprint_holds(row, on_channel):
        found.append(Difference("contact", contact.pk, name("fingerprint"), "is not that of the address"))
    if (row.project_id, row.organization_id) != (contact.project_id, contact.organization_id):
        found.append(Difference("contact", contact.pk, name("project"), "is not the contact's"))
    if _is_older(row.address_at, on_channel.address_at):
        found.append(_late("contact", contact.pk, name("address_at")))
    newest = [moment for moment in (on_channel.newest_at, *(state.newest_at for _block, state in here)) if moment]
    if newest and _is_older(row.last_entry_at, max(newest)):
        found.append(_late("contact", contact.pk, name("last_entry_at")))
    return found


def _fingerprint_holds(row: ChannelStatus, says: ReplayedChannel) -> bool:
    """The row's fingerprint is made of its address, and is that of the entry (unless the key was changed)."""
    if not row.address:
        return not row.fingerprint and not row.address_key
    if row.fingerprint not in fingerprints(row.channel, row.address_key):
        return False
    made = says.fingerprint
    return not made or made.partition(":")[0] != row.fingerprint.partition(":")[0] or made == row.fingerprint


def _blocks_lying(marks: list[str]) -> dict[str, list[tuple[Block, ReplayedBlock]]]:
    """The blocks on these addresses, as a replay of their own entries has them."""
    blocks = list(Block.objects.filter(fingerprint__in=set(marks)))
    replayed = replay_blocks([block.pk for block in blocks])
    found: dict[str, list[tuple[Block, ReplayedBlock]]] = defaultdict(list)
    for block in blocks:
        found[block.fingerprint].append((block, replayed.get(block.pk, ReplayedBlock())))
    return found


def _details(ids: list[int]) -> list[Difference]:
    """Notes and evidence are what they were when the entry was written."""
    found = []
    rows = EntryDetail.objects.filter(entry_id__in_set=ids).values_list(
        "entry_id", "note", "authorization_reference", "evidence", "salt", "entry__detail_digest"
    )
    for number, note, reference, evidence, salt, digest in rows:
        text = detail_text(note=note, authorization_reference=reference, evidence=evidence)
        if digest_of(salt, text) != digest:
            found.append(Difference("entry", number, "detail", "is not what was written"))
    return found


def _strays() -> Iterator[Difference]:
    """Rows that belong nowhere, or to two projects at once."""
    entries = StatusHistory.objects.order_by("pk")
    contact = Contact.objects.filter(pk=OuterRef("contact_id"))
    erased = ErasureReceipt.objects.filter(contact_number=OuterRef("contact_id"))
    named = entries.filter(contact_id__isnull=False)
    voided = StatusHistory.objects.filter(pk=OuterRef("voids"))
    checks: list[tuple[QuerySet[Any], str, str, str]] = [
        (named.filter(~Exists(contact), ~Exists(erased)), "entry", "contact", "is gone without a receipt"),
        (
            named.filter(Exists(contact.exclude(project=OuterRef("project_id")))),
            "entry", "project", "is not the contact's",
        ),
        (
            entries.filter(project__isnull=False).exclude(organization=F("project__organization")),
            "entry", "organization", "is not the project's",
        ),
        (
            entries.filter(block__isnull=False).filter(
                ~Q(organization=F("block__organization"))
                | Q(block__project__isnull=False) & ~Q(project=F("block__project"))
                | ~Q(channel=F("block__channel"))
            ),
            "entry", "block", "lies in another project or on another channel",
        ),
        (entries.filter(contact_id__isnull=True, block__isnull=True), "entry", "", "is about nobody and nothing"),
        (
            entries.filter(says=Says.VOID).filter(
                ~Exists(
                    voided.exclude(says__in=[Says.VOID, Says.VALUE]).filter(
                        Q(contact_id=OuterRef("contact_id")) | Q(contact_id__isnull=True),
                        Q(block_id=OuterRef("block_id")) | Q(block_id__isnull=True),
                        aspect=OuterRef("aspect"),
                        channel=OuterRef("channel"),
                    )
                )
            ),
            "entry", "voids", "names an entry about something else",
        ),
        (
            entries.exclude(detail_digest="").filter(
                Q(contact_id__isnull=True) | Exists(contact),
                Q(block__isnull=True) | Q(block__address__isnull=False),
                detail__isnull=True,
            ),
            "entry", "detail", "is missing",
        ),
        (
            Contact.objects.exclude(organization=F("project__organization")).order_by("pk"),
            "contact", "organization", "is not the project's",
        ),
        (
            Contact.objects.filter(merged_into__isnull=False).filter(
                Q(merged_into__merged_into__isnull=False) | ~Q(merged_into__project=F("project"))
            ).order_by("pk"),
            "contact", "merged_into", "is merged themselves, or of another project",
        ),
        (
            RelationalRow.objects.filter(contact__merged_into__isnull=False).order_by("pk"),
            "relational row", "contact", "was merged into another one",
        ),
        (
            entries.filter(repeats__isnull=False).filter(
                ~Exists(
                    StatusHistory.objects.filter(
                        pk=OuterRef("repeats"), contact__merged_into__isnull=False, aspect=OuterRef("aspect"),
                        channel=OuterRef("channel"), weight=OuterRef("weight"), says=Says.NO,
                    )
                )
            ),
            "entry", "repeats", "names an entry about something else",
        ),
        (
            RelationalRow.objects.exclude(table__project=F("contact__project")).order_by("pk"),
            "relational row", "table", "belongs to another project than the contact",
        ),
        (
            Block.objects.filter(project__isnull=False).exclude(organization=F("project__organization")).order_by("pk"),
            "block", "organization", "is not the project's",
        ),
    ]  # fmt: skip
    for rows, subject, column, words in checks:
        for number in rows.values_list("pk", flat=True).iterator(chunk_size=BATCH):
            yield Difference(subject, number, column, words)
    for name in _unknown_keys():
        yield Difference("fingerprint key", name, "", "is in use and not in the settings")


def _unknown_keys() -> list[str]:
    from contacts.models import FingerprintKey

    used = FingerprintKey.objects.values_list("name", flat=True)
    return sorted(name for name in used if name not in settings.FINGERPRINT_KEYS)


def _state(subject: str, number: int, column: str, held: bool, replayed: bool) -> Difference:
    return Difference(subject, number, column, f"is {held}, and the history says {replayed}")


def _late(subject: str, number: int, column: str = "last_entry_at") -> Difference:
    return Difference(subject, number, column, "is older than the newest entry")


def _is_older(held: datetime | None, newest: datetime | None) -> bool:
    return newest is not None and (held is None or held < newest)
