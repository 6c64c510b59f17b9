"""When what did not arrive becomes a quarantine (DESIGN, rule 9).

Events come late, twice and in any order. So what holds in the end follows from the set of them, by three sentences:

- an address is quarantined by each event that says that it does not exist, unless that one is of a burst;
- an event is of a burst when so many addresses of one domain stop existing within the hour: all of them wait then,
  those that were quarantined before the burst was seen as well;
- an address is quarantined by each failure that is the last of so many messages in so many days, none of them from
  before a lifting that came after it.

Each only ever adds, whatever comes next; and a lifting ends what happened before it by the law of gates.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db.models import QuerySet

from consent.models import DeliveryEvent
from consent.vocabulary import DeliveryOutcome
from contacts.addresses import Address, Mark
from contacts.models import Block, Project, StatusHistory
from contacts.origin import THE_SYSTEM, Origin
from contacts.services import blocks
from contacts.services.undo import take_back_bounces
from contacts.vocabulary import Aspect, BlockKind, Cause, Method, Reason, Says

BURST = timedelta(hours=1)
_MOST_NEAR = 1_000


class MoreToLock(Exception):
    """A burst shows, and the addresses that it frees have to be locked with the others, in one order."""

    def __init__(self, fingerprints: set[str]) -> None:
        super().__init__()
        self.fingerprints = fingerprints


def not_existing(event: DeliveryEvent, address: Address | Mark, locked: set[str]) -> DeliveryOutcome:
    """Do what follows where an address is said not to exist, and return what became of the event.

    ``locked`` are the fingerprints that are. Raises MoreToLock.
    """
    if not event.believed:
        return DeliveryOutcome.WAITING
    burst = _burst(event)
    if burst:
        _let_wait(burst, event, locked)
        return DeliveryOutcome.WAITING
    _quarantine(event, address, Cause.NO_SUCH_ADDRESS)
    return DeliveryOutcome.QUARANTINED


def _quarantine(event: DeliveryEvent, address: Address | Mark, cause: Cause) -> None:
    """Say no to the address, unless a lifting ended what happened before it.

    Where it lifted a block of this cause, the law of gates says so, and the entry tells that it came late.
    """
    later = {lifted for at, lifted in _liftings(event.project, address) if at > event.occurred_at}
    if later and cause not in later:
        return
    reasons = {
        Cause.NO_SUCH_ADDRESS: Reason.NO_SUCH_ADDRESS,
        Cause.DELIVERY_ERRORS: Reason.DELIVERY_ERRORS,
    }
    origin = Origin(
        Method.BOUNCE, THE_SYSTEM, reasons[cause], evidence=evidence_of(event), occurred_at=event.occurred_at,
        request_id=event.request_id,
    )  # fmt: skip
    blocks.quarantine_addresses([address], project=event.project, cause=cause, origin=origin)


def evidence_of(event: DeliveryEvent) -> dict[str, object]:
    """What an entry keeps. The receiver's words may hold the address, and stay with the event, which is erased."""
    return {"event": event.pk, **({"code": event.status} if event.status else {})}


# A burst


def _burst(event: DeliveryEvent) -> set[int]:
    """The numbers of the events with which this one makes a burst, itself among them; none where it makes none.

    A burst is an hour in which addresses of the domain stop existing, as many as the project says.
    """
    most = event.project.burst_addresses
    if not event.domain:
        return set()
    here = DeliveryEvent.objects.filter(project=event.project, domain=event.domain, is_final=True, believed=True)
    before = here.filter(occurred_at__gte=event.occurred_at - BURST, occurred_at__lte=event.occurred_at)
    after = here.filter(occurred_at__gte=event.occurred_at, occurred_at__lte=event.occurred_at + BURST)
    if not _free(before | after).exclude(pk=event.pk).exists() and (_has(before, most) or _has(after, most)):
        return {event.pk}
    near = list((before | after).order_by("occurred_at", "pk").values_list("pk", "occurred_at", "fingerprint"))
    return _crowded(near, event.occurred_at, most)


def _has(events: QuerySet[DeliveryEvent], number: int) -> bool:
    """Whether events are of so many addresses, looking at no more than these."""
    return len(events.order_by().values_list("fingerprint").distinct()[:number]) >= number


