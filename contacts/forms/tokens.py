"""A token of the web service: its name, what it may do, until when."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError
from contacts.forms.base import ChangeForm, DayField, TextField
from contacts.moments import end_of_day
from contacts.services.tokens import DEFAULT_SCOPES
from contacts.vocabulary import ApiScope

LASTS = timedelta(days=365)


class TokenForm(ChangeForm):
    """A new token."""

    name = TextField(
        label=_("Name"),
        max_length=100,
        help_text=_("Of the program that uses it, like “Shop” or “SMS gateway”. The history names it."),
        error_messages={"required": _("Give the token a name, for example that of the program that uses it.")},
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=ApiScope.choices,
        widget=forms.CheckboxSelectMultiple,
        initial=list(DEFAULT_SCOPES),
        help_text=_("No more than the program needs."),
        error_messages={
            "required": _("Tick at least one thing that the token may do."),
            "invalid_choice": _("Choose among these."),
        },
    )
    expires_on = DayField(
        label=_("Last day"), required=False, help_text=_("It stops working after this day. Empty: never.")
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.fields["expires_on"].initial = lambda: timezone.localdate() + LASTS

    @property
    def expires_at(self) -> datetime | None:
        """The end of the last day, in the project's time zone."""
        day = self.cleaned_data["expires_on"]
        return end_of_day(day, timezone.get_current_timezone()) if day else None

    def refuse(self, error: RegisterError) -> None:
        if error.field == "expires_at":
            self.add_error("expires_on", str(error))
        else:
            super().refuse(error)
