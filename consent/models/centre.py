"""How a project's public pages look, what they say, and what an opt-out link stops."""

from __future__ import annotations

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from contacts.models import Project


class Centre(models.Model):
    """The consent centre of a project. Without a row (or closed) the project has none: then opt-out links stop
    everything from it.

    ``logo`` is a small picture of the type ``logo_type``; ``introduction`` is by language. ``stops_everything`` makes
    one-click opt-outs stop everything instead of one type.
    """

    project = models.OneToOneField(Project, on_delete=models.PROTECT, primary_key=True, related_name="centre")
    is_open = models.BooleanField(_("the consent centre is open"), default=True)
    sender_name = models.CharField(_("name of the sender"), max_length=100, blank=True, default="")
    contact_email = models.EmailField(_("address for questions"), blank=True, default="")
    colour = models.CharField(
        _("colour"), max_length=7, blank=True, default="",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write a colour like #0b5c7a."))],
    )  # fmt: skip
    logo = models.BinaryField(blank=True, default=b"")
    logo_type = models.CharField(max_length=20, blank=True, default="")
    introduction = models.JSONField(default=dict, blank=True)
    stops_everything = models.BooleanField(_("opt-out links always stop everything"), default=False)
    default_language = models.CharField(_("language where nothing else is known"), max_length=10, default="en")

    def __str__(self) -> str:
        return f"{self.pk}"
