"""What of a contact may be sent, by communication type and channel, with the basis and its entry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from consent.conditions import KEY
from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.projection import state
from consent.vocabulary import Basis, ConsentState, Word
from contacts.access import Access
from contacts.dates import short_day
from contacts.eligibility import Question, Verdict, explain_each
from contacts.gates import standing_noes
from contacts.models import Contact
from contacts.selectors.channel_rows import ChannelRow
from contacts.selectors.entries import in_sentence
from contacts.vocabulary import Channel, Says

NEEDS_ADDRESS = "has_address"


@dataclass(frozen=True, slots=True)
class Cause:
    """A sentence on why a verdict is what it is, and the entry that says so."""

    text: str
    entry: int | None = None
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One type on one channel. ``glyph`` is ok, you (the contact may, this user may not send), no or na."""

    channel_label: str
    glyph: str
    word: str
    why: Cause


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    is_administrative: bool
    cells: list[Cell]


def matrix_of(contact: Contact, access: Access, channels: Sequence[ChannelRow]) -> list[Row]:
    """A row for each type in use, in a number of queries that neither types nor history move."""
    types = list(CommunicationType.objects.in_project(access.project).in_use())
    if not types:
        return []
    asked = [
        Question(channel, communication_type=topic)
        for topic in types
        for channel in Channel.values
        if channel in topic.channels
    ]
    verdicts: dict[tuple[int, str], Verdict | None] = {}
    for question, verdict in zip(asked, explain_each(contact, asked), strict=True):
        assert isinstance(question.communication_type, CommunicationType)
        verdicts[question.communication_type.pk, question.channel] = verdict
    held = consents_of(contact)
    of_channel = {row.channel: row for row in channels}
    return [
        Row(
            topic.name_in(),
            topic.administrative,
            [
                _cell(topic, channel, verdicts.get((topic.pk, channel)), held, of_channel, access)
                for channel in Channel.values
            ],
        )
        for topic in types
    ]


def consents_of(contact: Contact) -> dict[tuple[int, str], Any]:
    """What a contact agreed to, by type and channel, each with its ``state`` and the entries that made it so."""
    rows = with_entries(Consent.objects.filter(contact=contact).annotate(state=state(timezone.now())))
    return {(row.communication_type_id, row.channel): row for row in rows}


def with_entries(consents: QuerySet[Consent]) -> QuerySet[Consent]:
    """Annotate consents with the entries of the last express consent, of the implied one that runs longest, of the
    withdrawal that stands (the heaviest, and how it came), and of the last request to confirm."""
    words = ConsentHistory.objects.filter(
        contact=OuterRef("contact_id"),
        communication_type=OuterRef("communication_type_id"),
        channel=OuterRef("channel"),
    ).not_voided()
    latest = words.order_by("-occurred_at", "-id")
    noes = standing_noes(words.filter(says=Says.NO), words=words).order_by("-weight", "occurred_at", "id")
    implied = words.filter(word=Word.GRANTED, basis=Basis.IMPLIED).order_by("-implied_until", "-id")
    return consents.annotate(
        express_entry=_first(latest.filter(word=Word.GRANTED, basis=Basis.EXPRESS)),
        implied_entry=_first(implied),
        implied_by=Subquery(implied.values("implied_by")[:1]),
        implied_at=Subquery(implied.values("occurred_at")[:1]),
        withdrawal_entry=_first(noes),
        withdrawal_weight=Subquery(noes.values("weight")[:1]),
        pending_entry=_first(latest.filter(word=Word.PENDING)),
    )


def _first(entries: QuerySet[ConsentHistory]) -> Subquery:
    return Subquery(entries.values("pk")[:1])


def _cell(
    topic: CommunicationType,
    channel: str,
    verdict: Verdict | None,
    held: dict[tuple[int, str], Any],
    of_channel: dict[str, ChannelRow],
    access: Access,
) -> Cell:
    label = str(Channel(channel).label)
    if verdict is None:
        return Cell(label, "na", _("Not sent by %(channel)s") % {"channel": in_sentence(channel)}, Cause(""))
    consent = held.get((topic.pk, channel))
    place = [access.project.slug, consent.contact_id] if consent else []
    missing = next((outcome for outcome in verdict.outcomes if outcome.key == NEEDS_ADDRESS and not outcome.met), None)
    failing = verdict.first_failing
    if missing:
        return Cell(label, "na", str(missing.word), Cause(""))
    if failing is None:
        basis = Cause(_("Needs no consent")) if topic.administrative else basis_of(consent, topic, place)
        if not access.may_send(channel):
            return Cell(label, "you", _("Yes, not by you"), basis)
        return Cell(label, "ok", _("Yes"), basis)
    if failing.key == KEY:
        is_withdrawn = consent is not None and consent.state == ConsentState.WITHDRAWN
        return Cell(label, "no", _("Withdrawn") if is_withdrawn else str(failing.word), basis_of(consent, topic, place))
    return Cell(label, "no", str(failing.word), _of_channel(failing.key, of_channel.get(channel), access))


def _of_channel(key: str, row: ChannelRow | None, access: Access) -> Cause:
    """Why the channel is shut, as the profile tells it above."""
    condition = next((item for item in row.conditions if item.key == key), None) if row else None
    if condition is None:
        return Cause("")
    url = reverse("contacts:entry", args=[access.project.slug, condition.entry]) if condition.entry else ""
    return Cause(condition.cause, condition.entry, url)


def basis_of(consent: Any, topic: CommunicationType, place: Iterable[Any]) -> Cause:
    """On what a consent rests, or why there is none: a row of ``with_entries`` with its ``state``, or None."""
    if consent is None:
        return Cause(_("Nothing was ever said"))
    text, number = _basis(consent)
    if consent.state == ConsentState.IMPLIED and not topic.accepts_implied:
        text = _("Only implied, and it needs express consent")
    return Cause(text, number, reverse("consent:entry", args=[*place, number]) if number else "")


def _basis(consent: Any) -> tuple[str, int | None]:
    told: dict[str, tuple[str, datetime | None, int | None]] = {
        ConsentState.EXPRESS: (_("Express since %(date)s"), consent.express_at, consent.express_entry),
        ConsentState.IMPLIED: (_("Implied until %(date)s"), consent.implied_until, consent.implied_entry),
        ConsentState.ENDED: (_("Implied consent ended %(date)s"), consent.implied_until, consent.implied_entry),
        ConsentState.PENDING: (_("Not confirmed, asked %(date)s"), consent.pending_at, consent.pending_entry),
        ConsentState.WITHDRAWN: (_("On %(date)s"), consent.withdrawn_at, consent.withdrawal_entry),
    }
    text, moment, number = told.get(consent.state, (_("Nothing holds any more"), None, None))
    return (text % {"date": short_day(moment)} if moment else text), number
