"""The right to send: communication types, opt-ins, public pages, and later sendings."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsentConfig(AppConfig):
    name = "consent"
    verbose_name = _("Consent centre")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from consent import checks, chores, conditions, holdings, imports, profile
        from consent.selectors import delivery, replies, requests, spam_reports
        from consent.services import demo, demo_deliveries, demo_replies, demo_reports, undo
        from contacts import triggers
        from contacts.extension_points import Undoing, undoings

        triggers.add_history("consent_consenthistory")
        conditions.register()
        holdings.register()
        checks.register()
        imports.register()
        profile.register()
        delivery.register()
        replies.register()
        requests.register()
        spam_reports.register()
        chores.register()
        demo.register()
        demo_replies.register()
        demo_deliveries.register()
        demo_reports.register()
        undoings.add(Undoing("consents", 10, undo.entries_of_import, undo.undo_numbers))
