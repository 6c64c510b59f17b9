"""Consents in the files of others: for each type, on which channels, on what basis, since when, until when, by what
proof.

A yes never lifts a no: what a list says weighs nothing (a withdrawal in it is the person's word, written down).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services import consents
from consent.vocabulary import Basis, ImpliedBy
from contacts.column_names import FALSE_WORDS, LEFT_WORDS, TRUE_WORDS, plain
from contacts.errors import InTheFuture, RegisterError
from contacts.extension_points import ImportColumn, ImportColumns, ImportedCells, import_columns
from contacts.models import Contact, Project
from contacts.origin import Origin, Said
from contacts.services.said_before import Gates
from contacts.vocabulary import Channel
from contacts.written_moments import parse_moment

KEY = "consent"
AGREED, WITHDRAWN, NO = "agreed", "withdrawn", "no"
PARTS = ("on", "basis", "until", "proof")
_LABELS = {
    "on": gettext_lazy("%(type)s: since when"),
    "basis": gettext_lazy("%(type)s: express or implied"),
    "until": gettext_lazy("%(type)s: until when"),
    "proof": gettext_lazy("%(type)s: proof"),
}
_NAMES = {
    "on": ("date", "since", "on", "depuis"), "basis": ("basis", "base", "fondement"),
    "until": ("until", "end", "jusqu au", "fin"), "proof": ("proof", "source", "preuve"),
}  # fmt: skip
_EXPRESS = {
    "express",
    "expressed",
    "explicit",
    "exprès",
    "explicite",
    "opt in",
    "double opt in",
    "subscribed",
    "abonné",
}
_IMPLIED: dict[str, ImpliedBy] = {
    "inquiry": ImpliedBy.INQUIRY, "enquiry": ImpliedBy.INQUIRY, "demande": ImpliedBy.INQUIRY,
    "purchase": ImpliedBy.PURCHASE, "order": ImpliedBy.PURCHASE, "achat": ImpliedBy.PURCHASE,
    "membership": ImpliedBy.MEMBERSHIP, "adhésion": ImpliedBy.MEMBERSHIP,
    "implied": ImpliedBy.OTHER, "tacite": ImpliedBy.OTHER,
}  # fmt: skip
_WORDS_OF_BASIS = {plain(word) for word in _EXPRESS}, {plain(word): what for word, what in _IMPLIED.items()}


class UnclearConsent(RegisterError):
    """A cell about consent that cannot be taken for anything."""

    code = "unclear_consent"


def register() -> None:
    """Let columns of lists be taken for consents; called once at start-up."""
    label = pgettext_lazy("columns of a list", "Opt-ins")
    import_columns.add(ImportColumns(KEY, label, 10, columns_of, read, put, noes))


def columns_of(project: Project) -> Sequence[ImportColumn]:
    """What columns can be taken for: of each type a channel, and what tells more of it."""
    found = []
    for topic in CommunicationType.objects.in_project(project).in_use().filter(administrative=False):
        for channel in topic.channels:
            name = Channel(channel).label
            found.append(
                ImportColumn(
                    f"{topic.slug}:{channel}",
                    _("%(type)s by %(channel)s: agreed or withdrawn") % {"type": topic.name, "channel": name},
                    _called(topic, channel, f"opt in {channel}", *([""] if topic.channels == [channel] else [])),
                )
            )
        for part in PARTS:
            label = _LABELS[part] % {"type": topic.name}
            found.append(ImportColumn(f"{topic.slug}:{part}", label, _called(topic, *_NAMES[part])))
    return found


def _called(topic: CommunicationType, *endings: str) -> frozenset[str]:
    """How a file would call it: “Newsletter email”, “newsletter opt-in email”; with an empty ending the bare name."""
    return frozenset(plain(f"{name} {ending}".strip()) for name in (topic.name, topic.slug) for ending in endings)


def read(cells: Mapping[str, str], zone: ZoneInfo, day_first: bool) -> Mapping[str, str]:
    """What one row says, in fixed words: per channel agreed, withdrawn or no; moments as ISO texts.

    Raises UnclearConsent, UnclearDate, InTheFuture for a row that has to be rejected.
    """
    by_topic: dict[str, dict[str, str]] = defaultdict(dict)
    for key, cell in cells.items():
        slug, _colon, what = key.partition(":")
        by_topic[slug][what] = cell
    kept: dict[str, str] = {}
    for slug, said in by_topic.items():
        kept.update({f"{slug}:{what}": value for what, value in _read_topic(said, zone, day_first).items()})
    return kept


def _read_topic(said: Mapping[str, str], zone: ZoneInfo, day_first: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    basis = _basis(said["basis"]) if said.get("basis") else ""
    for channel in Channel.values:
        if said.get(channel):
            word, its_basis = _word(said[channel])
            found[channel] = word
            basis = basis or its_basis
    if not found:
        return {}
    if AGREED in found.values() and basis:
        found["basis"] = basis
    if said.get("on"):
        moment, _is_day = parse_moment(said["on"], zone, day_first=day_first)
        if _is_day:  # the end of its day, or now where that day is not over
            moment = min(moment, timezone.now()) if moment.astimezone(zone).date() <= _today(zone) else moment
        if moment > timezone.now() and basis != ImpliedBy.MEMBERSHIP:
            raise InTheFuture(field="on")
        found["on"] = moment.isoformat()
    if said.get("until"):
        found["until"] = parse_moment(said["until"], zone, day_first=day_first)[0].isoformat()
    if found.get("basis") in ImpliedBy.values and "until" not in found:
        if found["basis"] == ImpliedBy.OTHER:
            raise UnclearConsent(_("Say until when the consent is implied, or by what: inquiry, purchase, membership."))
        if "on" not in found:
            raise UnclearConsent(_("Say since when the consent is implied."))
    if said.get("proof"):
        found["proof"] = said["proof"]
    return found


def noes(cells: Mapping[str, str], zone: ZoneInfo, day_first: bool) -> Mapping[str, str]:
    """The withdrawals that one row says, as it was typed or as ``read`` keeps it. One with a date that cannot be read
    happened when the list is imported."""
    kept: dict[str, str] = {}
    for key, cell in cells.items():
        slug, _colon, what = key.partition(":")
        if what not in Channel.values:
            continue
        with suppress(UnclearConsent):
            word, _its_basis = _word(cell)
            if word != AGREED:
                kept[key] = word
                kept.update(_about(slug, cells, zone, day_first))
    return kept


def _about(slug: str, cells: Mapping[str, str], zone: ZoneInfo, day_first: bool) -> dict[str, str]:
    """When what a row says of a type happened, and the proof of it."""
    about = {f"{slug}:proof": cells.get(f"{slug}:proof", "")}
    on = cells.get(f"{slug}:on", "")
    if on:
        with suppress(RegisterError):
            about[f"{slug}:on"] = _read_topic({Channel.EMAIL: WITHDRAWN, "on": on}, zone, day_first)["on"]
    return {key: value for key, value in about.items() if value}


def _today(zone: ZoneInfo) -> date:
    return timezone.now().astimezone(zone).date()


def _word(cell: str) -> tuple[str, str]:
    """What a channel's cell says, and on what basis where it says that too."""
    word = plain(cell)
    if word in LEFT_WORDS or word in ("withdrawn", "retire"):
        return WITHDRAWN, ""
    if word in TRUE_WORDS:
        return AGREED, ""
    if word in FALSE_WORDS:
        return NO, ""
    if basis := _known_basis(word):
        return AGREED, basis
    raise UnclearConsent(
        _("“%(word)s” is neither an agreement nor a withdrawal. Write yes, no or withdrawn.") % {"word": cell[:40]}
    )


