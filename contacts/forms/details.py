"""The form for adding a contact and for correcting what is known of one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.forms.base import ChangeForm, TextField
from contacts.models import Project
from contacts.services.details import Particulars
from contacts.services.register import Details
from contacts.vocabulary import Channel

EMPTY_PAIRS = 3
MOST_PAIRS = 200
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z]{2,4})?")


class ContactForm(ChangeForm):
    """Key, name, language, an address a channel, notes, and attributes as pairs of name and value.

    Without ``held`` it adds a contact; with it, it corrects one, and what stays as it was is not checked anew.
    """

    key = TextField(
        label=gettext_lazy("Key"),
        max_length=254,
        help_text=gettext_lazy(
            "What you call this contact by, unique in the project: a customer number, or the email."
        ),
        error_messages={"required": gettext_lazy("Enter a key, for example a customer number.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    first_name = TextField(label=gettext_lazy("First name"), max_length=150, required=False)
    last_name = TextField(label=gettext_lazy("Last name"), max_length=150, required=False)
    language = TextField(
        label=gettext_lazy("Language"),
        max_length=10,
        required=False,
        help_text=gettext_lazy("A code, for example fr or en-CA."),
    )
    email = TextField(
        label=Channel.EMAIL.label, max_length=320, required=False, widget=forms.TextInput(attrs={"inputmode": "email"})
    )
    sms = TextField(
        label=Channel.SMS.label, max_length=320, required=False, widget=forms.TextInput(attrs={"inputmode": "tel"})
    )
    push = TextField(
        label=Channel.PUSH.label, max_length=320, required=False,
        help_text=gettext_lazy("The identifier of the device, as your app knows it."),
    )  # fmt: skip
    notes = TextField(label=gettext_lazy("Notes"), max_length=10_000, required=False, several_lines=True)
    digest = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(self, data: Any = None, *, project: Project, held: Particulars | None = None) -> None:
        self.project = project
        self.held = held
        self.addresses: dict[str, Address] = {}
        super().__init__(data, initial=_initial(held))
        for name in ("first_name", "last_name", *Channel.values):
            self.fields[name].widget.attrs["autocomplete"] = "off"
        self._add_pairs(list(held.details.attributes.items()) if held else [])

    def _add_pairs(self, known: list[tuple[str, str]]) -> None:
        number = len(known) + EMPTY_PAIRS
        while self.is_bound and number < MOST_PAIRS and f"attribute_name_{number}" in self.data:
            number += 1
        self.pair_count = number
        for place in range(number):
            name, value = known[place] if place < len(known) else ("", "")
            self.fields[f"attribute_name_{place}"] = TextField(
                label=_("Attribute %(number)d, name") % {"number": place + 1},
                max_length=100,
                required=False,
                initial=name,
            )
            self.fields[f"attribute_value_{place}"] = TextField(
                label=_("Attribute %(number)d, value") % {"number": place + 1},
                max_length=2_000,
                required=False,
                initial=value,
                several_lines=True,
                widget=forms.Textarea(attrs={"rows": 1 + value.count("\n")}),
            )

    @property
    def pairs(self) -> Iterator[tuple[BoundField, BoundField]]:
        for place in range(self.pair_count):
            yield self[f"attribute_name_{place}"], self[f"attribute_value_{place}"]

    @property
    def particulars(self) -> Particulars:
        """What the valid form says."""
        values = self.cleaned_data
        return Particulars(
            values["key"],
            Details(
                values["first_name"], values["last_name"], values["language"], values["notes"], values["attributes"]
            ),
            {channel: values[channel] for channel in Channel.values},
        )

    @property
    def new_addresses(self) -> list[Address]:
        """The addresses that were typed, without those that the contact has already."""
        held = self.held.addresses if self.held else {}
        return [address for channel, address in self.addresses.items() if address.shown != held.get(channel)]

    def show_anew(self, held: Particulars) -> None:
        """Take note of what is known now, so that saving once more means these values."""
        self.data = {**{name: self.data[name] for name in self.data}, "digest": held.digest}

    def differences(self, now: Particulars) -> list[tuple[str, str]]:
        """Label and present value of each field that says something else than what was typed."""
        typed, present = _initial(self.particulars), _initial(now)
        labels = {name: str(self.fields[name].label) for name in present if name != "digest"}
        found = [(label, str(present[name])) for name, label in labels.items() if typed[name] != present[name]]
        before, after = self.particulars.details.attributes, now.details.attributes
        return found + [
            (name, after.get(name, "")) for name in sorted({*before, *after}) if before.get(name) != after.get(name)
        ]

    def clean_language(self) -> str:
        text: str = self.cleaned_data["language"]
        if text and not _LANGUAGE.fullmatch(text) and not (self.held and self.held.details.language == text):
            raise forms.ValidationError(_("Enter the code of a language, for example fr or en-CA."))
        return text

    def clean_email(self) -> str:
        return self._address(Channel.EMAIL)

    def clean_sms(self) -> str:
        return self._address(Channel.SMS)

    def clean_push(self) -> str:
        return self._address(Channel.PUSH)

    def _address(self, channel: str) -> str:
        text: str = self.cleaned_data[channel]
        if not text or (self.held and self.held.addresses.get(channel) == text):
            return text
        try:
            self.addresses[channel] = normalise(channel, text, country=self.project.default_country)
        except InvalidAddress as error:
            raise forms.ValidationError(str(error), code=error.code) from error
        return self.addresses[channel].shown

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        attributes: dict[str, str] = {}
        for place in range(self.pair_count):
            name, value = values.get(f"attribute_name_{place}", ""), values.get(f"attribute_value_{place}", "")
            if value and not name:
                self.add_error(f"attribute_name_{place}", _("Give this value a name, for example “City”."))
            elif value and name in attributes:
                self.add_error(f"attribute_name_{place}", _("This name is there twice. Use another one."))
            elif value:
                attributes[name] = value
        return {**values, "attributes": attributes}


def _initial(held: Particulars | None) -> dict[str, Any]:
    if held is None:
        return {}
    details = held.details
    return {
        "key": held.key,
        "first_name": details.first_name,
        "last_name": details.last_name,
        "language": details.language,
        "notes": details.notes,
        "digest": held.digest,
        **held.addresses,
    }
