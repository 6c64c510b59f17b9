"""The period that an overview is about."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.forms.base import RegisterForm
from contacts.selectors.overview import USUAL_MONTHS, Period, month_after, usual_period

EARLIEST = date(2000, 1, 1)


class MonthField(forms.DateField):
    """A month, by the browser's own picker where it has one."""

    widget = forms.DateInput(attrs={"type": "month"}, format="%Y-%m")
    default_error_messages = {"invalid": gettext_lazy("Enter a month like 2026-11.")}

    def __init__(self, **particulars: Any) -> None:
        super().__init__(input_formats=["%Y-%m"], **particulars)

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and value < EARLIEST:
            raise forms.ValidationError(_("Enter a month of the year 2000 or later."))
        if value and value > timezone.localdate():
            raise forms.ValidationError(_("This month is in the future. Enter this month or an earlier one."))


class PeriodForm(RegisterForm):
    """From which month to which; what is left empty is that of the usual period."""

    since = MonthField(label=gettext_lazy("From"), required=False)
    until = MonthField(label=gettext_lazy("To"), required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", _("The period ends before it begins. Enter a later month, or swap the two."))
        return cleaned

    def period(self, zone: ZoneInfo) -> Period:
        """What was asked for, or the usual period where that is nothing sensible."""
        usual = usual_period(zone)
        if not self.is_valid():
            return usual
        until = self.cleaned_data["until"] or usual.last
        since = self.cleaned_data["since"] or min(usual.first, month_after(until, 1 - USUAL_MONTHS))
        return Period(since, until, zone)
