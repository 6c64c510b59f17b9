"""Forms about blocks: finding them, putting addresses on the suppression list, lifting."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.forms.base import RegisterForm, TextField
from contacts.forms.status import ActivateForm, DeactivateForm
from contacts.origin import REQUESTS, Authorization
from contacts.selectors.blocks import cause_choices, readings
from contacts.vocabulary import BlockKind, Cause, Channel

STANDING, LIFTED, BOTH = "on", "lifted", "both"
HERE, EVERYWHERE = "project", "organization"
MOST_LINES = 1_000
MOST_NAMED = 10

_UNKNOWN = {"invalid_choice": gettext_lazy("This filter does not exist. Choose one from the list.")}


class BlockFilterForm(RegisterForm):
    """What a list of blocks shows. All may stay empty: then the blocks of the first kind that stand."""

    q = TextField(
        label=gettext_lazy("Search by address"),
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    kind = forms.ChoiceField(
        required=False, error_messages=_UNKNOWN, choices=BlockKind.choices, widget=forms.HiddenInput
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        required=False,
        error_messages=_UNKNOWN,
        choices=[("", gettext_lazy("Any")), *Channel.choices],
    )
    cause = forms.ChoiceField(label=gettext_lazy("Cause"), required=False, error_messages=_UNKNOWN)
    state = forms.ChoiceField(label=gettext_lazy("State"), required=False, error_messages=_UNKNOWN)
    scope = forms.ChoiceField(
        label=gettext_lazy("Holds in"),
        required=False,
        error_messages=_UNKNOWN,
        choices=[
            ("", gettext_lazy("Any")),
            (HERE, gettext_lazy("This project")),
            (EVERYWHERE, gettext_lazy("The whole organization")),
        ],
    )

    def __init__(self, *args: Any, country: str = "", with_scope: bool = True, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.country = country
        kind = self.data.get("kind") or BlockKind.SUPPRESSION
        cause = self.fields["cause"]
        assert isinstance(cause, forms.ChoiceField)
        known = kind in BlockKind.values
        cause.choices = [("", gettext_lazy("Any")), *(cause_choices(kind) if known else [])]
        state = self.fields["state"]
        assert isinstance(state, forms.ChoiceField)
        state.choices = _states(is_search=bool(self.data.get("q")), asked=self.data.get("state", ""))
        if not with_scope:
            del self.fields["scope"]
        self.addresses: list[Address] = []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        text = cleaned.get("q")
        if text:
            channels = [cleaned["channel"]] if cleaned.get("channel") else list(Channel.values)
            try:
                self.addresses = readings(text, channels, self.country)
            except InvalidAddress as error:
                self.add_error("q", str(error))
        return cleaned


def _states(*, is_search: bool, asked: str) -> list[tuple[str, Any]]:
    """A search shows what lies or lay on the address; a list shows what stands, unless it is asked for more."""
    standing, both = gettext_lazy("Blocked now"), gettext_lazy("Both")
    choices = [("", both if is_search else standing), (LIFTED, gettext_lazy("Lifted"))]
    if is_search or asked == STANDING:
        choices.append((STANDING, standing))
    if not is_search or asked == BOTH:
        choices.append((BOTH, both))
    return choices


class LinesField(forms.Field):
    """Text of many lines as it was typed. Whoever reads the lines judges each by itself."""

    widget = forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"})

    def to_python(self, value: Any) -> str:
        text = str(value or "")
        return text if text.strip() else ""


class SuppressForm(DeactivateForm):
    """Addresses for the suppression list, one on each line, and why. Nothing is done until every line is right."""

    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=Channel.choices,
        error_messages={"invalid_choice": gettext_lazy("Choose a channel of the list.")},
    )
    addresses = LinesField(
        label=gettext_lazy("Addresses"),
        help_text=gettext_lazy("One on each line, at most 1,000."),
        error_messages={"required": gettext_lazy("Enter an address, for example name@example.org.")},
    )
    field_order = ["channel", "addresses", "reason", "requested_on", "note"]

    def __init__(self, *args: Any, zone: ZoneInfo, country: str = "", **particulars: Any) -> None:
        super().__init__(*args, zone=zone, **particulars)
        self.country = country
        self.wanted: list[Address] = []

    @property
    def cause(self) -> Cause:
        return Cause.REQUEST if self.cleaned_data["reason"] in REQUESTS else Cause.LISTED

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("channel") and cleaned.get("addresses"):
            self._read(cleaned["channel"], cleaned["addresses"])
        return cleaned

    def _read(self, channel: str, text: str) -> None:
        lines = [(number, line.strip()) for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1)]
        lines = [(number, line) for number, line in lines if line]
        if len(lines) > MOST_LINES:
            self.add_error("addresses", _("These are too many. Enter at most 1,000 addresses at once."))
            return
        refused = []
        for number, line in lines:
            try:
                self.wanted.append(normalise(channel, line, country=self.country))
            except InvalidAddress as error:
                shown = line if len(line) <= 60 else f"{line[:59]}…"
                words = {"number": number, "line": shown, "refusal": str(error)}
                refused.append(_("Line %(number)d, “%(line)s”: %(refusal)s") % words)
        if len(refused) > MOST_NAMED:
            more = len(refused) - MOST_NAMED
            refused[MOST_NAMED:] = [
                ngettext(
                    "%(number)d line more is not an address either.",
                    "%(number)d lines more are not addresses either.",
                    more,
                )
                % {"number": more}
            ]
        for refusal in refused:
            self.add_error("addresses", refusal)


class LiftForm(ActivateForm):
    """Why blocks are lifted; the contact's authorization where a no of theirs is among them."""

    note = TextField(
        label=gettext_lazy("Note"),
        max_length=2000,
        several_lines=True,
        error_messages={"required": gettext_lazy("Say why, for example “The server answers again”.")},
    )

    def __init__(
        self, *args: Any, needs_authorization: bool, needs_note: bool, zone: ZoneInfo, **particulars: Any
    ) -> None:
        super().__init__(*args, zone=zone, **particulars)
        del self.fields["covers"]
        self.needs_authorization = needs_authorization
        self.fields["note"].required = needs_note
        if needs_note:
            self.fields["note"].help_text = _(
                "Why it may be written to again: a colleague should understand it in a year."
            )
        if not needs_authorization:
            for name in ("source", "reference", "obtained_on"):
                del self.fields[name]

    def authorization(self) -> Authorization | None:  # type: ignore[override]
        if not self.needs_authorization:
            return None
        self.cleaned_data.setdefault("covers", [])
        return super().authorization()
