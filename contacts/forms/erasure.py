"""Deleting a contact for good, and finding the receipt of it again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.errors import ConfirmationMismatch
from contacts.forms.base import ChangeForm, RegisterForm, TextField

REQUESTED, CLEAN_UP = "requested", "clean_up"


class DeleteForm(ChangeForm):
    """Whose wish it is, and the contact's key typed out."""

    reason = forms.ChoiceField(
        label=_("Whose wish is it?"),
        widget=forms.RadioSelect,
        choices=[
            (REQUESTED, _("The contact asked to be erased")),
            (CLEAN_UP, _("Clean-up: we do not need this contact any more")),
        ],
        error_messages={
            "required": _("Say whether the contact asked for it."),
            "invalid_choice": _("Choose one of these reasons."),
        },
    )
    key = TextField(
        label=_("The contact’s key"),
        max_length=254,
        widget=forms.TextInput(
            attrs={"class": "key", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
        ),
    )

    def __init__(self, *args: Any, key: str, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.expected = key
        field = self.fields["key"]
        field.label = format_html('{} <span class="key">{}</span>', gettext("Type the contact’s key to confirm:"), key)
        field.error_messages["required"] = self._mismatch(gettext("The key is missing."))

    def clean_key(self) -> str:
        typed: str = self.cleaned_data["key"]
        if typed != self.expected:
            raise forms.ValidationError(self._mismatch(), code=ConfirmationMismatch.code)
        return typed

    @property
    def requested_by_contact(self) -> bool:
        return bool(self.cleaned_data["reason"] == REQUESTED)

    def _mismatch(self, message: str | None = None) -> str:
        return str(ConfirmationMismatch(message, remedy=gettext("Type %(key)s.") % {"key": self.expected}))


class ReceiptSearchForm(RegisterForm):
    """A key, sent by POST: what is typed here is personal data, and addresses of pages are kept in many places."""

    key = TextField(
        label=_("Key of an erased contact"),
        max_length=254,
        help_text=_("The receipt has no key in it, only its fingerprint. Typed exactly, it finds its receipt."),
        widget=forms.TextInput(
            attrs={"class": "key", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "off"}
        ),
        error_messages={"required": _("Type the key that the contact had, for example HM-204817.")},
    )
