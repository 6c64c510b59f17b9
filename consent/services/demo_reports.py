"""The demo's spam reports: one for each complaint of its history, and some that wait or changed nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from django.utils import timezone

from consent.demo.reports import redacted_report, report_of
from consent.incoming.arf import ABUSE, read_report
from consent.incoming.mime import read_message
from consent.models import ReportedAddress, SpamReport
from consent.services.feedback.reports import take
from consent.vocabulary import Door, FoundBy, ReportOutcome
from contacts.demo.stories import Telling
from contacts.extension_points import Demonstration, demonstrations
from contacts.models import ChannelStatus, Project, StatusHistory
from contacts.origin import THE_SYSTEM
from contacts.vocabulary import Aspect, Channel, Method

WAITING = 2


def register() -> None:
    """Add it to the demo; called once at start-up."""
    demonstrations.add(Demonstration("spam_reports", 20, lambda _project, _until: None, tell))


def tell(project: Project, tellings: Mapping[int, Telling]) -> None:
    complaints = StatusHistory.objects.filter(
        contact_id__in_set=list(tellings), aspect=Aspect.ACTIVE, method=Method.SPAM_REPORT
    )
    reports = {
        entry.contact_id: SpamReport(
            project=project, door=Door.API, form="arf", feedback_type=ABUSE, believed=True,
            outcome=ReportOutcome.SUPPRESSED, digest=hashlib.sha256(f"demo {entry.pk}".encode()).hexdigest(),
            details={"user-agent": "ExampleLoop/1.0", "source-ip": "192.0.2.7"}, occurred_at=entry.occurred_at,
            received_at=entry.recorded_at, request_id=entry.request_id,
        )
        for entry in complaints.order_by("pk")
    }  # fmt: skip
    rows = list(ChannelStatus.objects.filter(contact_id__in_set=list(reports), channel=Channel.EMAIL).with_address())
    for row in rows:
        reports[row.contact_id].raw = report_of(row.address, reports[row.contact_id].occurred_at)
    SpamReport.objects.bulk_create(reports.values())
    ReportedAddress.objects.bulk_create(
        ReportedAddress(
            report=reports[row.contact_id], contact_id=row.contact_id, channel=row.channel,
            fingerprint=row.fingerprint, address=row.address, found_by=FoundBy.RECIPIENT,
        )
        for row in rows
    )  # fmt: skip
    if SpamReport.objects.filter(project=project, outcome=ReportOutcome.WAITING).exists():
        return
    reachable = ChannelStatus.objects.filter(contact_id__in_set=list(tellings), channel=Channel.EMAIL).with_address()
    reachable = reachable.filter(contact__is_active=True, suppressed=False).order_by("contact_id")
    addresses = list(reachable.values_list("address", flat=True)[: WAITING + 1])
    now = timezone.now().replace(microsecond=0)
    came = [report_of(address, now - timedelta(hours=5 + 20 * place)) for place, address in enumerate(addresses[:-1])]
    came += [report_of(address, now - timedelta(days=3), kind="not-spam") for address in addresses[-1:]]
    for raw in [*came, redacted_report(now - timedelta(days=4))]:
        report = read_report(read_message(raw))
        assert report is not None
        take(report, project=project, door=Door.MAIL, believed=False, raw=raw, actor=THE_SYSTEM)
