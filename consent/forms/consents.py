"""Granting and withdrawing a consent by hand: their fields and wording. The rules are the services'."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent.models import CommunicationType
from consent.services.consents import implied_end
from consent.vocabulary import Basis, ImpliedBy
from contacts.dates import long_day
from contacts.errors import InTheFuture, RegisterError
from contacts.forms.base import ChangeForm, DayField, TextField
from contacts.moments import refuse_future
from contacts.origin import REQUESTS, Authorization
from contacts.vocabulary import AuthorizationSource, Reason


class GrantForm(ChangeForm):
    """Express consent with where its proof is, or what implies one and since when.

    ``only_express`` where a withdrawal stands, which nothing implied lifts, and for a type that accepts nothing else.
    """

    basis = forms.ChoiceField(
        label=gettext_lazy("Which consent is it?"),
        widget=forms.RadioSelect,
        choices=[
            (Basis.EXPRESS, gettext_lazy("Express: the contact said yes to this")),
            (Basis.IMPLIED, gettext_lazy("Implied for a time by what the contact did")),
        ],
        initial=Basis.EXPRESS,
        error_messages={
            "required": gettext_lazy("Say whether the consent is express or implied."),
            "invalid_choice": gettext_lazy("Choose one of these."),
        },
    )
    source = forms.ChoiceField(
        label=gettext_lazy("How did the contact say so?"),
        widget=forms.RadioSelect,
        choices=AuthorizationSource.choices,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these ways.")},
    )
    reference = TextField(
        label=gettext_lazy("Where is the proof?"),
        max_length=500,
        required=False,
        help_text=gettext_lazy("Enough for a colleague to find it again: a ticket number, or who said what."),
    )
    obtained_on = DayField(label=gettext_lazy("Date obtained"), required=False)
    implied_by = forms.ChoiceField(
        label=gettext_lazy("What implies it?"),
        widget=forms.RadioSelect,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("Choose one of these.")},
    )
    day = DayField(
        label=gettext_lazy("Date of it"),
        required=False,
        help_text=gettext_lazy("Of a membership: the day on which it ends, or ended."),
    )
    until = DayField(
        label=gettext_lazy("Last day"),
        required=False,
        help_text=gettext_lazy("Only for something else with an end of its own."),
    )
    note = TextField(label=gettext_lazy("Note"), max_length=2000, several_lines=True, required=False)

    def __init__(
        self, *args: Any, communication_type: CommunicationType, only_express: bool, **particulars: Any
    ) -> None:
        super().__init__(*args, **particulars)
        self.communication_type = communication_type
        self.zone = communication_type.project.zone
        self.only_express = only_express
        self.implied_until: datetime | None = None
        today = timezone.now().astimezone(self.zone).date()
        self.fields["obtained_on"].initial = today
        self.fields["obtained_on"].widget.attrs["max"] = today.isoformat()
        if only_express:
            for name in ("basis", "implied_by", "day", "until"):
                del self.fields[name]
            return
        choices = self.fields["implied_by"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(kind, self._lasting(kind)) for kind in ImpliedBy]

    def _lasting(self, kind: ImpliedBy) -> str:
        months = self.communication_type.months_after(kind)
        if months is None:
            return str(kind.label)
        words = {"cause": kind.label, "number": months}
        if kind == ImpliedBy.MEMBERSHIP:
            told = ngettext(
                "%(cause)s: %(number)s month after its end",
                "%(cause)s: %(number)s months after its end",
                months,
            )
        else:
            told = ngettext("%(cause)s: %(number)s month", "%(cause)s: %(number)s months", months)
        return told % words

    @property
    def chosen(self) -> Basis:
        return Basis(self.cleaned_data.get("basis") or Basis.EXPRESS)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not self.errors.get("basis"):
            (self._clean_express if self.chosen == Basis.EXPRESS else self._clean_implied)(cleaned)
        return cleaned

    def _clean_express(self, cleaned: dict[str, Any]) -> None:
        for name in ("implied_by", "day", "until"):
            self._forget(name)
        missing = {
            "source": _("Say how the contact said so."),
            "reference": _("Say where the proof can be found, for example “Ticket 5521”."),
            "obtained_on": _("Enter the date on which the contact said so, like 2026-11-24."),
        }
        for name, message in missing.items():
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, message)
        if day := cleaned.get("obtained_on"):
            self._not_later("obtained_on", day)

    def _clean_implied(self, cleaned: dict[str, Any]) -> None:
        for name in ("source", "reference", "obtained_on"):
            self._forget(name)
        kind, day = cleaned.get("implied_by"), cleaned.get("day")
        if not kind and "implied_by" not in self.errors:
            self.add_error("implied_by", _("Say what implies the consent."))
        if not day and "day" not in self.errors:
            self.add_error("day", _("Enter its date, like 2026-11-24."))
        if not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", _("Say where the proof can be found, for example “Order 20418”."))
        if kind == ImpliedBy.OTHER and not cleaned.get("until") and "until" not in self.errors:
            self.add_error("until", _("Enter the last day of it, like 2027-11-24."))
        if kind and day and kind != ImpliedBy.MEMBERSHIP:
            self._not_later("day", day)
        if kind and day and not self.errors:
            self._count_until(kind, day, cleaned.get("until"))

    def _count_until(self, kind: str, day: date, until: date | None) -> None:
        try:
            self.implied_until = implied_end(self.communication_type, kind, day, self.zone, until=until)
        except (RegisterError, OverflowError, ValueError):
            self.add_error("day", _("This date is too far away. Enter an earlier one."))
            return
        if self.implied_until <= timezone.now():
            ended = long_day(self.implied_until)
            words = _("Consent implied by this ended on %(date)s. Enter a later date, or grant nothing.")
            self.add_error("until" if kind == ImpliedBy.OTHER else "day", words % {"date": ended})

    def _not_later(self, name: str, day: date) -> None:
        try:
            refuse_future(day, self.zone, now=timezone.now())
        except InTheFuture as error:
            self.add_error(name, str(error))

    def _forget(self, name: str) -> None:
        """What belongs to the other basis is not looked at: without a script it stands on the page."""
        self.errors.pop(name, None)
        self.cleaned_data[name] = None

    def authorization(self) -> Authorization | None:
        """The contact's word of an express consent, with its proof."""
        if self.chosen != Basis.EXPRESS:
            return None
        return Authorization(
            source=AuthorizationSource(self.cleaned_data["source"]),
            reference=self.cleaned_data["reference"],
            obtained_on=self.cleaned_data["obtained_on"],
        )


