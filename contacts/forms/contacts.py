"""The filters of the list of contacts, as they stand in its address."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.eligibility import Question, conditions_for
from contacts.extension_points import Condition
from contacts.forms.base import DayField, RegisterForm, TextField
from contacts.vocabulary import Channel, Method

ACTIVE, INACTIVE = "active", "inactive"
SENDABLE = "sendable"
BY_NAME, BY_CHANGE = "name", "change"
OF_EVERY_CHANNEL = frozenset({"active"})

_UNKNOWN = {"invalid_choice": gettext_lazy("This filter does not exist. Choose one from the list.")}
_OF_OUR_TIME = [
    MinValueValidator(date(1900, 1, 1), gettext_lazy("Enter a date like 2026-11-24.")),
    MaxValueValidator(date(2999, 12, 31), gettext_lazy("Enter a date like 2026-11-24.")),
]


def reason_choices() -> list[tuple[str, Any]]:
    """Channel by channel: may be sent to, and each registered condition that a contact may fail."""
    groups: list[tuple[str, Any]] = [("", gettext_lazy("Any"))]
    for channel in Channel:
        reasons = [(f"{channel}:{SENDABLE}", _("%(channel)s: may be sent to") % {"channel": channel.label})]
        for condition in conditions_for(Question(channel)):
            if condition.key not in OF_EVERY_CHANNEL:
                words = {"channel": channel.label, "reason": reason_in_words(condition, channel)}
                reasons.append((f"{channel}:{condition.key}", _("%(channel)s: %(reason)s") % words))
        groups.append((str(channel.label), reasons))
    return groups


def reason_in_words(condition: Condition, channel: str) -> str:
    """What a contact who fails the condition is, inside a sentence."""
    text = str(condition.word(channel) if callable(condition.word) else condition.word)
    return text[:1].lower() + text[1:]


class ContactFilterForm(RegisterForm):
    """Search text, status, channel and reason, and who made the last change when. All may stay empty."""

    q = TextField(
        label=gettext_lazy("Search by key, name or address"),
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "autocomplete": "off"}),
    )
    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        error_messages=_UNKNOWN,
        choices=[("", gettext_lazy("Any")), (ACTIVE, gettext_lazy("Active")), (INACTIVE, gettext_lazy("Inactive"))],
    )
    reason = forms.ChoiceField(label=gettext_lazy("Channel and reason"), required=False, error_messages=_UNKNOWN)
    method = forms.ChoiceField(
        label=gettext_lazy("Changed by"),
        required=False,
        error_messages=_UNKNOWN,
        choices=[("", gettext_lazy("Any method")), *Method.choices],
    )
    changed_from = DayField(label=gettext_lazy("Changed from"), required=False, validators=_OF_OUR_TIME)
    changed_to = DayField(label=gettext_lazy("Changed until"), required=False, validators=_OF_OUR_TIME)
    order = forms.ChoiceField(
        required=False,
        error_messages=_UNKNOWN,
        widget=forms.HiddenInput,
        choices=[(BY_NAME, gettext_lazy("By name")), (BY_CHANGE, gettext_lazy("By latest change"))],
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        reason = self.fields["reason"]
        assert isinstance(reason, forms.ChoiceField)
        reason.choices = reason_choices()

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        first, last = values.get("changed_from"), values.get("changed_to")
        if first and last and first > last:
            self.add_error("changed_to", _("This day is before the first. Enter the same day or a later one."))
        return values
