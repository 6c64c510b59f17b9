"""Contacts' own requests to be erased, for an admin to complete or refuse."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from consent.vocabulary import RequestState
from contacts.models import Contact, Project


class ErasureRequest(models.Model):
    """A request through the consent centre. It names the contact's number alone, and outlives them."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="erasure_requests")
    contact = models.ForeignKey(
        Contact, on_delete=models.DO_NOTHING, db_constraint=False, related_name="erasure_requests"
    )
    state = models.CharField(max_length=8, choices=RequestState, default=RequestState.OPEN)
    requested_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=254, blank=True, default="")
    refusal = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["contact"], condition=Q(state=RequestState.OPEN), name="erasure_request_open_once"
            ),
            models.CheckConstraint(condition=Q(state__in=RequestState.values), name="erasure_request_state_known"),
        ]
        indexes = [models.Index(fields=["project", "-requested_at", "-id"], name="erasure_request_by_project")]

    def __str__(self) -> str:
        return f"{self.pk}"
