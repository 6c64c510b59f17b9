"""The right to send: communication types, and later opt-ins, public pages and sendings."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = _("Consent centre")
    default_auto_field = "django.db.models.BigAutoField"