def _basis(cell: str) -> str:
    basis = _known_basis(plain(cell))
    if not basis:
        words = _("“%(word)s” is no basis of consent. Write express, inquiry, purchase or membership.")
        raise UnclearConsent(words % {"word": cell[:40]})
    return basis


def _known_basis(word: str) -> str:
    express, implied = _WORDS_OF_BASIS
    return str(Basis.EXPRESS) if word in express else str(implied.get(word, ""))


class Told(NamedTuple):
    """What one row says of one type on one channel."""

    line: int
    contact: int
    word: str
    basis: str
    on: datetime | None
    until: datetime | None
    proof: str

    @property
    def said(self) -> Said:
        is_past = self.on is not None and self.on <= timezone.now()
        return Said(self.on if is_past else None, self.line)


@dataclass(frozen=True, slots=True)
class _Grant:
    """What grants have in common that are written at once."""

    basis: Basis
    implied_by: str
    implied_until: datetime | None


def put(rows: Sequence[ImportedCells], origin: Origin) -> Collection[int]:
    """Record what rows say, and return the lines of which something was new."""
    persons = dict(
        Contact.objects.filter(pk__in_set=[row.contact for row in rows]).values_list("pk", "merged_into_id")
    )  # fmt: skip
    project = Project.objects.filter(contacts__in=[row.contact for row in rows[:1]]).first()
    if project is None:
        return []
    told: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for row in rows:
        for slug, channel, one in _told(row, persons.get(row.contact) or row.contact):
            told[slug, channel].append(one)
    topics = {topic.slug: topic for topic in CommunicationType.objects.in_project(project).in_use()}
    for (slug, channel), words in sorted(told.items()):
        topic = topics.get(slug)
        if topic is not None and topic.needs_consent and channel in topic.channels:
            _put_withdrawals(topic, channel, [one for one in words if one.word != AGREED], project, origin)
            _put_grants(topic, channel, [one for one in words if one.word == AGREED], project, origin)
    written = ConsentHistory.objects.filter(request_id=origin.request_id, line__in=[row.line for row in rows])
    return {line for line in written.values_list("line", flat=True) if line}


