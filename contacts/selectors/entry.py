"""One entry of the history in facts, and what was true of its contact at a moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.dates import clock, long_day
from contacts.eligibility import Question, Verdict, verdicts
from contacts.extension_points import evidence_links
from contacts.gates import lifted_by
from contacts.models import StatusHistory
from contacts.models.block import Block
from contacts.models.contact import Contact
from contacts.selectors.entries import EntryInWords
from contacts.vocabulary import (
    ActorKind,
    Aspect,
    AuthorizationSource,
    BlockKind,
    Cause,
    Channel,
    Method,
    Reason,
    Says,
    Weight,
)


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    value: str
    url: str = ""
    icon_name: str = ""


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """All that an entry says. ``outcome`` is what it did, in a sentence."""

    outcome: str
    happened: tuple[Fact, ...]
    word: tuple[Fact, ...]
    evidence: tuple[Fact, ...]


def facts_of(row: StatusHistory, words: EntryInWords, access: Access) -> EntryFacts:
    """The facts of an entry that was read with its ``detail`` and ``block``. Empty ones are left out."""
    return EntryFacts(
        _outcome(row, words),
        _given(_happened(row, words, access)),
        _given(_word(row, words)),
        _given(_evidence(row, words, access)),
    )


def _given(facts: list[Fact]) -> tuple[Fact, ...]:
    return tuple(fact for fact in facts if fact.value)


def _outcome(row: StatusHistory, words: EntryInWords) -> str:
    if words.late:
        later = _later_yes(row)
        if later is None:
            return words.late
        return _("Kept, and changed nothing: entry %(number)d, dated %(day)s, is newer.") % {
            "number": later.pk,
            "day": long_day(later.word_at or later.occurred_at),
        }
    if words.confirmed:
        return words.confirmed
    if row.says == Says.VOID and not row.changed:
        return _("It changed nothing: another entry says the same.")
    if row.aspect == Aspect.MERGE:
        return _("Key and history of who was merged lead to the contact who stayed.")
    if not row.changed:
        return _("It changed nothing.")
    return _("From “%(old)s” to “%(new)s”.") % {"old": _state(row.from_value), "new": _state(row.to_value)}


def _later_yes(row: StatusHistory) -> StatusHistory | None:
    """The yes that outweighs a no which came too late."""
    entries = StatusHistory.objects.filter(
        contact=row.contact_id, aspect=row.aspect, channel=row.channel, project=row.project_id
    )
    lifting = lifted_by(entries, weight=row.weight, occurred_at=row.occurred_at)
    return lifting.filter(recorded_at__lte=row.recorded_at).order_by("-recorded_at").first()


def _state(value: str) -> str:
    states = {
        "": _("nothing"), "active": _("active"), "inactive": _("inactive"), "opted_out": _("opted out"),
        "not_opted_out": _("not opted out"), "quarantined": _("quarantined"),
        "not_quarantined": _("not quarantined"), "suppressed": _("suppressed"),
        "not_suppressed": _("not suppressed"), "valid": _("valid"), "invalid": _("not valid"),
    }  # fmt: skip
    return states.get(value, value)


def _happened(row: StatusHistory, words: EntryInWords, access: Access) -> list[Fact]:
    slug = access.project.slug
    voided = StatusHistory.objects.filter(voids=row.pk).only("pk").first() if words.voided else None
    return [
        _about(words),
        Fact(_("What it is about"), str(Aspect(row.aspect).label)),
        Fact(_("Channel"), str(Channel(row.channel).label) if row.channel else ""),
        Fact(_("Block"), _block(row.block) if row.block else ""),
        Fact(_("Before"), _state(row.from_value) if row.aspect != Aspect.MERGE else ""),
        Fact(_("After"), _state(row.to_value) if row.aspect != Aspect.MERGE else ""),
        Fact(_("Merged with"), words.detail if row.aspect == Aspect.MERGE else ""),
        Fact(_("Happened"), _moment(row.occurred_at)),
        Fact(_("Recorded"), _moment(row.recorded_at)),
        Fact(_("Requested on"), _day(row.requested_on)),
        Fact(
            _("Takes back"),
            _("entry %(number)d") % {"number": row.voids} if row.voids else "",
            reverse("contacts:entry", args=[slug, row.voids]) if row.voids else "",
        ),
        Fact(
            _("Says anew"),
            _("entry %(number)d, of a contact who was merged into this one") % {"number": row.repeats}
            if row.repeats
            else "",
            reverse("contacts:entry", args=[slug, row.repeats]) if row.repeats else "",
        ),
        Fact(
            _("Taken back by"),
            _("entry %(number)d") % {"number": voided.pk} if voided else "",
            reverse("contacts:entry", args=[slug, voided.pk]) if voided else "",
        ),
    ]


def _about(words: EntryInWords) -> Fact:
    if words.contact_url:
        name = words.contact_name
        shown = name if name == words.contact_key else f"{name} ({words.contact_key})"
        return Fact(_("Contact"), shown, words.contact_url)
    if words.contact_erased:
        return Fact(_("Contact"), _("A contact who was erased"))
    return Fact(_("Address"), words.address or _("An address that nobody in the register has any more"))


def _block(block: Block) -> str:
    where = _("in this project") if block.project_id else _("in the whole organization")
    return _("%(kind)s (%(cause)s), %(where)s") % {
        "kind": BlockKind(block.kind).label,
        "cause": Cause(block.cause).label,
        "where": where,
    }


def _word(row: StatusHistory, words: EntryInWords) -> list[Fact]:
    detail = getattr(row, "detail", None)
    source = AuthorizationSource(row.authorization_source).label if row.authorization_source else ""
    kinds = {ActorKind.USER: _("user"), ActorKind.TOKEN: _("API token"), ActorKind.IMPORT: _("import")}
    kind = kinds.get(ActorKind(row.actor_kind))
    by = f"{words.actor_label} ({kind})" if kind and words.actor_label and row.actor_label else words.actor_label
    return [
        Fact(_("How"), str(Method(row.method).label), icon_name=words.method_icon),
        Fact(_("By"), by),
        Fact(_("Whose word"), str(Weight(row.weight).label) if row.says in (Says.NO, Says.YES) else ""),
        Fact(_("Reason"), str(Reason(row.reason).label) if row.reason else ""),
        Fact(_("Authorization"), str(source)),
        Fact(_("Authorization of"), _day(row.authorization_on)),
        Fact(_("Where it can be found"), detail.authorization_reference if detail else ""),
        Fact(_("Counts from"), _moment(row.word_at) if row.word_at and row.word_at != row.occurred_at else ""),
        Fact(_("Note"), detail.note if detail else ""),
    ]


def _evidence(row: StatusHistory, words: EntryInWords, access: Access) -> list[Fact]:
    detail = getattr(row, "detail", None)
    labels = {
        "file": _("File"), "line": _("Line"), "message": _("Message"), "ip": _("IP address"),
        "user_agent": _("Browser"), "report": _("Report"), "form": _("Form"), "version": _("Version"),
        "wording": _("Wording shown"), "diagnostic": _("Answer of the server"), "code": _("Code"),
    }  # fmt: skip
    kept: dict[str, Any] = detail.evidence if detail and isinstance(detail.evidence, dict) else {}
    links = {link.key: link for link in evidence_links}
    numbers = {
        link.key: number
        for link in evidence_links
        if row.contact_id is not None
        and row.method in link.methods
        and link.key not in kept
        and (number := link.behind(row)) is not None
    }
    found = []
    for name, value in {**kept, **numbers}.items():
        link = links.get(name)
        label = str(link.label if link else labels.get(name, name))
        found.append(Fact(label, _plain(value), link.url(access, value) if link else ""))
    came_from = Fact(_("Import"), words.import_label, words.import_url)
    return [came_from, *found, Fact(_("Number of the request"), str(row.request_id))]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_plain(inner)}" for name, inner in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _moment(moment: datetime) -> str:
    return f"{long_day(moment)}, {clock(moment, seconds=True)}"


def _day(day: date | None) -> str:
    return long_day(day) if day else ""


@dataclass(frozen=True, slots=True)
class ConditionThen:
    """One condition as it was; the component ``condition_list`` shows it."""

    key: str
    met: bool
    label: str
    cause: str = ""
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class ChannelThen:
    """A channel as it was; the component ``channel`` shows it."""

    channel_label: str
    address: str
    glyph: str
    word: str
    open: bool
    conditions: tuple[ConditionThen, ...]


@dataclass(frozen=True, slots=True)
class StatesThen:
    """What was true of a contact at a moment; without channels, they were not in the register."""

    at: datetime
    known_at: datetime | None
    channels: tuple[ChannelThen, ...]


def states_at(contact: Contact, *, at: datetime, known_at: datetime | None) -> StatesThen:
    """Each channel's conditions at a moment, as known at another (None: today); one query a channel."""
    found = []
    for channel in Channel:
        question = Question(channel, at=at, known_at=known_at)
        verdict = verdicts([contact.pk], question).get(contact.pk)
        if verdict is not None:
            found.append(_channel_then(channel, verdict))
    return StatesThen(at, known_at, tuple(found))


def _channel_then(channel: Channel, verdict: Verdict) -> ChannelThen:
    without_address = not verdict.address
    nowhere = next((item for item in verdict.outcomes if item.key == "has_address" and not item.met), None)
    failing = nowhere or verdict.first_failing
    return ChannelThen(
        channel_label=str(channel.label),
        address=verdict.address,
        glyph="ok" if verdict.sendable else "na" if without_address else "no",
        word=str(failing.word) if failing else _("Yes"),
        open=not verdict.sendable and not without_address,
        conditions=tuple(ConditionThen(item.key, item.met, str(item.label)) for item in verdict.outcomes),
    )
