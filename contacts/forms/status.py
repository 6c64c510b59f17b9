"""Deactivate, activate, take back: their fields and wording. The rules are the services'."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.errors import InTheFuture
from contacts.forms.base import ChangeForm, DayField, TextField
from contacts.moments import refuse_future
from contacts.origin import REQUESTS, Authorization
from contacts.vocabulary import AuthorizationSource, Reason


class DeactivateForm(ChangeForm):
    """Why, and when the contact asked for it. A decision of ours needs a note."""

    reason = forms.ChoiceField(
        label=_("Whose wish is it?"),
        widget=forms.RadioSelect,
        choices=[
            (Reason.VERBAL_REQUEST, _("The contact asked for it, for example by telephone")),
            (Reason.WRITTEN_REQUEST, _("The contact asked for it in writing, for example in an email or a letter")),
            (Reason.OTHER, _("Other: our own decision")),
        ],
        error_messages={
            "required": _("Say whether the contact asked for it."),
            "invalid_choice": _("Choose one of these reasons."),
        },
    )
    requested_on = DayField(
        label=_("Date of the request"), required=False, help_text=_("When the contact asked. Empty: today.")
    )
    note = TextField(
        label=_("Note"),
        max_length=2000,
        several_lines=True,
        required=False,
        help_text=_("Needed for a decision of ours: a colleague should understand it in a year."),
    )

    def __init__(self, *args: Any, zone: ZoneInfo, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.zone = zone
        self.fields["requested_on"].widget.attrs["max"] = _today(zone).isoformat()

    def clean_requested_on(self) -> date | None:
        day: date | None = self.cleaned_data["requested_on"]
        if day is not None:
            try:
                refuse_future(day, self.zone, now=timezone.now())
            except InTheFuture as error:
                raise forms.ValidationError(str(error), code=error.code) from error
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("reason") == Reason.OTHER and not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", _("Say why, for example “Wrote to us under a wrong name”."))
        if cleaned.get("reason") in REQUESTS and cleaned.get("requested_on") is None:
            cleaned["requested_on"] = _today(self.zone)
        return cleaned


class ActivateForm(ChangeForm):
    """The contact's authorization, and which of their opt-outs it speaks of: none until somebody ticks it."""

    source = forms.ChoiceField(
        label=_("How did the contact allow it?"),
        widget=forms.RadioSelect,
        choices=AuthorizationSource.choices,
        error_messages={
            "required": _("Say how the contact allowed it."),
            "invalid_choice": _("Choose one of these ways."),
        },
    )
    reference = TextField(
        label=_("Reference or note"),
        max_length=500,
        help_text=_("Enough for a colleague to find it again: a ticket number, or who said what."),
        error_messages={"required": _("Say where the authorization can be found, for example “Ticket 5521”.")},
    )
    obtained_on = DayField(
        label=_("Date obtained"),
        error_messages={"required": _("Enter the date on which the contact allowed it, like 2026-11-24.")},
    )
    covers = forms.MultipleChoiceField(
        label=_("What else does it cover?"),
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("Tick only what the contact spoke of. What is not ticked stays opted out."),
        error_messages={"invalid_choice": _("This opt-out cannot be lifted here. Check the page again.")},
    )

    def __init__(
        self, *args: Any, zone: ZoneInfo, coverable: Iterable[tuple[str, str]] = (), **particulars: Any
    ) -> None:
        super().__init__(*args, **particulars)
        today = _today(zone)
        self.fields["obtained_on"].initial = today
        self.fields["obtained_on"].widget.attrs["max"] = today.isoformat()
        covers = self.fields["covers"]
        assert isinstance(covers, forms.MultipleChoiceField)
        covers.choices = list(coverable)

    def authorization(self) -> Authorization:
        return Authorization(
            source=AuthorizationSource(self.cleaned_data["source"]),
            reference=self.cleaned_data["reference"],
            obtained_on=self.cleaned_data["obtained_on"],
            covers=frozenset(self.cleaned_data["covers"]),
        )


class UndoForm(ChangeForm):
    """Nothing to fill in but, for who wants to, a word on the slip."""

    note = TextField(label=_("Note"), max_length=2000, several_lines=True, required=False)


def _today(zone: ZoneInfo) -> date:
    return timezone.now().astimezone(zone).date()
