"""A contact's channels as the profile shows them: the verdict, and each condition with the entry that caused it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.dates import clock, short_day
from contacts.eligibility import Outcome, Question, Verdict, verdicts
from contacts.models import Block, ChannelStatus, Contact, StatusHistory
from contacts.selectors.entries import EntryInWords, in_sentence
from contacts.selectors.lifting import is_liftable, who_may_lift
from contacts.selectors.standing import (
    No,
    NoOnChannel,
    blocks_on,
    noes_of_blocks,
    noes_of_contact,
    on_channel,
)
from contacts.vocabulary import Aspect, BlockKind, Channel, Says

SWITCH = (Aspect.ACTIVE, "")
NEEDS_ADDRESS = "has_address"


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """A condition as met or failing, its cause in words, and the number of the entry that may be seen."""

    key: str
    met: bool
    label: str
    cause: str
    entry: int | None


@dataclass(frozen=True, slots=True)
class Action:
    """A page that changes something: what its link says."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """One channel. ``glyph`` is ok, grey (the contact can, this user may not), no, or na (nothing to write to).

    ``stops`` are the noes that shut it, apart from the switch; ``hint`` says who may lift what this user may not.
    """

    channel: str
    channel_label: str
    address: str
    glyph: str
    word: str
    open: bool
    conditions: list[ConditionRow]
    stops: list[NoOnChannel]
    actions: list[Action]
    hint: str = ""

    @property
    def fails(self) -> set[str]:
        return {condition.key for condition in self.conditions if not condition.met}


@dataclass(slots=True)
class ChannelFacts:
    """What the database says about a contact's channels, read in a fixed number of queries.

    ``entries`` are the numbers of all entries that are mentioned; their words come later, with the page's others.
    """

    contact: Contact
    statuses: dict[str, Any]
    verdicts: dict[str, Verdict]
    blocks: list[Any]
    own: list[No]
    laid: list[No]
    active_since: int | None
    entries: set[int] = field(default_factory=set)

    def blocks_of(self, status: Any) -> list[Any]:
        return [
            block
            for block in self.blocks
            if status and (block.channel, block.fingerprint) == (status.channel, status.fingerprint)
        ]


def facts_of(contact: Contact, access: Access) -> ChannelFacts:
    """Read the channels of a contact, the blocks on their addresses, and the noes that stand."""
    statuses = {row.channel: row for row in _with_causes(ChannelStatus.objects.filter(contact=contact))}
    blocks = list(blocks_on(access, statuses.values()).annotate(lifted_by=_last(_words_of_block(), Says.YES)))
    gates = [] if contact.is_active else [SWITCH]
    gates += [(Aspect.OPT_OUT, row.channel) for row in statuses.values() if row.own_opt_out]
    facts = ChannelFacts(
        contact=contact,
        statuses=statuses,
        verdicts={
            channel: verdict
            for channel in Channel.values
            if (verdict := verdicts([contact.pk], Question(channel)).get(contact.pk))
        },
        blocks=blocks,
        own=noes_of_contact(contact, gates),
        laid=noes_of_blocks(block.pk for block in blocks if block.is_on),
        active_since=_active_since(contact),
    )
    numbers = [facts.active_since, *(no.entry for no in (*facts.own, *facts.laid))]
    numbers += [number for row in statuses.values() for number in (row.held_by, row.declared_by, row.lifted_by)]
    numbers += [block.lifted_by for block in blocks]
    facts.entries = {number for number in numbers if number}
    return facts


def rows_of(facts: ChannelFacts, access: Access, words: dict[int, EntryInWords]) -> list[ChannelRow]:
    """Every channel in words. ``words`` are those of the facts' entries that stand in this project."""
    return [_row(facts, channel, access, words) for channel in facts.verdicts]


def switch_noes(facts: ChannelFacts, words: dict[int, EntryInWords]) -> list[EntryInWords]:
    """Why the contact is inactive, strongest first."""
    return [words[no.entry] for no in facts.own if no.gate == SWITCH and no.entry in words]


def _with_causes(rows: QuerySet[ChannelStatus]) -> QuerySet[Any]:
    of_channel = StatusHistory.objects.filter(contact=OuterRef("contact_id"), channel=OuterRef("channel"))
    opted = of_channel.filter(aspect=Aspect.OPT_OUT).not_voided()
    return rows.annotate(
        held_by=_last(of_channel.filter(aspect=Aspect.ADDRESS)),
        declared_by=_last(of_channel.filter(aspect__in=[Aspect.ADDRESS, Aspect.VALIDITY])),
        lifted_by=_last(opted, Says.YES),
    )


