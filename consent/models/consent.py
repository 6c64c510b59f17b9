"""What a contact's opt-in history amounts to now: one row for each contact, type and channel."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from consent.models.communication_type import CommunicationType
from contacts.models import ChannelStatus, Contact, Organization, Project
from contacts.vocabulary import Channel


class Consent(models.Model):
    """The projection of ``ConsentHistory``; services keep it in the same transaction, ``verify`` compares it.

    What is withdrawn, express, implied and pending stands side by side: a withdrawal that stands outweighs the others,
    an express consent is one at any time, an implied one until ``implied_until`` (the latest there is), which nothing
    has to run for. ``…_at`` are the moments of the last such word.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="consents")
    channel_status = models.ForeignKey(ChannelStatus, on_delete=models.CASCADE, db_index=False, related_name="consents")
    communication_type = models.ForeignKey(
        CommunicationType, on_delete=models.PROTECT, db_index=False, related_name="consents"
    )
    channel = models.CharField(max_length=8, choices=Channel)
    is_withdrawn = models.BooleanField(default=False)
    is_express = models.BooleanField(default=False)
    implied_until = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    express_at = models.DateTimeField(null=True, blank=True)
    pending_at = models.DateTimeField(null=True, blank=True)
    last_entry_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "communication_type", "channel"], name="consent_unique"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="consent_channel_known"),
        ]
        indexes = [
            models.Index(fields=["channel_status", "communication_type"], name="consent_by_channel_status"),
            models.Index(fields=["communication_type", "channel", "implied_until"], name="consent_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