def _told(row: ImportedCells, person: int) -> Iterable[tuple[str, str, Told]]:
    parts: dict[str, dict[str, str]] = defaultdict(dict)
    for key, value in row.cells.items():
        slug, _colon, what = key.partition(":")
        parts[slug][what] = value
    for slug, said in parts.items():
        on, until = (datetime.fromisoformat(said[what]) if what in said else None for what in ("on", "until"))
        for channel in Channel.values:
            if channel in said:
                yield (
                    slug,
                    channel,
                    Told(row.line, person, said[channel], said.get("basis", ""), on, until, said.get("proof", "")),
                )


def _put_withdrawals(
    topic: CommunicationType, channel: str, words: Sequence[Told], project: Project, origin: Origin
) -> None:
    """A bare “no” is one where there is an agreement; of who never agreed it says nothing new."""
    here = Consent.objects.filter(communication_type=topic, channel=channel)
    agreed = here.filter(contact_id__in_set=[one.contact for one in words], is_withdrawn=False).exclude(
        is_express=False, implied_until=None
    )
    have = set(agreed.values_list("contact_id", flat=True))
    words = [one for one in words if one.word == WITHDRAWN or one.contact in have]
    if not words:
        return
    ids = sorted({one.contact for one in words})
    entries = ConsentHistory.objects.filter(contact_id__in_set=ids, communication_type=topic, channel=channel)
    gates = Gates(origin, timezone.now(), timedelta(days=project.import_days), at_least=1).read(entries, "contact_id")
    new = [one for one in words if gates.weigh(one.contact, one.said) is not None]
    while new:  # of a contact who stands in the list more than once each withdrawal is one of its own
        some = {one.contact: one for one in reversed(new)}
        consents.withdraw(
            Contact.objects.filter(pk__in=some), topic, channel, origin=origin,
            said={contact: one.said for contact, one in some.items()},
            proofs={contact: one.proof for contact, one in some.items() if one.proof},
        )  # fmt: skip
        new = [one for one in new if one is not some[one.contact]]


def _put_grants(
    topic: CommunicationType, channel: str, words: Sequence[Told], project: Project, origin: Origin
) -> None:
    groups: dict[_Grant, list[Told]] = defaultdict(list)
    for one in words:
        kind = _kind_of(one, topic, project.zone)
        if kind is not None:
            groups[kind].append(one)
    for kind, some in groups.items():
        new = _not_said_before(topic, channel, kind, some)
        if new:
            consents.grant(
                Contact.objects.filter(pk__in=[one.contact for one in new]), topic, channel, origin=origin,
                basis=kind.basis, implied_by=kind.implied_by, implied_until=kind.implied_until,
                said={one.contact: one.said for one in new},
                proofs={one.contact: one.proof for one in new if one.proof},
            )  # fmt: skip


def _kind_of(one: Told, topic: CommunicationType, zone: ZoneInfo) -> _Grant | None:
    """None for implied consent to a type that wants an express one."""
    if one.basis not in ImpliedBy.values:
        return _Grant(Basis.EXPRESS, "", None)
    if not topic.accepts_implied:
        return None
    until = one.until
    if until is None and one.on is not None:
        until = consents.implied_end(topic, one.basis, one.on.astimezone(zone).date(), zone)
    return _Grant(Basis.IMPLIED, one.basis, until)


def _not_said_before(topic: CommunicationType, channel: str, kind: _Grant, words: Sequence[Told]) -> list[Told]:
    """Without those whose same agreement is there already: the same list twice writes nothing twice."""
    entries = ConsentHistory.objects.filter(
        contact_id__in_set=[one.contact for one in words], communication_type=topic, channel=channel,
        basis=kind.basis,
    )  # fmt: skip
    if kind.implied_until is not None:
        entries = entries.filter(implied_until=kind.implied_until)
    before: dict[int, set[datetime]] = defaultdict(set)
    for number, moment in entries.not_voided().values_list("contact_id", "occurred_at"):
        before[number or 0].add(moment)
    new: dict[int, Told] = {}
    for one in words:
        at = one.said.occurred_at
        if one.contact not in new and not (before[one.contact] if at is None else {at} & before[one.contact]):
            new[one.contact] = one
    return list(new.values())
