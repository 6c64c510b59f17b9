"""Links that we mail to a person, so that what they then do is their own act."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q

from consent.vocabulary import LinkPurpose
from contacts.models import Contact, Project


class MailedLink(models.Model):
    """A mail to one person with a link that can be used once, until it expires. The worker sends it.

    ``asked`` is what was asked for and how (form and version, wording, types and channels, details, page, IP address,
    user agent): of somebody new nothing else is kept until they confirm. Expired rows are purged, and an erasure takes
    those to the contact and to their addresses. ``nonce`` is in the signed link; no secret is stored.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, null=True, blank=True, on_delete=models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=16, choices=LinkPurpose)
    address = models.CharField(max_length=320)
    fingerprint = models.CharField(max_length=100)
    language = models.CharField(max_length=10, blank=True, default="")
    asked = models.JSONField(default=dict, blank=True)
    nonce = models.UUIDField(default=uuid.uuid4)
    request_id = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "fingerprint", "-created_at"], name="mailed_link_by_address"),
            models.Index(fields=["expires_at"], name="mailed_link_by_end"),
            models.Index(fields=["created_at"], name="mailed_link_unsent", condition=Q(sent_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(purpose__in=LinkPurpose.values), name="mailed_link_purpose_known")
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
