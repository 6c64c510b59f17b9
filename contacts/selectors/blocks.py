"""Blocks as a project's pages and those of its organization show them.

A project sees its own blocks. Of those that hold in the whole organization it sees only the ones on addresses
that its own contacts have, with date, kind and cause, and never the entry.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, Min, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.access import Access
from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.models import Block, ChannelStatus, Contact, Organization, Project, StatusHistory
from contacts.models.block import BlockQuerySet
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.selectors.entries import EntryInWords, entries_by_id, words_of_organization
from contacts.selectors.who_may import ask_an_admin, ask_an_organization_admin
from contacts.services.authority import needs_more, with_last_words
from contacts.services.projection import block_words
from contacts.vocabulary import BlockKind, Cause, Channel, Says, Weight

KIND_WORDS = {
    BlockKind.SUPPRESSION: gettext_lazy("Suppressed"),
    BlockKind.QUARANTINE: gettext_lazy("Quarantined"),
    BlockKind.OPT_OUT: gettext_lazy("Opted out"),
}
SHORT = 8
MOST_STAYING = 100
_TELEPHONE = re.compile(r"\+?[\d\s().\-/]+")


@dataclass(frozen=True, slots=True)
class Holders:
    """Contacts of one project who have a blocked address: their name or number, and where they are found.
    The project is named where it is not that of the page."""

    label: str
    url: str
    project_name: str


@dataclass(frozen=True, slots=True)
class BlockInWords:
    """One block as pages show it.

    ``weight`` is whose word the heaviest no on it is (None once it is lifted), ``since`` when that was said or
    when the block was lifted. ``entry`` is None where the reader may not see it. ``may_lift`` says whether the
    reader can lift it, given an authorization where it needs one.
    """

    id: int
    address: str
    short_fingerprint: str
    channel_label: str
    kind: str
    kind_label: str
    cause_label: str
    is_on: bool
    is_organization_wide: bool
    weight: int | None
    since: datetime | None
    entry: EntryInWords | None
    holders: tuple[Holders, ...]
    may_lift: bool

    @property
    def name(self) -> str:
        """The address, or what is left to call an erased one by."""
        return self.address or _("erased address %(fingerprint)s") % {"fingerprint": self.short_fingerprint}

    @property
    def glyph(self) -> str:
        return "no" if self.is_on else "ok"

    @property
    def word(self) -> str:
        return str(KIND_WORDS[BlockKind(self.kind)]) if self.is_on else _("Lifted")


def blocks_in_project(project: Project) -> BlockQuerySet:
    """The blocks that a project sees."""
    held = ChannelStatus.objects.filter(
        project=project, channel=OuterRef("channel"), fingerprint=OuterRef("fingerprint")
    )
    return Block.objects.reaching(project).filter(Q(project=project) | Q(Exists(held)))


def blocks_of_organization(organization: Organization) -> BlockQuerySet:
    """The blocks that hold in all projects of an organization."""
    return Block.objects.filter(organization=organization, project__isnull=True)


def readings(text: str, channels: Iterable[str], country: str) -> list[Address]:
    """The addresses that a text means, one for each of these channels where it means any.

    Raises InvalidAddress where it means none, or is a slip of an email address or telephone number.
    """
    found, refused = [], {}
    for channel in channels:
        try:
            found.append(normalise(channel, text, country=country))
        except InvalidAddress as error:
            refused[channel] = error
    meant = Channel.EMAIL if "@" in text else Channel.SMS if _TELEPHONE.fullmatch(text) else Channel.PUSH
    if not found or (meant in refused and len(found) == 1):
        raise refused.get(meant) or next(iter(refused.values()))
    return found


def on_addresses(blocks: BlockQuerySet, addresses: Iterable[Address]) -> BlockQuerySet:
    """Those of the blocks that lie on one of the addresses, erased ones included: the fingerprint says it."""
    prints = [text for address in addresses for text in address.fingerprints]
    return blocks.filter(fingerprint__in=prints)


def in_words(
    blocks: Sequence[Block], *, organization: Organization, access: Access | None = None
) -> list[BlockInWords]:
    """Describe a page of blocks in a fixed number of queries: as a project's page shows them to who has this
    access, or, without, as their organization's page shows them to its admins."""
    project = access.project if access else None
    authority = access.authority if access else Weight.COMPLAINT
    since = last_words([block for block in blocks if block.is_on], [block for block in blocks if not block.is_on])
    entries = _entries([word.entry for word in since.values()], access)
    held = held_here([block.fingerprint for block in blocks], organization, project)
    holders = _holders(held, with_project=project is None)
    addresses = {row["fingerprint"]: row["address"] for row in held}
    described = []
    for block in blocks:
        word = since.get(block.pk)
        is_foreign = project is not None and block.project_id is None
        described.append(
            BlockInWords(
                id=block.pk,
                address=(addresses.get(block.fingerprint) if is_foreign else block.address) or "",
                short_fingerprint=block.fingerprint.partition(":")[2][:SHORT],
                channel_label=str(Channel(block.channel).label),
                kind=block.kind,
                kind_label=str(BlockKind(block.kind).label),
                cause_label=str(Cause(block.cause).label),
                is_on=block.is_on,
                is_organization_wide=block.project_id is None,
                weight=word.weight if word and block.is_on else None,
                since=word.at if word else None,
                entry=entries.get(word.entry) if word and not is_foreign else None,
                holders=tuple(holders[block.fingerprint]),
                may_lift=block.is_on and not is_foreign and word is not None and (word.weight or 0) <= authority,
            )
        )
    return described


