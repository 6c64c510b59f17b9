"""Addresses that may not be written to. A block lies on the address, not on the contact, and outlives it."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import Q

from contacts.models.project import Organization, Project
from contacts.vocabulary import BlockKind, Cause, Channel


class BlockQuerySet(models.QuerySet["Block"]):
    def on(self) -> Self:
        return self.filter(is_on=True)

    def reaching(self, project: Project) -> Self:
        """Blocks that hold in a project: its own, and those of its whole organization."""
        return self.filter(Q(project=project) | Q(project__isnull=True), organization=project.organization_id)


class Block(models.Model):
    """One cause for not writing to one address on one channel, in a project or the whole organization.

    The address is kept for people to read until somebody who held it is erased; the fingerprint stays.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="blocks")
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT, related_name="blocks")
    channel = models.CharField(max_length=8, choices=Channel)
    fingerprint = models.CharField(max_length=100)
    kind = models.CharField(max_length=12, choices=BlockKind)
    cause = models.CharField(max_length=20, choices=Cause)
    address = models.CharField(max_length=320, null=True, blank=True)
    is_on = models.BooleanField(default=False)
    last_entry_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = BlockQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "project", "channel", "fingerprint", "kind", "cause"],
                condition=Q(project__isnull=False),
                name="block_unique_in_project",
            ),
            models.UniqueConstraint(
                fields=["organization", "channel", "fingerprint", "kind", "cause"],
                condition=Q(project__isnull=True),
                name="block_unique_in_organization",
            ),
            models.CheckConstraint(condition=Q(kind__in=BlockKind.values), name="block_kind_known"),
        ]
        indexes = [
            # With the kind in it: SQLite would else look an address up among all blocks of its kind (block_by_kind).
            models.Index(fields=["fingerprint", "channel", "kind"], name="block_by_fingerprint"),
            models.Index(fields=["organization", "kind", "-id"], name="block_by_kind"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
