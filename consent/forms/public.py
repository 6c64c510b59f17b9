"""Public forms as a version of them asks: what people type and tick. Boxes are never ticked beforehand."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType, FormVersion
from consent.services.submitting import offered_by
from consent.vocabulary import FormKind
from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.forms.base import ChangeForm, TextField
from contacts.vocabulary import Channel

BAIT = "website"


class TypeBoxes:
    """The boxes of one communication type: its name and description, and a bound field for each channel."""

    def __init__(self, topic: CommunicationType, form: PublicForm, channels: list[str]) -> None:
        self.name, self.description = topic.name_in(), topic.description_in()
        self.boxes = [form[box_name(topic, channel)] for channel in channels]


class PublicForm(ChangeForm):
    """A submission of one version. ``offers`` are the pairs that were ticked, ``details`` what was typed."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    # Programs fill in every field that they find; people do not see this one.
    website = forms.CharField(
        label=_("Leave this empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": -1}),
    )

    def __init__(self, version: FormVersion, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.of = version
        self.fields["version"].initial = version.number
        self.is_update = version.form.kind == FormKind.UPDATE
        self.offered = offered_by(version)
        if not self.is_update:
            self.fields["email"] = TextField(
                label=_("Email address"), max_length=320,
                widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
                error_messages={"required": _("Enter your email address, like name@example.org.")},
            )  # fmt: skip
        self._add_details(version.fields)
        for topic, channel in self.offered:
            self.fields[box_name(topic, channel)] = forms.BooleanField(label=Channel(channel).label, required=False)

    def _add_details(self, wanted: list[str]) -> None:
        if "first_name" in wanted:
            widget = forms.TextInput(attrs={"autocomplete": "given-name"})
            self.fields["first_name"] = TextField(label=_("First name"), max_length=150, required=False, widget=widget)
        if "last_name" in wanted:
            widget = forms.TextInput(attrs={"autocomplete": "family-name"})
            self.fields["last_name"] = TextField(label=_("Last name"), max_length=150, required=False, widget=widget)
        if "language" in wanted:
            self.fields["language"] = forms.ChoiceField(
                label=_("Language of the messages"), choices=[("", "–"), *settings.LANGUAGES], required=False,
                error_messages={"invalid_choice": _("Choose a language of the list.")},
            )  # fmt: skip
        if "sms" in wanted and not self.is_update:
            self.fields["sms"] = TextField(
                label=_("Mobile number"), max_length=50, required=False,
                widget=forms.TextInput(attrs={"autocomplete": "tel", "inputmode": "tel", "type": "tel"}),
            )  # fmt: skip

    @property
    def types(self) -> list[TypeBoxes]:
        """The communication types with their boxes, in their order."""
        channels: dict[CommunicationType, list[str]] = {}
        for topic, channel in self.offered:
            channels.setdefault(topic, []).append(channel)
        return [TypeBoxes(topic, self, some) for topic, some in channels.items()]

    @property
    def typed(self) -> list[forms.BoundField]:
        """The fields to type into, in their order."""
        return [self[name] for name in ("email", "first_name", "last_name", "language", "sms") if name in self.fields]

    @property
    def bait(self) -> forms.BoundField:
        return self[BAIT]

    @property
    def took_bait(self) -> bool:
        return bool(self.data.get(BAIT))

    @property
    def offers(self) -> list[tuple[CommunicationType, str]]:
        return [offer for offer in self.offered if self.cleaned_data.get(box_name(*offer))]

    @property
    def details(self) -> dict[str, str]:
        names = ("first_name", "last_name", "language", "sms")
        return {name: self.cleaned_data[name] for name in names if self.cleaned_data.get(name)}

    @property
    def address(self) -> Address:
        """The email address that was typed, of a form that is valid."""
        address: Address = self.cleaned_data["email"]
        return address

    @property
    def content_number(self) -> uuid.UUID:
        """The request's number together with what was sent: the same form sent again with other words is another
        request."""
        sent = sorted((name, str(value)) for name, value in self.cleaned_data.items() if name != "request_id")
        return uuid.uuid5(self.request_number, repr(sent))

    def clean_email(self) -> Address:
        try:
            return normalise(Channel.EMAIL, self.cleaned_data["email"])
        except InvalidAddress as error:
            raise forms.ValidationError(str(error)) from error

    def clean_sms(self) -> str:
        text: str = self.cleaned_data["sms"]
        if not text:
            return ""
        try:
            return normalise(Channel.SMS, text, country=self.of.form.project.default_country).shown
        except InvalidAddress as error:
            raise forms.ValidationError(str(error)) from error

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.is_update:
            if not self.errors and not (self.offers or self.details):
                self.add_error(None, _("Type or tick what you would like to change."))
            return cleaned
        if self.offered and not self.offers:
            self.add_error(None, _("Tick what you would like to receive."))
        by_sms = any(channel == Channel.SMS for _topic, channel in self.offers)
        if by_sms and "sms" in self.fields and not cleaned.get("sms") and "sms" not in self.errors:
            self.add_error("sms", _("Enter your mobile number, or untick SMS."))
        return cleaned


def box_name(topic: CommunicationType, channel: str) -> str:
    """The name of the box of a type and channel, also in a form on another site."""
    return f"send-{topic.pk}-{channel}"