@dataclass(frozen=True, slots=True)
class BlockInFacts:
    """One block as a project may know it. ``entry`` is None of what holds in the whole organization; ``address`` is
    empty once it was erased, ``contacts`` how many of the project have it."""

    block: Block
    address: str
    weight: int | None
    since: datetime | None
    entry: int | None
    contacts: int


def in_facts(blocks: Sequence[Block], project: Project) -> list[BlockInFacts]:
    """Describe a page of blocks of ``blocks_in_project`` in a fixed number of queries."""
    since = last_words([block for block in blocks if block.is_on], [block for block in blocks if not block.is_on])
    held = held_here([block.fingerprint for block in blocks], project.organization, project)
    here = {row["fingerprint"]: row for row in held}
    described = []
    for block in blocks:
        word, holders = since.get(block.pk), here.get(block.fingerprint)
        is_foreign = block.project_id is None
        address = (holders["address"] if holders else "") if is_foreign else block.address
        described.append(
            BlockInFacts(
                block=block,
                address=address or "",
                weight=word.weight if word and block.is_on else None,
                since=word.at if word else None,
                entry=word.entry if word and not is_foreign else None,
                contacts=holders["number"] if holders else 0,
            )
        )
    return described


@dataclass(frozen=True, slots=True)
class LastWord:
    """The number of an entry, when it happened, and its weight where it is a no that stands."""

    entry: int
    at: datetime
    weight: int | None


def last_words(shut: Sequence[Block], opened: Sequence[Block]) -> dict[int, LastWord]:
    """Of each block the newest of the heaviest noes that stand, or the word that opened it."""
    heaviest = (
        StatusHistory.objects.filter(block=OuterRef("pk"), says=Says.NO, weight=OuterRef("strongest"))
        .not_voided()
        .order_by("-occurred_at", "-pk")
    )
    standing = with_last_words(Block.objects.filter(pk__in=[block.pk for block in shut]), (block_words, "block"))
    rows = list(standing.annotate(entry=_first(heaviest)).values_list("pk", "entry", "strongest"))
    opening = StatusHistory.objects.filter(block=OuterRef("pk"), says__in=[Says.YES, Says.VOID])
    lifted = Block.objects.filter(pk__in=[block.pk for block in opened])
    last = lifted.annotate(entry=_first(opening.order_by("-recorded_at", "-pk"))).values_list("pk", "entry")
    rows += [(number, entry, None) for number, entry in last]
    entries = StatusHistory.objects.in_bulk([entry for _number, entry, _weight in rows if entry])
    return {number: LastWord(entry, entries[entry].occurred_at, weight) for number, entry, weight in rows if entry}


