"""Forms about who may do what."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import RegisterForm, TextField
from contacts.models import Membership
from contacts.services.members import Permissions
from contacts.vocabulary import Channel, Role

ROLES = [
    (Role.VIEWER, _("Viewer: looks at everything, changes nothing")),
    (Role.EDITOR, _("Editor: activates, deactivates, edits and imports")),
    (Role.ADMIN, _("Admin: also settings, members, the history of everybody; may delete and export")),
]


class EmailField(forms.EmailField):
    """An address to log in with, in small letters."""

    default_error_messages = {
        "required": _("Enter the email address that they log in with."),
        "invalid": _("Write the email address like name@example.org."),
    }

    def __init__(self, **particulars: Any) -> None:
        super().__init__(max_length=254, **particulars)
        self.widget.attrs["autocomplete"] = "off"

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").lower()


class PersonForm(RegisterForm):
    """Somebody by email address; the name is for an account that is made now."""

    email = EmailField(label=_("Email address"))
    name = TextField(
        label=_("Name"),
        max_length=150,
        required=False,
        help_text=_("For a new account. Who has one already keeps the name that it has."),
    )


class PermissionsForm(RegisterForm):
    """Role and permissions of a membership."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=ROLES,
        widget=forms.RadioSelect,
        initial=Role.VIEWER,
        error_messages={"required": _("Choose a role."), "invalid_choice": _("Choose one of the roles.")},
    )
    may_delete = forms.BooleanField(
        label=_("May delete contacts for good"), required=False, help_text=_("Admins always may.")
    )
    may_export = forms.BooleanField(
        label=_("May export contacts and history"), required=False, help_text=_("Admins always may.")
    )
    send_channels = forms.MultipleChoiceField(
        label=_("May send on"),
        choices=Channel.choices,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        initial=list(Channel.values),
        error_messages={"invalid_choice": _("Choose among the channels.")},
    )

    @property
    def permissions(self) -> Permissions:
        return Permissions(**{name: self.cleaned_data[name] for name in PermissionsForm.base_fields})


class MemberForm(PersonForm, PermissionsForm):
    """A new member."""

    field_order = ["email", "name"]


def permissions_of(membership: Membership) -> dict[str, Any]:
    """The values to start a PermissionsForm with."""
    return {name: getattr(membership, name) for name in PermissionsForm.base_fields}