class WithdrawForm(ChangeForm):
    """Who wishes it, when they said so, and a note. A correction of ours needs one."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Whose wish is it?"),
        widget=forms.RadioSelect,
        choices=[
            (Reason.VERBAL_REQUEST, gettext_lazy("The contact asked for it, for example by telephone")),
            (
                Reason.WRITTEN_REQUEST,
                gettext_lazy("The contact asked for it in writing, for example in an email or a letter"),
            ),
            (Reason.CORRECTED, gettext_lazy("Nobody’s: the consent was recorded by mistake")),
        ],
        error_messages={
            "required": gettext_lazy("Say whether the contact asked for it."),
            "invalid_choice": gettext_lazy("Choose one of these reasons."),
        },
    )
    requested_on = DayField(
        label=gettext_lazy("Date of the request"),
        required=False,
        help_text=gettext_lazy("When the contact asked. Empty: today."),
    )
    note = TextField(
        label=gettext_lazy("Note"),
        max_length=2000,
        several_lines=True,
        required=False,
        help_text=gettext_lazy("Needed for a mistake: a colleague should understand it in a year."),
    )

    def __init__(self, *args: Any, communication_type: CommunicationType, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.today = timezone.now().astimezone(communication_type.project.zone).date()
        self.fields["requested_on"].widget.attrs["max"] = self.today.isoformat()

    def clean_requested_on(self) -> date | None:
        day: date | None = self.cleaned_data["requested_on"]
        if day is not None and day > self.today:
            raise forms.ValidationError(str(InTheFuture()), code=InTheFuture.code)
        return day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("reason") == Reason.CORRECTED and not cleaned.get("note") and "note" not in self.errors:
            self.add_error("note", _("Say what went wrong, for example “Ticked for the wrong person”."))
        if cleaned.get("reason") in REQUESTS and not cleaned.get("requested_on"):
            cleaned["requested_on"] = self.today
        return cleaned
