"""What comes back from receivers: spam reports, delivery events, text messages, mail that could not be read.

Each outlives the contact, and names them by their number alone once an erasure took what else it said.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q

from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door, FoundBy, ReplyOutcome, ReportOutcome
from contacts.models import Contact, Project
from contacts.vocabulary import Channel


def _contact() -> Any:
    return models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )


class Decided(models.Model):
    """What a user may have to decide: when that was, and who."""

    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True, default="")

    class Meta:
        abstract = True


class SpamReport(Decided):
    """A feedback report (RFC 5965), or what stands for one, with what was done.

    ``digest`` makes a report that comes twice the same one. ``details`` holds what it says of no person: software,
    versions, times, the reporting host. ``raw`` is the report as it came, until one of those it names is erased, or
    for 30 days where it changed nothing.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="spam_reports")
    door = models.CharField(max_length=8, choices=Door)
    form = models.CharField(max_length=20)
    feedback_type = models.CharField(max_length=40)
    believed = models.BooleanField()
    outcome = models.CharField(max_length=12, choices=ReportOutcome)
    digest = models.CharField(max_length=64)
    details = models.JSONField(default=dict, blank=True)
    raw = models.BinaryField(null=True, blank=True)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    request_id = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="spam_report_once"),
            models.CheckConstraint(condition=Q(outcome__in=ReportOutcome.values), name="spam_report_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["project", "-received_at", "-id"], name="spam_report_by_project"),
            models.Index(fields=["project", "id"], name="spam_report_waiting", condition=Q(outcome="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class ReportedAddress(models.Model):
    """Somebody whom a spam report names, and how: the address goes with the erasure of whoever had it."""

    report = models.ForeignKey(SpamReport, on_delete=models.CASCADE, related_name="addresses")
    contact = _contact()
    channel = models.CharField(max_length=8, choices=Channel)
    fingerprint = models.CharField(max_length=100)
    address = models.CharField(max_length=320, null=True, blank=True)
    found_by = models.CharField(max_length=10, choices=FoundBy)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["report", "channel", "fingerprint", "contact"], name="reported_once")
        ]
        indexes = [
            models.Index(fields=["fingerprint"], name="reported_by_fingerprint"),
            models.Index(fields=["contact"], name="reported_by_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class DeliveryEvent(Decided):
    """What a receiver or a provider told of one message to one address.

    ``digest`` makes an event that comes twice the same one. ``status`` is an enhanced status code (RFC 3463) as far
    as one is known, ``reply`` the receiver's words; ``domain`` that of the address. The last two, and the address, go
    with an erasure. ``message`` is a digest of what tells the message from others, where that is known: several
    failures of one message are one. ``is_final`` says that the receiver will never take it: the address does not exist
    (DESIGN, rule 9). ``believed`` is false of what anybody could have sent us.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="delivery_events")
    door = models.CharField(max_length=8, choices=Door)
    provider = models.CharField(max_length=40, blank=True, default="")
    kind = models.CharField(max_length=14, choices=DeliveryKind)
    digest = models.CharField(max_length=64)
    message = models.CharField(max_length=64, blank=True, default="")
    contact = _contact()
    channel = models.CharField(max_length=8, choices=Channel, default=Channel.EMAIL)
    fingerprint = models.CharField(max_length=100)
    address = models.CharField(max_length=320, null=True, blank=True)
    domain = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=20, blank=True, default="")
    reply = models.TextField(blank=True, default="")
    is_final = models.BooleanField(default=False)
    believed = models.BooleanField(default=True)
    outcome = models.CharField(max_length=12, choices=DeliveryOutcome)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    request_id = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="delivery_event_once"),
            models.CheckConstraint(condition=Q(kind__in=DeliveryKind.values), name="delivery_event_kind_known"),
            models.CheckConstraint(
                condition=Q(outcome__in=DeliveryOutcome.values), name="delivery_event_outcome_known"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "-occurred_at", "-id"], name="delivery_event_by_project"),
            models.Index(fields=["fingerprint", "project", "-occurred_at"], name="delivery_event_by_address"),
            models.Index(
                fields=["project", "domain", "occurred_at"], name="delivery_event_by_domain",
                condition=Q(is_final=True),
            ),
            models.Index(fields=["project", "id"], name="delivery_event_waiting", condition=Q(outcome="waiting")),
            models.Index(fields=["contact"], name="delivery_event_by_contact"),
            models.Index(fields=["recorded_at"], name="delivery_event_by_age"),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.pk}"


class InboundReply(Decided):
    """A text message or a mail that somebody sent back, which stops, or may mean to.

    Address and text go with the erasure of whoever had the address.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="inbound_replys")
    contact = _contact()
    digest = models.CharField(max_length=64)
    channel = models.CharField(max_length=8, choices=Channel)
    fingerprint = models.CharField(max_length=100)
    address = models.CharField(max_length=320, null=True, blank=True)
    sent_to = models.CharField(max_length=320, blank=True, default="")
    text = models.TextField(blank=True, default="")
    keyword = models.CharField(max_length=20, blank=True, default="")
    outcome = models.CharField(max_length=10, choices=ReplyOutcome)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField()
    request_id = models.UUIDField(default=uuid.uuid4)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "digest"], name="inbound_reply_once"),
            models.CheckConstraint(condition=Q(outcome__in=ReplyOutcome.values), name="inbound_reply_outcome_known"),
        ]
        indexes = [
            models.Index(fields=["project", "-received_at", "-id"], name="inbound_reply_by_project"),
            models.Index(fields=["project", "id"], name="inbound_reply_waiting", condition=Q(outcome="waiting")),
            models.Index(fields=["fingerprint"], name="inbound_reply_by_number"),
            models.Index(fields=["contact"], name="inbound_reply_by_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class UnreadMail(models.Model):
    """A mail that could not be read or belongs to nobody, kept aside for some days for an operator to look at.

    ``reason`` says why, in words for them; ``raw`` is its beginning. An erasure takes those that name the contact.
    """

    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT, related_name="unread_mails")
    digest = models.CharField(max_length=64, unique=True)
    reason = models.CharField(max_length=200)
    size = models.PositiveBigIntegerField()
    raw = models.BinaryField()
    received_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="unread_mail_by_age")]

    def __str__(self) -> str:
        return f"{self.pk}"


class WebhookEndpoint(models.Model):
    """Where a provider sends its events for a project: an address nobody guesses, and the secrets that sign them.

    ``secrets`` are kept as they are, since signatures are checked with them; no page shows them again.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="webhook_endpoints")
    provider = models.CharField(max_length=40)
    key = models.UUIDField(unique=True, default=uuid.uuid4)
    secrets = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(max_length=254, blank=True, default="")
    last_event_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["project", "provider"], name="webhook_by_project")]

    def __str__(self) -> str:
        return f"{self.pk}"
