"""What the overview of a project shows, in a fixed number of queries that never read the whole history."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import BigIntegerField, Case, Count, F, Max, Q, When
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.eligibility import Audience, Question, project_audiences
from contacts.models import Project, StatusHistory, User
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.moments import start_of_day
from contacts.selectors.entries import METHOD_ICONS, EntryInWords, in_words
from contacts.vocabulary import GATES, ActorKind, Aspect, Channel, Method, Reason, Says, Weight

# The ways that every overview names, in this order; the others are shown where they occur.
FIVE_WAYS = (Method.OPT_OUT_LINK, Method.IMPORT, Method.MANUAL, Method.FORM, Method.SPAM_REPORT)
USUAL_MONTHS = 12
LONGEST_BY_MONTH = 24
MOST_USERS = 10
LATEST = 6
LOOKED_THROUGH = 200


@dataclass(frozen=True, slots=True)
class Period:
    """Whole months, from the first day of ``first`` to the last of ``last``, in a project's time zone."""

    first: date
    last: date
    zone: ZoneInfo

    @property
    def start(self) -> datetime:
        return start_of_day(self.first, self.zone)

    @property
    def end(self) -> datetime:
        """The first moment after the period."""
        return start_of_day(month_after(self.last), self.zone)

    @property
    def months(self) -> list[date]:
        months = [self.first]
        while months[-1] < self.last:
            months.append(month_after(months[-1]))
        return months


def month_after(month: date, count: int = 1) -> date:
    """The first day of the month so many months later (or, with a negative count, earlier)."""
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def usual_period(zone: ZoneInfo) -> Period:
    """The last twelve months, with the present one."""
    last = timezone.localdate(timezone=zone).replace(day=1)
    return Period(month_after(last, 1 - USUAL_MONTHS), last, zone)


@dataclass(frozen=True, slots=True)
class Today:
    """How many contacts have an entry of today, and how many of them made one themselves."""

    changed: int
    by_themselves: int


@dataclass(frozen=True, slots=True)
class Way:
    """One method, how often it deactivated somebody in a period, and when it did last."""

    method: Method
    label: str
    icon: str
    number: int
    over_time: tuple[int, ...]
    latest_at: datetime | None
    latest_entry: int | None


@dataclass(frozen=True, slots=True)
class ByUser:
    """A user (or those beyond the first ten together) and how often they deactivated by hand."""

    name: str
    number: int


@dataclass(frozen=True, slots=True)
class Deactivations:
    """The deactivations of a period, by method and, those by hand, by user."""

    ways: tuple[Way, ...]
    users: tuple[ByUser, ...]
    by_year: bool

    @property
    def total(self) -> int:
        return sum(way.number for way in self.ways)

    @property
    def by_hand(self) -> int:
        return sum(user.number for user in self.users)


def audiences(project: Project) -> dict[Channel, Audience]:
    """Who may be sent to, channel by channel."""
    found = project_audiences(project, [Question(channel) for channel in Channel])
    return dict(zip(Channel, found, strict=True))


def changed_today(project: Project) -> Today:
    """Counts contacts, from the entries that were recorded since the day began in the project's time zone."""
    midnight = start_of_day(timezone.localdate(timezone=project.zone), project.zone)
    own = Q(actor_kind=ActorKind.CONTACT) | Q(says=Says.NO, weight__gte=Weight.OWN) & ~Q(reason=Reason.MERGED)
    counts = StatusHistory.objects.in_project(project).filter(recorded_at__gte=midnight).aggregate(
        changed=Count("contact_id", distinct=True), own=Count("contact_id", distinct=True, filter=own)
    )  # fmt: skip
    return Today(counts["changed"], counts["own"])