def _words_of_block() -> QuerySet[StatusHistory]:
    return StatusHistory.objects.filter(block=OuterRef("pk")).not_voided()


def _last(entries: QuerySet[StatusHistory], says: str = "") -> Subquery:
    said = entries.filter(says=says) if says else entries
    return Subquery(said.order_by("-occurred_at", "-id").values("pk")[:1])


def _active_since(contact: Contact) -> int | None:
    if not contact.is_active:
        return None
    switch = StatusHistory.objects.filter(contact=contact, aspect=Aspect.ACTIVE, channel="")
    yeses = switch.filter(says=Says.YES).not_voided().order_by("-occurred_at", "-id")
    return yeses.values_list("pk", flat=True).first()


def _row(facts: ChannelFacts, channel: str, access: Access, words: dict[int, EntryInWords]) -> ChannelRow:
    verdict = facts.verdicts[channel]
    status = facts.statuses.get(channel)
    blocks = facts.blocks_of(status)
    own = [no for no in facts.own if no.gate == (Aspect.OPT_OUT, channel)]
    numbers = {block.pk for block in blocks}
    stops = on_channel(own, [no for no in facts.laid if no.gate[0] in numbers], blocks, words)
    cause = _Causes(facts, status, blocks, stops, words)
    glyph, word = _judged(verdict, may_send=access.may_send(channel))
    actions, hint = _actions(facts, channel, stops, access)
    return ChannelRow(
        channel=channel,
        channel_label=str(Channel(channel).label),
        address=verdict.address,
        glyph=glyph,
        word=word,
        open=glyph == "no" and _says_more_than_inactive(verdict, channel),
        conditions=[cause.of(outcome) for outcome in verdict.outcomes],
        stops=stops,
        actions=actions,
        hint=hint,
    )


def _judged(verdict: Verdict, *, may_send: bool) -> tuple[str, str]:
    failing = [outcome for outcome in verdict.outcomes if not outcome.met]
    if not failing:
        return ("ok", _("May be sent to")) if may_send else ("grey", _("May be sent to, not by you"))
    if failing[0].key == NEEDS_ADDRESS:
        return "na", str(failing[0].word)
    first, *others = (str(outcome.word) for outcome in failing)
    if not others:
        return "no", first
    return "no", _("%(first)s, and %(second)s") % {"first": first, "second": others[0].lower()}


def _says_more_than_inactive(verdict: Verdict, channel: str) -> bool:
    """Inactivity shuts all channels alike; it is enough to open the first one for it."""
    return channel == Channel.values[0] or not verdict.fails("active") or len(_failing(verdict)) > 1


def _failing(verdict: Verdict) -> list[Outcome]:
    return [outcome for outcome in verdict.outcomes if not outcome.met and outcome.key != NEEDS_ADDRESS]


def _actions(facts: ChannelFacts, channel: str, stops: list[NoOnChannel], access: Access) -> tuple[list[Action], str]:
    """What this user may do to a channel; and who may lift its opt-out, where they may not."""
    if not access.may_edit:
        return [], ""
    status = facts.statuses.get(channel)
    pages, hint = [], ""
    if status is None or not status.own_opt_out:
        pages.append(("opt_out", _("Opt out of %(channel)s") % {"channel": in_sentence(channel)}))
    weights = [no.weight for no in stops if is_liftable(no)]
    if weights and max(weights) > access.authority:
        hint = who_may_lift(max(weights))
    elif weights:
        pages.append(("lift_opt_out", _("Lift the opt-out")))
    if status and status.address:
        pages.append(("validity", _("Mark as not valid") if status.is_valid else _("Mark as valid")))
    place = [access.project.slug, facts.contact.pk, channel]
    return [Action(label, reverse(f"contacts:{name}", args=place)) for name, label in pages], hint


