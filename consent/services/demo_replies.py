"""The demo's replies: one for each STOP of its history, and some that wait or say nothing of the kind."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from consent.demo.replies import WORDS
from consent.models import InboundReply
from consent.services.feedback.replies import take_text
from consent.vocabulary import ReplyOutcome
from contacts.demo.stories import Telling
from contacts.extension_points import Demonstration, demonstrations
from contacts.models import ChannelStatus, Project, StatusHistory
from contacts.origin import THE_SYSTEM
from contacts.vocabulary import Aspect, Channel, Method

SENT_TO = "36111"


def register() -> None:
    """Add it to the demo; called once at start-up."""
    demonstrations.add(Demonstration("replies", 30, lambda _project, _until: None, tell))


def tell(project: Project, tellings: Mapping[int, Telling]) -> None:
    stops = StatusHistory.objects.filter(
        contact_id__in_set=list(tellings), aspect=Aspect.SUPPRESSION, method=Method.SMS
    )
    rows = ChannelStatus.objects.filter(contact_id__in_set=list(tellings), channel=Channel.SMS).with_address()
    numbers = {row.contact_id: row for row in rows.filter(contact_id__in=stops.values("contact_id"))}
    InboundReply.objects.bulk_create(
        InboundReply(
            project=project, contact_id=entry.contact_id, channel=Channel.SMS, text="STOP", keyword="STOP",
            digest=hashlib.sha256(f"demo reply {entry.pk}".encode()).hexdigest(), sent_to=SENT_TO,
            fingerprint=numbers[entry.contact_id].fingerprint, address=numbers[entry.contact_id].address,
            outcome=ReplyOutcome.STOPPED, occurred_at=entry.occurred_at, received_at=entry.recorded_at,
            request_id=entry.request_id,
        )
        for entry in stops.order_by("pk")
        if entry.contact_id in numbers
    )  # fmt: skip
    if InboundReply.objects.filter(project=project, outcome=ReplyOutcome.WAITING).exists():
        return
    reachable = rows.filter(contact__is_active=True, suppressed=False).order_by("contact_id")
    now = timezone.now()
    for place, (address, words) in enumerate(zip(reachable.values_list("address", flat=True), WORDS, strict=False)):
        take_text(
            project, sender=address, recipient=SENT_TO, text=words, key=f"demo {place}",
            occurred_at=now - timedelta(hours=3 + 9 * place), actor=THE_SYSTEM,
        )  # fmt: skip