def _crowded(near: Sequence[tuple[int, datetime, str]], moment: datetime, most: int) -> set[int]:
    """Of events in the order of their times those in some hour that holds the moment and so many addresses."""
    found: set[int] = set()
    inside: Counter[str] = Counter()
    end = 0
    for start, (_number, begins_at, mark) in enumerate(near):
        if begins_at > moment:
            break
        while end < len(near) and near[end][1] <= begins_at + BURST:
            inside[near[end][2]] += 1
            end += 1
        if len(inside) >= most and begins_at + BURST >= moment:
            found.update(number for number, _at, _mark in near[start:end])
        inside[mark] -= 1
        if not inside[mark]:
            del inside[mark]
    return found


def _free(events: QuerySet[DeliveryEvent]) -> QuerySet[DeliveryEvent]:
    """Those that quarantined an address by themselves: nobody has decided about them yet."""
    return events.filter(outcome=DeliveryOutcome.QUARANTINED, decided_at__isnull=True)


def _let_wait(burst: Collection[int], event: DeliveryEvent, locked: set[str]) -> None:
    """Take back the quarantines of a burst's first members, who wait with the others from here on."""
    freed = list(_free(DeliveryEvent.objects.filter(pk__in_set=list(burst))))
    if not freed:
        return
    entries = StatusHistory.objects.filter(
        request_id__in=[one.request_id for one in freed], aspect=Aspect.QUARANTINE, says=Says.NO
    )
    concerned = {mark for mark in entries.values_list("block__fingerprint", flat=True) if mark}
    if not concerned <= locked:
        raise MoreToLock(concerned)
    take_back_bounces(entries, origin=Origin(Method.SYSTEM, THE_SYSTEM, evidence=evidence_of(event)))
    DeliveryEvent.objects.filter(pk__in_set=[one.pk for one in freed]).update(outcome=DeliveryOutcome.WAITING)


# Repeated failures


def failed(event: DeliveryEvent, address: Address | Mark) -> DeliveryOutcome:
    """Count a failure. It may complete a series that began before it, and later ones that it belongs to."""
    event.outcome = DeliveryOutcome.COUNTED
    event.save(update_fields=["outcome"])
    project = event.project
    period = timedelta(days=project.delivery_error_days)
    series = _series(event, address, period)
    for one in series:
        if one.occurred_at < event.occurred_at or one.outcome != DeliveryOutcome.COUNTED:
            continue
        within = [other for other in series if one.occurred_at - period <= other.occurred_at <= one.occurred_at]
        if len({other.message or other.digest for other in within}) >= project.delivery_errors:
            one.project = project
            _quarantine(one, address, Cause.DELIVERY_ERRORS)
            DeliveryEvent.objects.filter(pk=one.pk).update(outcome=DeliveryOutcome.QUARANTINED)
            if one.pk == event.pk:
                event.outcome = DeliveryOutcome.QUARANTINED
    return DeliveryOutcome(event.outcome)


def _series(event: DeliveryEvent, address: Address | Mark, period: timedelta) -> list[DeliveryEvent]:
    """The failures at the address that may count together with one, between two liftings of its quarantine."""
    counting = DeliveryEvent.objects.filter(
        project=event.project, fingerprint__in=address.fingerprints, is_final=False,
        outcome__in=(DeliveryOutcome.COUNTED, DeliveryOutcome.QUARANTINED),
    )  # fmt: skip
    lifted = [moment for moment, _cause in _liftings(event.project, address)]
    since = max([event.occurred_at - period, *(moment for moment in lifted if moment <= event.occurred_at)])
    until = event.occurred_at + period
    later = [moment for moment in lifted if moment > event.occurred_at]
    before = counting.filter(occurred_at__gte=since, occurred_at__lte=event.occurred_at)
    after = counting.filter(occurred_at__gt=event.occurred_at, occurred_at__lte=until)
    if later:
        after = after.filter(occurred_at__lt=min(later))
    return [
        *before.order_by("-occurred_at", "-pk")[:_MOST_NEAR],
        *after.order_by("occurred_at", "pk")[:_MOST_NEAR],
    ]


def _liftings(project: Project, address: Address | Mark) -> list[tuple[datetime, str]]:
    """When users lifted a quarantine of the address, and of which cause: they had decided that it works."""
    lifted = StatusHistory.objects.filter(
        block__in=Block.objects.filter(
            project=project, channel=address.channel, fingerprint__in=address.fingerprints, kind=BlockKind.QUARANTINE
        ),
        says=Says.YES,
    )
    return list(lifted.not_voided().values_list("occurred_at", "block__cause"))
