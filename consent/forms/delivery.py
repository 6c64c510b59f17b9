"""Forms about delivery errors: which to show, why a quarantine is lifted."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.selectors.delivery import Asked, Show
from contacts.addresses import normalise
from contacts.dates import short_day
from contacts.errors import InvalidAddress
from contacts.forms.base import ChangeForm, RegisterForm, TextField
from contacts.forms.history import PlausibleDayField
from contacts.moments import start_of_day
from contacts.vocabulary import Channel

IN_FORCE = ("domain", "since", "until")


class DeliveryFilterForm(RegisterForm):
    """Which delivery errors to show. Everything may stay empty."""

    show = forms.ChoiceField(required=False, choices=Show.choices, widget=forms.HiddenInput)
    domain = TextField(
        label=gettext_lazy("Domain"),
        max_length=255,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off", "placeholder": "example.org"}),
    )
    since = PlausibleDayField(label=gettext_lazy("From"), required=False)
    until = PlausibleDayField(label=gettext_lazy("To"), required=False)

    def __init__(self, *args: Any, zone: ZoneInfo, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.zone = zone

    def clean_show(self) -> str:
        return self.cleaned_data["show"] or Show.QUARANTINED

    def clean_domain(self) -> str:
        """The domain as addresses have it, of whatever was typed: a domain, or an address of it."""
        text: str = self.cleaned_data["domain"].rpartition("@")[2]
        if not text:
            return ""
        try:
            return normalise(Channel.EMAIL, f"a@{text}").shown.rpartition("@")[2]
        except InvalidAddress as error:
            raise forms.ValidationError(_("Enter a domain, for example example.org.")) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This is before the first day. Swap the two."))
        return cleaned

    @property
    def asked(self) -> Asked:
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return Asked(
            show=Show(self.cleaned_data["show"]),
            domain=self.cleaned_data["domain"],
            since=start_of_day(since, self.zone) if since else None,
            before=start_of_day(until + timedelta(days=1), self.zone) if until else None,
        )

    @property
    def in_force(self) -> list[str]:
        return [name for name in IN_FORCE if self.cleaned_data.get(name)]

    def in_words(self, name: str) -> str:
        """A filter in force as its chip says it."""
        value = self.cleaned_data[name]
        if name == "domain":
            return _("Domain: %(domain)s") % {"domain": value}
        words = _("From %(day)s") if name == "since" else _("To %(day)s")
        return words % {"day": short_day(value)}

    def query(self, *, but: str = "", **more: str) -> str:
        """The query string of the list, without one of its filters."""
        kept = {name: str(self.cleaned_data[name]) for name in ("show", *self.in_force) if name != but}
        return urlencode({**kept, **more})


class LiftQuarantineForm(ChangeForm):
    """Why addresses may be written to again."""

    note = TextField(
        label=gettext_lazy("Reason"),
        max_length=2000,
        several_lines=True,
        help_text=gettext_lazy("Why they may be written to again: a colleague should understand it in a year."),
        error_messages={"required": gettext_lazy("Say why, for example “The server answers again”.")},
    )


class ReviewForm(ChangeForm):
    """What a user decides about bounces that wait."""

    ACCEPT, DISMISS = "accept", "dismiss"
    decision = forms.ChoiceField(
        choices=[(ACCEPT, ACCEPT), (DISMISS, DISMISS)],
        error_messages={
            "required": gettext_lazy("Choose what to do with these addresses."),
            "invalid_choice": gettext_lazy("Choose what to do with these addresses."),
        },
    )
