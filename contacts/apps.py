"""The register: who they are, what their status is, what happened, how they leave."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Register")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models.signals import post_migrate, pre_migrate

        from contacts import chores, conditions, holdings, triggers
        from contacts.services import set_sql  # noqa: F401  (registers the lookup in_set)

        chores.register()
        conditions.register()
        holdings.register()
        pre_migrate.connect(triggers.before_migrate, sender=self)
        post_migrate.connect(triggers.after_migrate, sender=self)
