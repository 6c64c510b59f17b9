"""Which noes stand, by the law of gates: why a contact is inactive, why a channel is shut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from contacts.access import Access
from contacts.conditions import counted as counted_then
from contacts.eligibility import Question
from contacts.gates import last_heavy_yeses, last_yes, not_lifted_by
from contacts.models import Block, ChannelStatus, Contact, StatusHistory
from contacts.selectors.entries import EntryInWords, entries_by_id
from contacts.vocabulary import Aspect, BlockKind, Cause

LIMIT = 20

Gate = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class No:
    """A no that stands: its entry, the gate that it shuts, whose word it is, when it was said."""

    entry: int
    gate: Gate
    weight: int
    occurred_at: datetime
    project: int | None


@dataclass(frozen=True, slots=True)
class NoOnChannel:
    """Why a channel of a contact is shut: kind and cause, since when, and the entry where it may be seen.

    ``is_organization_wide`` is true of a block that holds in every project of the organization. ``entry`` is
    None where the entry stands in another project's history, or in none.
    """

    kind: str
    cause: str
    weight: int
    since: datetime
    is_organization_wide: bool
    entry: EntryInWords | None


def standing_noes(contact: Contact, access: Access) -> list[EntryInWords]:
    """Why the contact is inactive: the standing noes of the switch, strongest first, the newest of each weight
    first, at most LIMIT; empty for an active contact."""
    return words_of(noes_of_contact(contact, [(Aspect.ACTIVE, "")]), access)


def standing_on(contact: Contact, channel: str, access: Access) -> list[NoOnChannel]:
    """Why the contact's channel is shut, apart from the switch: their own opt-out, and the blocks on the
    address they have, strongest first."""
    row = ChannelStatus.objects.filter(contact=contact, channel=channel).first()
    own = noes_of_contact(contact, [(Aspect.OPT_OUT, channel)]) if row and row.own_opt_out else []
    blocks = list(blocks_on(access, [row]).on()) if row else []
    laid = noes_of_blocks(block.pk for block in blocks)
    words = {entry.id: entry for entry in words_of([*own, *laid], access)}
    return on_channel(own, laid, blocks, words)


def noes_of_contact(contact: Contact, gates: Sequence[Gate], question: Question | None = None) -> list[No]:
    """The standing noes of a contact's own gates: pairs of aspect and channel (none for the switch); those that stood
    at the moments of a question about the past."""
    entries = StatusHistory.objects.filter(contact=contact)
    return _standing(_counted(entries, question), ("aspect", "channel"), gates)


def noes_of_blocks(blocks: Iterable[int], question: Question | None = None) -> list[No]:
    """The standing noes of blocks, whoever's history they are in; or those that stood then."""
    entries = _counted(StatusHistory.objects.all(), question)
    return _standing(entries, ("block_id",), [(number,) for number in blocks])


def _counted(entries: QuerySet[StatusHistory], question: Question | None) -> QuerySet[StatusHistory]:
    return counted_then(entries, question) if question else entries.not_voided()  # type: ignore[attr-defined]


def blocks_on(access: Access, rows: Iterable[ChannelStatus]) -> Any:
    """The blocks, standing or lifted, of the project and its organization on the addresses of channels."""
    places = Q(pk__in=[])
    for row in rows:
        if row.fingerprint:
            places |= Q(channel=row.channel, fingerprint=row.fingerprint)
    return Block.objects.reaching(access.project).filter(places)


def on_channel(
    own: Iterable[No], laid: Iterable[No], blocks: Iterable[Block], words: dict[int, EntryInWords]
) -> list[NoOnChannel]:
    """The noes of one channel as its page tells them. A no that shuts contact and address is told once."""
    by_block = {block.pk: block for block in blocks}
    told = {}
    for no in own:
        told[no.entry] = NoOnChannel(
            BlockKind.OPT_OUT, str(Cause.OPT_OUT.label), no.weight, no.occurred_at, False, words.get(no.entry)
        )
    for no in laid:
        block = by_block[no.gate[0]]
        told.setdefault(
            no.entry,
            NoOnChannel(
                block.kind, str(Cause(block.cause).label), no.weight, no.occurred_at, block.project_id is None,
                words.get(no.entry),
            ),
        )  # fmt: skip
    return sorted(told.values(), key=lambda no: (-no.weight, -no.since.timestamp()))


def words_of(noes: Iterable[No], access: Access) -> list[EntryInWords]:
    """The entries of noes in words, in their order; those of other projects are left out."""
    ids = [no.entry for no in noes if no.project == access.project.pk]
    found = entries_by_id(ids, access) if ids else {}
    return [found[number] for number in ids if number in found]


def _standing(counted: QuerySet[StatusHistory], columns: tuple[str, ...], gates: Sequence[Gate]) -> list[No]:
    """At most LIMIT noes a gate. A long history of our own decisions is not read: the last yes ends it."""
    places = [(gate, Q(**dict(zip(columns, gate, strict=True)))) for gate in gates]
    if not places:
        return []
    anywhere = Q()
    for _gate, place in places:
        anywhere |= place
    heavy = {tuple(row[name] for name in columns): row for row in last_heavy_yeses(counted.filter(anywhere), *columns)}
    stands = Q()
    for gate, place in places:
        last = {"yes_0": last_yes(counted.filter(place)).first(), **heavy.get(gate, {})}
        stands |= place & not_lifted_by(last)
    newest = [F("weight").desc(), F("occurred_at").desc(), F("pk").desc()]
    rows = (
        counted.filter(stands)
        .annotate(place=Window(RowNumber(), partition_by=[F(name) for name in columns], order_by=newest))
        .filter(place__lte=LIMIT)
        .order_by("-weight", "-occurred_at", "-pk")
        .values("pk", "weight", "occurred_at", "project_id", *columns)
    )
    return [
        No(
            row["pk"], tuple(row[name] for name in columns), row["weight"], row["occurred_at"], row["project_id"]
        )
        for row in rows
    ]  # fmt: skip
