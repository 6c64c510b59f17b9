"""Forms about the consent centre: its public face, and what its pages of numbers show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import RegexValidator
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from consent.models import Centre, CommunicationType
from consent.services.centre import LARGEST_LOGO, CentreSettings
from contacts.forms.base import RegisterForm, TextField

INTRODUCTION_LENGTH = 1_000
PERIODS = (30, 60, 90)
STARTING_COLOUR = "#0b5c7a"


class CentreForm(RegisterForm):
    """What contacts see of the sender on the public pages, and what an opt-out link stops."""

    is_open = forms.BooleanField(
        label=_("The consent centre is open"),
        required=False,
        help_text=_("Contacts see what they receive and change it. While it is closed, opt-out links stop everything."),
    )
    sender_name = TextField(
        label=_("Name of the sender"), max_length=100, required=False,
        help_text=_("As contacts know you. Left empty it is the organization’s name."),
    )  # fmt: skip
    contact_email = forms.EmailField(
        label=_("Address for questions"), max_length=254, required=False,
        help_text=_("Stands at the foot of every public page."),
        error_messages={"invalid": _("Enter an email address like privacy@example.org.")},
    )  # fmt: skip
    with_colour = forms.BooleanField(label=_("A band of colour at the top of the pages"), required=False)
    colour = forms.CharField(
        label=_("Colour"),
        required=False,
        widget=forms.TextInput(attrs={"type": "color"}),
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}\Z", _("Write a colour like #0b5c7a."))],
    )
    logo = forms.FileField(
        label=_("Logo"), required=False,
        help_text=_("A PNG, JPEG, WebP or GIF file of at most 20 kB. It is shown 32 pixels high."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp,image/gif"}),
        error_messages={
            "empty": _("The file is empty. Choose a PNG, JPEG, WebP or GIF file."),
            "invalid": _("The file did not arrive. Choose it again."),
        },
    )  # fmt: skip
    remove_logo = forms.BooleanField(label=_("Remove the logo"), required=False)
    default_language = forms.ChoiceField(
        label=_("Language where nothing else is known"),
        choices=settings.LANGUAGES,
        help_text=_("A contact’s own language and that of their browser come first."),
        error_messages={"required": _("Choose a language."), "invalid_choice": _("Choose a language of the list.")},
    )
    stops_everything = forms.BooleanField(
        label=_("Opt-out links always stop everything"),
        required=False,
        help_text=_("Otherwise a link in a message stops the communication type of that message alone."),
    )

    def __init__(self, data: Any = None, files: Any = None, *, centre: Centre) -> None:
        self.centre = centre
        super().__init__(data, files, initial=_initial(centre))
        for code, label in settings.LANGUAGES:
            self.fields[f"introduction_{code}"] = TextField(
                label=label,
                max_length=INTRODUCTION_LENGTH,
                required=False,
                several_lines=True,
                initial=centre.introduction.get(code, ""),
                widget=forms.Textarea(attrs={"rows": 2, "lang": code}),
            )

    @property
    def introductions(self) -> list[BoundField]:
        return [self[f"introduction_{code}"] for code, _label in settings.LANGUAGES]

    @property
    def logo_content(self) -> bytes | None:
        """The file that came, as far as it has to be looked at to say that it is too large."""
        logo = self.cleaned_data.get("logo")
        return logo.read(LARGEST_LOGO + 1) if logo else None

    @property
    def settings(self) -> CentreSettings:
        values = self.cleaned_data
        texts = {code: values[f"introduction_{code}"] for code, _label in settings.LANGUAGES}
        return CentreSettings(
            is_open=values["is_open"],
            sender_name=values["sender_name"],
            contact_email=values["contact_email"],
            colour=values["colour"].lower() if values["with_colour"] else "",
            introduction={code: text for code, text in texts.items() if text},
            default_language=values["default_language"],
            stops_everything=values["stops_everything"],
        )


def _initial(centre: Centre) -> dict[str, Any]:
    names = ("is_open", "sender_name", "contact_email", "default_language", "stops_everything")
    held = {name: getattr(centre, name) for name in names}
    return {**held, "with_colour": bool(centre.colour), "colour": centre.colour or STARTING_COLOUR}


class OptInsForm(forms.Form):
    """Which type the numbers are about. What makes no sense is left out: nothing is lost but a filter."""

    type = forms.ChoiceField(label=_("Communication type"), required=False)

    def __init__(self, data: Any, *, types: Sequence[CommunicationType]) -> None:
        super().__init__(data)
        self.types = {str(topic.pk): topic for topic in types}
        choices = [("", _("All types")), *((number, topic.name_in()) for number, topic in self.types.items())]
        self.fields["type"].choices = choices  # type: ignore[attr-defined]

    @property
    def chosen(self) -> CommunicationType | None:
        return self.types.get(self.cleaned_data.get("type", "")) if self.is_valid() else None


class ExpiringForm(OptInsForm):
    """How many days ahead, of which type."""

    days = forms.TypedChoiceField(
        label=_("Ends within"), coerce=int, required=False,
        choices=[(str(days), _("%(days)d days") % {"days": days}) for days in PERIODS],
    )  # fmt: skip
    field_order = ["days", "type"]

    @property
    def number_of_days(self) -> int:
        self.is_valid()
        return self.cleaned_data.get("days") or PERIODS[0]
