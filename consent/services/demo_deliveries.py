"""The demo's bounces: one for each quarantine of its history, a burst that waits, some that count or prove nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.utils import timezone

from consent.demo.deliveries import DELIVERY_ERRORS, NO_SUCH_ADDRESS, OUTAGE
from consent.models import DeliveryEvent
from consent.services.feedback.delivery import Told, take
from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door
from contacts.demo.stories import Telling
from contacts.extension_points import Demonstration, demonstrations
from contacts.models import ChannelStatus, Project, StatusHistory
from contacts.origin import THE_SYSTEM
from contacts.vocabulary import Aspect, Channel, Method, Reason, Says

MORE_THAN_A_BURST = 6
FAILED_ONCE = 5


def register() -> None:
    """Add it to the demo; called once at start-up."""
    demonstrations.add(Demonstration("deliveries", 40, lambda _project, _until: None, tell))


def tell(project: Project, tellings: Mapping[int, Telling]) -> None:
    bounces = StatusHistory.objects.filter(
        contact_id__in_set=list(tellings), aspect=Aspect.QUARANTINE, says=Says.NO, method=Method.BOUNCE,
        channel=Channel.EMAIL, block__address__isnull=False,
    )  # fmt: skip
    DeliveryEvent.objects.bulk_create(_event(project, entry) for entry in bounces.select_related("block"))
    if DeliveryEvent.objects.filter(project=project, outcome=DeliveryOutcome.WAITING).exists():
        return
    reachable = ChannelStatus.objects.filter(contact_id__in_set=list(tellings), channel=Channel.EMAIL).with_address()
    reachable = reachable.filter(contact__is_active=True, suppressed=False, quarantined=False).order_by("contact_id")
    now = timezone.now()
    _burst(project, list(reachable.filter(address__endswith="@example.com")), now - timedelta(hours=26))
    others = list(reachable.exclude(address__endswith="@example.com")[: FAILED_ONCE + 1])
    for place, row in enumerate(others):
        status, reply = (DELIVERY_ERRORS if place else NO_SUCH_ADDRESS)[place % 3]
        told = Told(
            DeliveryKind.BOUNCED, f"demo {place}", row.address, status=status, reply=reply.format(address=row.address),
            occurred_at=now - timedelta(hours=4 + 31 * place),
        )  # fmt: skip
        take(project, [told], door=Door.MAIL, believed=bool(place), actor=THE_SYSTEM)


def _event(project: Project, entry: StatusHistory) -> DeliveryEvent:
    assert entry.block is not None
    address = entry.block.address or ""
    is_final = entry.reason == Reason.NO_SUCH_ADDRESS
    said = NO_SUCH_ADDRESS if is_final else DELIVERY_ERRORS
    status, reply = said[entry.pk % len(said)]
    return DeliveryEvent(
        project=project, door=Door.MAIL, kind=DeliveryKind.BOUNCED, contact_id=entry.contact_id,
        digest=hashlib.sha256(f"demo bounce {entry.pk}".encode()).hexdigest(), fingerprint=entry.block.fingerprint,
        address=address, domain=address.rpartition("@")[2], status=status, reply=reply.format(address=address),
        is_final=is_final, outcome=DeliveryOutcome.QUARANTINED, occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at, request_id=entry.request_id,
    )  # fmt: skip


def _burst(project: Project, rows: Sequence[ChannelStatus], began_at: datetime) -> None:
    """A provider's outage, where it has so many of the project's readers that it counts as one."""
    number = project.burst_addresses + MORE_THAN_A_BURST
    if len(rows) < number:
        return
    status, reply = OUTAGE
    DeliveryEvent.objects.bulk_create(
        DeliveryEvent(
            project=project, door=Door.MAIL, kind=DeliveryKind.BOUNCED, contact_id=row.contact_id,
            digest=hashlib.sha256(f"demo outage {row.pk}".encode()).hexdigest(), fingerprint=row.fingerprint,
            address=row.address, domain="example.com", status=status, reply=reply.format(address=row.address),
            is_final=True, outcome=DeliveryOutcome.WAITING, occurred_at=began_at + timedelta(seconds=31 * place),
            recorded_at=began_at + timedelta(seconds=31 * place + 4),
        )
        for place, row in enumerate(rows[:number])
    )  # fmt: skip
