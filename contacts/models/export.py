"""Which personal data left the register: who exported what, when, and how much of it."""

from __future__ import annotations

from django.db import models

from contacts.models.project import Project


class Export(models.Model):
    """One export. Names the filters that were used, not their values, which may be personal data."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="exports")
    subject = models.CharField(max_length=20)
    filters = models.JSONField(default=list)
    rows = models.PositiveIntegerField()
    actor_number = models.BigIntegerField(null=True)
    actor_label = models.CharField(max_length=254, blank=True)
    exported_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["project", "-exported_at"], name="export_by_project")]

    def __str__(self) -> str:
        return f"{self.pk}"