def deactivations(project: Project, period: Period) -> Deactivations:
    """How contacts were deactivated in a period, by when it was recorded.

    Counted are the entries that switched somebody off and were not taken back; what a merge carried over was counted
    when it was said. One pass over the period's
    part of the history, and two small look-ups.
    """
    entries = _that_switched_off(project).filter(recorded_at__gte=period.start, recorded_at__lt=period.end)
    user = Case(When(method=Method.MANUAL, then=F("actor_number")), default=None, output_field=BigIntegerField())
    groups = (
        entries.order_by()
        .annotate(month=TruncMonth("recorded_at", tzinfo=period.zone), user=user)
        .values_list("method", "month", "user")
        .annotate(number=Count("*"), latest=Max("recorded_at"), label=Max("actor_label"))
    )
    numbers: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    latest: dict[str, datetime] = {}
    users: dict[int | None, tuple[str, int]] = {}
    for method, month, number_of_user, number, at, label in groups:
        numbers[method][month.date()] += number
        latest[method] = max(at, latest.get(method, at))
        if method == Method.MANUAL:
            users[number_of_user] = (label, users.get(number_of_user, ("", 0))[1] + number)
    newest = _entries_at(entries, latest)
    months = period.months
    by_year = len(months) > LONGEST_BY_MONTH
    ways = tuple(
        Way(
            method,
            _label(method),
            METHOD_ICONS[method],
            sum(numbers[method].values()),
            _summed(numbers[method], months, by_year=by_year),
            latest.get(method),
            newest.get(method),
        )
        for method in [*FIVE_WAYS, *(method for method in Method if method not in FIVE_WAYS)]
        if method in FIVE_WAYS or method in numbers
    )
    return Deactivations(ways, _by_user(users), by_year)


def latest_changes(access: Access) -> list[EntryInWords]:
    """The newest entries in words. Where an import filled the newest page, what people decided comes first."""
    entries = StatusHistory.objects.in_project(access.project)
    newest = list(entries.newest_first().values_list("pk", "aspect", "reason")[:LOOKED_THROUGH])
    notable = [number for number, aspect, reason in newest if aspect in GATES and reason != Reason.CREATED]
    chosen = (notable or [number for number, _aspect, _reason in newest])[:LATEST]
    return in_words(StatusHistory.objects.filter(pk__in=chosen).newest_first(), access)


def _that_switched_off(project: Project) -> StatusHistoryQuerySet:
    entries = StatusHistory.objects.in_project(project).filter(aspect=Aspect.ACTIVE, says=Says.NO)
    return entries.exclude(from_value=F("to_value")).exclude(reason=Reason.MERGED).not_voided()


def _entries_at(entries: StatusHistoryQuerySet, latest: dict[str, datetime]) -> dict[str, int]:
    """The newest entry of each method, by the moment that is known of it."""
    if not latest:
        return {}
    moments = Q()
    for method, at in latest.items():
        moments |= Q(method=method, recorded_at=at)
    return dict(
        entries.filter(moments, recorded_at__in=set(latest.values())).order_by("pk").values_list("method", "pk")
    )


def _summed(numbers: dict[date, int], months: Sequence[date], *, by_year: bool) -> tuple[int, ...]:
    if not by_year:
        return tuple(numbers[month] for month in months)
    years: dict[int, int] = {}
    for month in months:
        years[month.year] = years.get(month.year, 0) + numbers[month]
    return tuple(years.values())


def _by_user(users: dict[int | None, tuple[str, int]]) -> tuple[ByUser, ...]:
    names = _names(number for number in users if number is not None)
    ranked = sorted(
        (ByUser(names.get(number or 0) or label or _("Unknown"), count) for number, (label, count) in users.items()),
        key=lambda user: (-user.number, user.name),
    )
    others = ranked[MOST_USERS:]
    if len(others) < 2:
        return tuple(ranked)
    rest = _("%(count)d other users") % {"count": len(others)}
    return (*ranked[:MOST_USERS], ByUser(rest, sum(user.number for user in others)))


def _names(numbers: Iterable[int]) -> dict[int, str]:
    """The names that users go by now; the history has the one they had then."""
    return {user.pk: user.get_full_name() for user in User.objects.filter(pk__in=list(numbers))}


def _label(method: Method) -> str:
    return {
        Method.OPT_OUT_LINK: _("Opt-out link in a message"),
        Method.IMPORT: _("Import of a new list"),
        Method.MANUAL: _("Manually, by a user"),
        Method.FORM: _("Update form"),
        Method.SPAM_REPORT: _("Spam report through the API"),
        Method.API: _("Through the API"),
        Method.BOUNCE: _("Bounced message"),
        Method.SMS: _("Reply by SMS"),
        Method.MAIL: _("Reply by mail"),
        Method.SYSTEM: _("By the system"),
    }[method]