def _first(entries: StatusHistoryQuerySet) -> Subquery:
    return Subquery(entries.values("pk")[:1])


def _entries(ids: list[int], access: Access | None) -> dict[int, EntryInWords]:
    if access is not None:
        return entries_by_id(ids, access)
    return {entry.id: entry for entry in words_of_organization(StatusHistory.objects.filter(pk__in=ids))}


def held_here(fingerprints: list[str], organization: Organization, project: Project | None) -> list[dict[str, Any]]:
    """By address and project: how many contacts have it, one of them, and the address as they have it."""
    projects = [project] if project is not None else Project.objects.filter(organization=organization)
    named = {found.pk: {"project__slug": found.slug, "project__name": found.name} for found in projects}
    # Without a join, which leads SQLite to read all the project has.
    rows = ChannelStatus.objects.filter(fingerprint__in=fingerprints, project__in=list(named)).order_by()
    counted = rows.values("fingerprint", "project").annotate(
        number=Count("pk"), contact=Min("contact_id"), address=Min("address")
    )
    found = [{**row, **named[row["project"]]} for row in counted]
    return sorted(found, key=lambda row: (row["fingerprint"], row["project__name"], row["project"]))


def _holders(held: list[dict[str, Any]], *, with_project: bool) -> dict[str, list[Holders]]:
    alone = Contact.objects.in_bulk([row["contact"] for row in held if row["number"] == 1])
    found: dict[str, list[Holders]] = defaultdict(list)
    for row in held:
        slug, contact = row["project__slug"], alone.get(row["contact"])
        if contact is not None:
            label, url = contact.name, reverse("contacts:contact", args=[slug, contact.pk])
        else:
            label = ngettext("%(number)d contact", "%(number)d contacts", row["number"]) % {"number": row["number"]}
            url = f"{reverse('contacts:contact_list', args=[slug])}?{urlencode({'q': row['address']})}"
        found[row["fingerprint"]].append(Holders(label, url, row["project__name"] if with_project else ""))
    return found


def cause_choices(kind: str) -> list[tuple[str, str]]:
    """The causes that a kind of block can have, with labels that begin a line."""
    causes = {
        BlockKind.SUPPRESSION: [Cause.COMPLAINT, Cause.STOP, Cause.REQUEST, Cause.LISTED],
        BlockKind.QUARANTINE: [Cause.NO_SUCH_ADDRESS, Cause.DELIVERY_ERRORS],
        BlockKind.OPT_OUT: [Cause.OPT_OUT],
    }
    return [(str(cause), capfirst(str(cause.label))) for cause in causes[BlockKind(kind)]]


def who_may_lift(blocks: Iterable[BlockInWords], access: Access | None) -> list[str]:
    """What of some blocks the reader may not lift, and who can: a sentence for each such case."""
    if access is None:
        return []
    blocks = [block for block in blocks if block.is_on]
    words = []
    if any(block.is_organization_wide for block in blocks):
        words.append(
            _("What holds in the whole organization only one of its admins may lift. %(ask)s")
            % {"ask": "" if access.is_organization_admin else ask_an_organization_admin(access.project)}
        )
    heavy = {
        block.weight for block in blocks if not block.is_organization_wide and (block.weight or 0) > access.authority
    }
    for weight in sorted(weight for weight in heavy if weight is not None):
        ask = ask_an_organization_admin if weight == Weight.COMPLAINT else ask_an_admin
        words.append(f"{needs_more(weight).message} {ask(access.project)}")
    return [sentence.strip() for sentence in words]


def staying_on(seen: BlockQuerySet, blocks: Iterable[Block]) -> list[Block]:
    """The other standing blocks, among those that a page sees, on the addresses of these."""
    blocks = list(blocks)
    prints = [block.fingerprint for block in blocks]
    found = seen.on().filter(fingerprint__in=prints).exclude(pk__in=[block.pk for block in blocks])
    return list(found.order_by("-pk")[:MOST_STAYING])
