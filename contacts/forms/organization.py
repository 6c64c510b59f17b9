"""Forms about an organization itself."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from contacts.forms.base import RegisterForm, TextField


class OrganizationForm(RegisterForm):
    """The sender, as public pages and messages name it."""

    name = TextField(
        label=_("Name"), max_length=200, error_messages={"required": _("Enter a name, for example “Harbour Museum”.")}
    )
    postal_address = TextField(
        label=_("Postal address"),
        max_length=500,
        several_lines=True,
        required=False,
        help_text=_("Stands at the foot of public pages. Many laws ask for it in every message."),
    )