class _Causes:
    """The cause of each condition of one channel, met or failing."""

    def __init__(
        self,
        facts: ChannelFacts,
        status: Any,
        blocks: list[Block],
        stops: list[NoOnChannel],
        words: dict[int, EntryInWords],
    ) -> None:
        self.facts, self.status, self.blocks, self.stops, self.words = facts, status, blocks, stops, words

    def of(self, outcome: Outcome) -> ConditionRow:
        told = {
            "active": self._active,
            "has_address": self._address,
            "valid_address": self._validity,
            "not_quarantined": self._quarantine,
            "not_suppressed": self._suppression,
            "not_opted_out": self._opt_out,
        }.get(outcome.key)
        cause, entry = told(outcome.met) if told else ("", None)
        return ConditionRow(outcome.key, outcome.met, str(outcome.label), cause, entry)

    def _active(self, met: bool) -> tuple[str, int | None]:
        if met:
            return self._since(self.facts.active_since)
        noes = switch_noes(self.facts, self.words)
        if not noes:
            return "", None
        cause = first_of_strongest(noes)
        return f"{moment(cause.occurred_at)}, {cause.how}", cause.id

    def _address(self, met: bool) -> tuple[str, int | None]:
        number = self.status.held_by if self.status else None
        if number is None:
            return _("none was ever given"), None
        return self._since(number) if met else self._told(number, _("removed %(date)s"))

    def _validity(self, met: bool) -> tuple[str, int | None]:
        if not self.status or not self.status.address:
            return _("nothing to check"), None
        number = self.status.declared_by
        entry = self.words.get(number or 0)
        if entry is None or entry.aspect == Aspect.ADDRESS:
            return self._since(number)
        return self._told(number, _("checked %(date)s") if met else _("marked as not valid %(date)s"))

    def _quarantine(self, met: bool) -> tuple[str, int | None]:
        return self._lifted(BlockKind.QUARANTINE, _("never quarantined")) if met else self._stop(BlockKind.QUARANTINE)

    def _suppression(self, met: bool) -> tuple[str, int | None]:
        return self._lifted(BlockKind.SUPPRESSION, _("never listed")) if met else self._stop(BlockKind.SUPPRESSION)

    def _opt_out(self, met: bool) -> tuple[str, int | None]:
        if not met:
            return self._stop(BlockKind.OPT_OUT)
        return self._lifted(BlockKind.OPT_OUT, _("never opted out"), self.status.lifted_by if self.status else None)

    def _since(self, number: int | None) -> tuple[str, int | None]:
        return self._told(number, _("since %(date)s"))

    def _told(self, number: int | None, pattern: str) -> tuple[str, int | None]:
        entry = self.words.get(number or 0)
        return (pattern % {"date": day(entry.occurred_at)}, entry.id) if entry else ("", None)

    def _lifted(self, kind: str, never: str, own: int | None = None) -> tuple[str, int | None]:
        """When the last no was lifted; of a yes in another project's history not even the date is known here."""
        numbers = [block.lifted_by for block in self.blocks if block.kind == kind] + [own]  # type: ignore[attr-defined]
        yeses = [self.words[number] for number in numbers if number in self.words]
        if yeses:
            last = max(yeses, key=lambda entry: (entry.occurred_at, entry.id))
            return _("lifted %(date)s") % {"date": day(last.occurred_at)}, last.id
        return (_("lifted") if any(numbers) else never), None

    def _stop(self, kind: str) -> tuple[str, int | None]:
        stop = next((stop for stop in self.stops if stop.kind == kind), None)
        if stop is None:
            return "", None
        parts = [moment(stop.since), stop.entry.how if stop.entry else stop.cause]
        if stop.entry and stop.entry.contact_key not in ("", self.facts.contact.key):
            is_merged = stop.entry.merged_into == self.facts.contact.pk
            whose = (
                _("by %(name)s, who was merged into this contact")
                if is_merged
                else _("by %(name)s, who has the same address")
            )
            parts.append(whose % {"name": stop.entry.contact_name})
        if stop.is_organization_wide:
            parts.append(_("in the whole organization"))
        return ", ".join(parts), stop.entry.id if stop.entry else None


def first_of_strongest(noes: list[EntryInWords]) -> EntryInWords:
    """The one that shut the gate: of the heaviest noes the oldest."""
    heaviest = max(no.weight for no in noes)
    return min((no for no in noes if no.weight == heaviest), key=lambda no: (no.occurred_at, no.id))


def day(value: datetime) -> str:
    return short_day(value)


def moment(value: datetime) -> str:
    return f"{short_day(value)}, {clock(value)}"
