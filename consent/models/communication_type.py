"""What a sending is about: newsletter, promotions, receipts."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models import Project
from contacts.models.project import all_channels


class CommunicationType(models.Model):
    """A kind of sending of a project. An administrative one needs no consent."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="communication_types")
    slug = models.SlugField()
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=1_000)
    channels = models.JSONField(_("channels"), default=all_channels)
    administrative = models.BooleanField(_("administrative, needs no consent"), default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="communication_type_unique")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
