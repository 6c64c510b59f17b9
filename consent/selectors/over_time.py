"""Opt-ins by month, and implied consents that are about to end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, F, Q
from django.db.models.functions import TruncMonth
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.vocabulary import Basis, ConsentState, ImpliedBy, Word
from contacts.models import Project
from contacts.selectors.keyset import Page, page_of
from contacts.selectors.overview import Period
from contacts.vocabulary import Channel, Reason

AGREED = (ConsentState.EXPRESS, ConsentState.IMPLIED)


@dataclass(frozen=True, slots=True)
class OfType:
    """How often a type was agreed to and taken back, month by month."""

    topic: CommunicationType
    granted: tuple[int, ...]
    withdrawn: tuple[int, ...]

    @property
    def all_granted(self) -> int:
        return sum(self.granted)

    @property
    def all_withdrawn(self) -> int:
        return sum(self.withdrawn)


@dataclass(frozen=True, slots=True)
class Month:
    month: date
    granted: int
    withdrawn: int


@dataclass(frozen=True, slots=True)
class OverTime:
    """The opt-ins of a period: by month, and by type and month."""

    months: tuple[Month, ...]
    types: tuple[OfType, ...]

    @property
    def granted(self) -> int:
        return sum(month.granted for month in self.months)

    @property
    def withdrawn(self) -> int:
        return sum(month.withdrawn for month in self.months)

    @property
    def highest(self) -> int:
        """The largest number of a month, which fills a bar."""
        return max((max(month.granted, month.withdrawn) for month in self.months), default=0)


def over_time(project: Project, types: Iterable[CommunicationType], period: Period) -> OverTime:
    """How often contacts agreed and took it back in a period, by when it was recorded. One query.

    Counted are the entries that changed something and were not voided; what a merge carried over was counted when it
    was said.
    """
    types = list(types)
    entries = ConsentHistory.objects.in_project(project).filter(
        Q(word=Word.GRANTED, to_state__in=AGREED) | Q(word=Word.WITHDRAWN, to_state=ConsentState.WITHDRAWN),
        communication_type__in=[topic.pk for topic in types],
        recorded_at__gte=period.start,
        recorded_at__lt=period.end,
    )
    groups = (
        entries.exclude(from_state=F("to_state"))
        .exclude(reason=Reason.MERGED)
        .not_voided()
        .order_by()
        .annotate(month=TruncMonth("recorded_at", tzinfo=period.zone))
        .values_list("communication_type", "word", "month")
        .annotate(number=Count("*"))
    )
    numbers: dict[tuple[int, str, date], int] = defaultdict(int)
    for topic, word, month, number in groups:
        numbers[topic, word, month.date()] += number
    months = period.months
    of_types = tuple(
        OfType(
            topic,
            tuple(numbers[topic.pk, Word.GRANTED, month] for month in months),
            tuple(numbers[topic.pk, Word.WITHDRAWN, month] for month in months),
        )
        for topic in types
    )
    by_month = tuple(
        Month(month, sum(of.granted[place] for of in of_types), sum(of.withdrawn[place] for of in of_types))
        for place, month in enumerate(months)
    )
    return OverTime(by_month, of_types)


@dataclass(frozen=True, slots=True)
class Ending:
    """An implied consent that ends soon, and the entry that it rests on."""

    consent: Consent
    topic: CommunicationType
    channel_label: str
    implied_by: str
    entry: int | None
    since: datetime | None

    @property
    def days_left(self) -> int:
        zone = timezone.get_current_timezone()
        ends = self.consent.implied_until
        return (timezone.localdate(ends, zone) - timezone.localdate(timezone=zone)).days if ends else 0


def expiring(
    project: Project, types: Iterable[CommunicationType], days: int, *, cursor: str = "", size: int = 50
) -> Page:
    """A page of the consents that end within so many days and are implied alone: neither express nor withdrawn.

    Two queries. Raises BadCursor.
    """
    by_number = {topic.pk: topic for topic in types if topic.accepts_implied and not topic.administrative}
    now = timezone.now()
    rows = Consent.objects.filter(
        project=project, communication_type__in=list(by_number), is_withdrawn=False, is_express=False,
        implied_until__gt=now, implied_until__lte=now + timedelta(days=days),
    ).select_related("contact")  # fmt: skip
    page = page_of(rows, order=["implied_until", "id"], cursor=cursor, size=size)
    entries = _entries(page.rows)
    endings = []
    for consent in page.rows:
        entry = entries.get((consent.contact_id, consent.communication_type_id, consent.channel, consent.implied_until))
        endings.append(
            Ending(
                consent,
                by_number[consent.communication_type_id],
                str(Channel(consent.channel).label),
                str(ImpliedBy(entry.implied_by).label) if entry and entry.implied_by else "",
                entry.pk if entry else None,
                entry.occurred_at if entry else None,
            )
        )
    return Page(endings, page.previous, page.next)


def _entries(consents: list[Consent]) -> dict[tuple[int | None, int, str, datetime | None], ConsentHistory]:
    """The entries by which consents hold until they do."""
    if not consents:
        return {}
    found = ConsentHistory.objects.filter(
        contact_id__in_set=[consent.contact_id for consent in consents], word=Word.GRANTED, basis=Basis.IMPLIED,
        implied_until__in={consent.implied_until for consent in consents if consent.implied_until},
    ).not_voided()  # fmt: skip
    return {
        (entry.contact_id, entry.communication_type_id, entry.channel, entry.implied_until): entry
        for entry in found.order_by("pk")
    }
