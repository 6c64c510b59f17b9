"""The form by which an admin sets up a public form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, FormVersion
from consent.services.forms import CHANNELS, FIELDS, LONGEST_ORIGIN, MOST_ORIGINS, TEXTS, Content
from consent.vocabulary import FormKind
from contacts.errors import RegisterError
from contacts.forms.base import RegisterForm, TextField

LABELS = {
    "title": _("Title"),
    "introduction": _("Introduction"),
    "wording": _("What they agree to"),
    "thanks": _("Thanks"),
}
HELP = {
    "wording": _("Stands above the button, and is kept as the proof of each opt-in."),
    "thanks": _("Shown when the form was sent, above the hint at the confirmation mail."),
}
ASKED = {
    "first_name": _("First name"),
    "last_name": _("Last name"),
    "language": _("Language of the messages"),
    "sms": _("Mobile number"),
}


class FormForm(RegisterForm):
    """Name, kind, texts by language, what is asked for and offered, and where it may be shown."""

    name = TextField(
        label=_("Name"), max_length=100, help_text=_("For you: contacts see the title."),
        error_messages={"required": _("Enter a name, for example “Subscribe on the home page”.")},
    )  # fmt: skip
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=[
            (FormKind.SUBSCRIBE, _("Subscribe: for anybody who comes to a page")),
            (FormKind.UPDATE, _("Update profile: for contacts who come by the link in a message")),
        ],
        initial=FormKind.SUBSCRIBE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a kind."), "invalid_choice": _("Choose a kind of the list.")},
    )
    is_open = forms.BooleanField(
        label=_("Open"), required=False, initial=True, help_text=_("A closed form says so, and takes nothing.")
    )
    fields_asked = forms.MultipleChoiceField(
        label=_("What it asks for, beside the email address"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(name, ASKED[name]) for name in FIELDS], initial=["first_name", "last_name"],
        help_text=_("None of it has to be filled in. The mobile number is asked for in forms to subscribe alone."),
        error_messages={"invalid_choice": _("Choose from the list.")},
    )  # fmt: skip
    offers = forms.MultipleChoiceField(
        label=_("What it offers"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("Each is a box that is not ticked beforehand."),
        error_messages={"invalid_choice": _("Something is not offered any more. Look at the list again.")},
    )  # fmt: skip
    embedded_by = TextField(
        label=_("Sites that may show it in a frame"), max_length=(LONGEST_ORIGIN + 2) * MOST_ORIGINS, required=False,
        several_lines=True,
        help_text=_("One on each line, like https://www.example.org. No other site can show it in a frame."),
    )  # fmt: skip
    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, topics: Sequence[CommunicationType], *args: Any, is_new: bool, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        if not is_new:
            del self.fields["kind"]
        offers: Any = self.fields["offers"]
        offers.choices = [
            (f"{topic.pk}-{channel}", f"{topic.name_in()} · {channel.label}")
            for topic in topics
            for channel in CHANNELS
            if channel in topic.channels
        ]
        for code, _name in settings.LANGUAGES:
            for name, length in TEXTS.items():
                self.fields[f"{name}_{code}"] = TextField(
                    label=LABELS[name], max_length=length, required=False, several_lines=name != "title",
                    help_text=HELP.get(name, ""),
                )  # fmt: skip

    @property
    def languages(self) -> list[tuple[str, str, list[tuple[BoundField, bool]]]]:
        """Code and name of each language, with its fields and whether they may stay empty beside the others."""
        return [
            (code, name, [(self[f"{text}_{code}"], text in ("introduction", "thanks")) for text in TEXTS])
            for code, name in settings.LANGUAGES
        ]

    @property
    def content(self) -> Content:
        """What was entered, of a form that is valid."""
        given = self.cleaned_data
        offers: dict[int, list[str]] = {}
        for offer in given["offers"]:
            number, _dash, channel = offer.partition("-")
            offers.setdefault(int(number), []).append(channel)
        texts = {code: {text: given[f"{text}_{code}"] for text in TEXTS} for code, _name in settings.LANGUAGES}
        return Content(texts, given["fields_asked"], offers, given["embedded_by"].split("\n"))

    def refuse(self, error: RegisterError) -> None:
        if error.field == "fields":
            self.add_error("fields_asked", str(error))
        else:
            super().refuse(error)

    def show_again(self, shown: str) -> None:
        """Let what was entered be saved over what somebody else did meanwhile, now that the user was told."""
        sent: Any = self.data
        changed = sent.copy()
        changed["shown"] = shown
        self.data = changed

    @staticmethod
    def initial_of(version: FormVersion, shown: str) -> dict[str, Any]:
        """What is entered at first for a form whose last version this is."""
        texts = {f"{name}_{code}": text for code, told in version.texts.items() for name, text in told.items()}
        offers = [f"{offer['type']}-{channel}" for offer in version.offers for channel in offer["channels"]]
        return {
            "name": version.form.name, "is_open": version.form.is_open, "fields_asked": version.fields,
            "offers": offers, "embedded_by": "\n".join(version.embedded_by), "shown": shown, **texts,
        }  # fmt: skip
