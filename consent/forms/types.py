"""The form of a communication type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.forms.boundfield import BoundField
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType
from consent.models.communication_type import LONGEST_PERIOD
from consent.services.types import TypeSettings
from contacts.forms.base import RegisterForm, TextField
from contacts.vocabulary import Channel

ADMINISTRATIVE, EXPRESS, IMPLIED = "administrative", "express", "implied"
NAME_LENGTH, DESCRIPTION_LENGTH, REASON_LENGTH = 100, 1_000, 200
MONTHS = {"inquiry_months": 6, "purchase_months": 24, "membership_months": 24}
TICKS = ("double_opt_in", "is_public")


def _months(label: Any) -> forms.IntegerField:
    said = _("Enter a number of months from 1 to 120.")
    return forms.IntegerField(
        label=label,
        min_value=1,
        max_value=LONGEST_PERIOD,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": said, "min_value": said, "max_value": said},
    )


class TypeForm(RegisterForm):
    """What a type is called in each language, where it is sent, and what consent it needs.

    ``language`` is that of name and description; the other languages have theirs beside it. ``others`` are the types
    behind which it may stand in the list. ``confirmed`` is the digest of what a change does, once it was shown.
    """

    name = TextField(
        label=_("Name"), max_length=NAME_LENGTH,
        error_messages={"required": _("Enter a name, for example “Monthly newsletter”.")},
    )  # fmt: skip
    description = TextField(
        label=_("Description"), max_length=DESCRIPTION_LENGTH, required=False, several_lines=True,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("One sentence for contacts: what it is about, and how often it comes."),
    )  # fmt: skip
    channels = forms.MultipleChoiceField(
        label=_("Channels"),
        choices=Channel.choices,
        initial=[Channel.EMAIL],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Choose one channel at least.")},
    )
    consent = forms.ChoiceField(
        label=_("Consent that it needs"),
        choices=[
            (EXPRESS, _("Express: only contacts who said yes")),
            (IMPLIED, _("Express, or implied by an inquiry, a purchase or a membership, for a time")),
            (ADMINISTRATIVE, _("None: it is administrative, such as receipts and reminders of appointments")),
        ],
        initial=EXPRESS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what consent it needs."), "invalid_choice": _("Choose one of the list.")},
    )
    inquiry_months = _months(_("Months after an inquiry"))
    purchase_months = _months(_("Months after a purchase"))
    membership_months = _months(_("Months after the end of a membership"))
    despite_opt_out = TextField(
        label=_("Sent in spite of opt-outs, because"),
        max_length=REASON_LENGTH,
        required=False,
        help_text=_(
            "Only for what has to reach people, for example “recalls of a product”. Empty, it respects every opt-out. "
            "Whatever stands here, it never goes to an inactive contact, to an invalid or quarantined address, or "
            "after a STOP."
        ),
    )
    double_opt_in = forms.BooleanField(
        label=_("An opt-in is confirmed by email"),
        required=False,
        initial=True,
        help_text=_("It counts once the contact has pressed the button behind the link that is mailed to them."),
    )
    is_public = forms.BooleanField(
        label=_("Contacts see it in the consent centre"),
        required=False,
        initial=True,
        help_text=_("A hidden one can still be granted and withdrawn by users and imports."),
    )
    after = forms.ChoiceField(label=_("Place in the list"), required=False)
    confirmed = forms.CharField(widget=forms.HiddenInput, required=False, max_length=64)

    def __init__(
        self,
        data: Any = None,
        *,
        topic: CommunicationType | None = None,
        others: Sequence[CommunicationType] = (),
        language: str = "en",
    ) -> None:
        self.topic = topic
        self.language = language
        self.languages = [(code, name) for code, name in settings.LANGUAGES if code != language]
        super().__init__(data, initial=_initial(topic, others))
        for number, said in MONTHS.items():
            self.fields[number].initial = said
        behind = [(str(other.pk), _("After “%(name)s”") % {"name": other.name_in()}) for other in others]
        self.fields["name"].help_text = _("In %(language)s, and where another language has none.") % {
            "language": dict(settings.LANGUAGES).get(language, language)
        }
        self.fields["after"].choices = [("", _("First")), *behind]  # type: ignore[attr-defined]
        for code, label in self.languages:
            told = topic.translations.get(code, {}) if topic else {}
            self.fields[f"name_{code}"] = TextField(
                label=_("%(language)s: name") % {"language": label}, max_length=NAME_LENGTH, required=False,
                initial=told.get("name", ""), widget=forms.TextInput(attrs={"lang": code}),
            )  # fmt: skip
            self.fields[f"description_{code}"] = TextField(
                label=_("%(language)s: description") % {"language": label}, max_length=DESCRIPTION_LENGTH,
                required=False, several_lines=True, initial=told.get("description", ""),
                widget=forms.Textarea(attrs={"rows": 2, "lang": code}),
            )  # fmt: skip

    @property
    def in_languages(self) -> list[BoundField]:
        """The names and descriptions in the other languages."""
        return [self[f"{what}_{code}"] for code, _label in self.languages for what in ("name", "description")]

    @property
    def months(self) -> list[BoundField]:
        return [self[name] for name in MONTHS]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in MONTHS:
            if cleaned.get("consent") == IMPLIED and cleaned.get(name) is None and name not in self.errors:
                self.add_error(name, _("Enter a number of months from 1 to 120."))
        return cleaned

    @property
    def settings(self) -> TypeSettings:
        """What the valid form says. Periods that it was not asked for stay as they are."""
        values = self.cleaned_data
        held = {name: values[name] or getattr(self.topic, name, said) for name, said in MONTHS.items()}
        return TypeSettings(
            name=values["name"],
            description=values["description"],
            translations=self._translations(),
            channels=tuple(values["channels"]),
            administrative=values["consent"] == ADMINISTRATIVE,
            accepts_implied=values["consent"] == IMPLIED,
            despite_opt_out=values["despite_opt_out"],
            double_opt_in=values["double_opt_in"],
            is_public=values["is_public"],
            **held,
        )

    def _translations(self) -> dict[str, dict[str, str]]:
        """By language; those of languages that the form does not show stay."""
        found = {**self.topic.translations} if self.topic else {}
        found.pop(self.language, None)
        for code, _label in self.languages:
            told = {what: self.cleaned_data[f"{what}_{code}"] for what in ("name", "description")}
            found.pop(code, None)
            if any(told.values()):
                found[code] = {what: text for what, text in told.items() if text}
        return found

    @property
    def after_number(self) -> int | None:
        return int(self.cleaned_data["after"]) if self.cleaned_data["after"] else None

    def ask(self, confirmed: str) -> None:
        """Take note of what the change does, so that sending the form once more confirms it."""
        self.data = {**{name: self.data[name] for name in self.data}, "confirmed": confirmed}
        if hasattr(self, "cleaned_data"):
            self.data["channels"] = self.cleaned_data["channels"]


def _initial(topic: CommunicationType | None, others: Sequence[CommunicationType]) -> dict[str, Any]:
    """The values to start the form with."""
    before = [other for other in others if topic is None or _comes_before(other, topic)]
    after = {"after": str(before[-1].pk) if before else ""}
    if topic is None:
        return after
    consent = ADMINISTRATIVE if topic.administrative else IMPLIED if topic.accepts_implied else EXPRESS
    columns = ("name", "description", "channels", "despite_opt_out", *TICKS, *MONTHS)
    return {name: getattr(topic, name) for name in columns} | {"consent": consent} | after


def _comes_before(one: CommunicationType, other: CommunicationType) -> bool:
    return (one.position, one.name, one.pk) < (other.position, other.name, other.pk)
