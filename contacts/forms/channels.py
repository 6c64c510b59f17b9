"""One channel of a contact: opting out, lifting that, saying that an address is not valid."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import ChangeForm, TextField
from contacts.forms.status import ActivateForm, DeactivateForm

_CHECK_AGAIN = _("Something is missing from this form. Open the page again.")


class OptOutForm(DeactivateForm):
    """Asks what deactivating asks: why, and when the contact asked for it."""


class LiftOptOutForm(ActivateForm):
    """The contact's authorization. It covers the one channel that the page is about."""

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        del self.fields["covers"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        cleaned["covers"] = []
        return cleaned


class ValidityForm(ChangeForm):
    """What the address becomes (so that a second click does not turn it back), and how that is known."""

    becomes = forms.ChoiceField(
        choices=[("valid", _("Valid")), ("invalid", _("Not valid"))],
        widget=forms.HiddenInput,
        error_messages={"required": _CHECK_AGAIN, "invalid_choice": _CHECK_AGAIN},
    )
    note = TextField(
        label=_("Note"), max_length=2000, several_lines=True, required=False,
        help_text=_("How this is known, for example “Misspelled by the caller”."),
    )  # fmt: skip
