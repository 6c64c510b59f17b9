"""The filters of the status history, and the moment for which an entry's page tells what was true."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.dates import short_day
from contacts.forms.base import DayField, RegisterForm, TextField
from contacts.moments import TICK
from contacts.selectors.history import Actor, HistoryFilter
from contacts.vocabulary import ActorKind, Aspect, Channel, Method, Weight

_DAY, _MINUTE = len("2026-11-24"), len("2026-11-24T14:30")
_ACTOR = re.compile(r"(?P<kind>[a-z]+)(:(?P<number>\d{1,18}))?")
EARLIEST, LATEST = date(1900, 1, 1), date(2999, 12, 31)


def _choices(any_of_them: Any, choices: Any) -> list[tuple[Any, Any]]:
    return [("", any_of_them), *choices]


class ActorField(forms.Field):
    """By whom: a kind of actor, or one of a kind by number. Asks for whoever it is, known or gone."""

    widget = forms.Select
    default_error_messages = {"invalid": gettext_lazy("Choose somebody from the list.")}

    def to_python(self, value: Any) -> Actor | None:
        if not value:
            return None
        found = _ACTOR.fullmatch(str(value))
        if not found or found["kind"] not in ActorKind.values:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return found["kind"], int(found["number"]) if found["number"] else None


def written(actor: Actor) -> str:
    """An actor as the query string names them."""
    kind, number = actor
    return kind if number is None else f"{kind}:{number}"


class PlausibleDayField(DayField):
    """A day that a calendar of ours has: no year 1, no year 9999."""

    def validate(self, value: date | None) -> None:
        super().validate(value)
        if value and not EARLIEST <= value <= LATEST:
            raise forms.ValidationError(_("Enter a date like 2026-11-24."), code="invalid")


class HistoryFilterForm(RegisterForm):
    """Which entries of the status history to show. Everything may stay empty."""

    since = PlausibleDayField(label=gettext_lazy("From"), required=False)
    until = PlausibleDayField(label=gettext_lazy("To"), required=False)
    contact = TextField(
        label=gettext_lazy("Contact"),
        max_length=320,
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": gettext_lazy("Key, name or address")}),
    )
    method = forms.ChoiceField(
        label=gettext_lazy("Method"), required=False, choices=_choices(gettext_lazy("Any method"), Method.choices)
    )
    by = ActorField(label=gettext_lazy("By"), required=False)
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"), required=False, choices=_choices(gettext_lazy("Any channel"), Channel.choices)
    )
    aspect = forms.ChoiceField(
        label=gettext_lazy("What changed"), required=False, choices=_choices(gettext_lazy("Anything"), Aspect.choices)
    )
    weight = forms.TypedChoiceField(
        label=gettext_lazy("Whose word"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=_choices(gettext_lazy("Anybody’s"), Weight.choices),
    )
    late = forms.BooleanField(label=gettext_lazy("Only late entries"), required=False, widget=forms.HiddenInput)
    request = forms.UUIDField(label=gettext_lazy("Request"), required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, people: list[tuple[Actor, str]], **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.actor_labels = {written(actor): label for actor, label in people}
        self.request_label = ""
        kinds = [
            (ActorKind.CONTACT.value, _("The contact")), (ActorKind.SYSTEM.value, _("The system")),
            (ActorKind.IMPORT.value, _("An import")), (ActorKind.TOKEN.value, _("An API token")),
            (ActorKind.USER.value, _("Any user")),
        ]  # fmt: skip
        self.actor_labels = {**dict(kinds), **self.actor_labels}
        asked = str(self.data.get("by", ""))
        if _ACTOR.fullmatch(asked) and asked.partition(":")[0] in ActorKind.values:
            kind, _colon, number = asked.partition(":")
            self.actor_labels.setdefault(asked, f"{ActorKind(kind).label} {number}")
        names = [choice for choice in self.actor_labels.items() if choice not in kinds]
        self.fields["by"].widget.choices = [("", _("Anyone")), *kinds, *names]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("This is before the first day. Swap the two."))
        return cleaned

    @property
    def wanted(self) -> HistoryFilter:
        """The filter that the valid fields ask for."""
        given = dict(self.cleaned_data)
        return HistoryFilter(
            actor=given.pop("by", None), only_late=bool(given.pop("late", False)),
            **{name: value for name, value in given.items() if value is not None},
        )  # fmt: skip

    def in_words(self, name: str) -> str:
        """A filter in force as its chip says it."""
        value = self.cleaned_data[name]
        if name == "by":
            return _("By: %(who)s") % {"who": self.actor_labels[written(value)]}
        if name in ("since", "until"):
            words = _("From %(day)s") if name == "since" else _("To %(day)s")
            return words % {"day": short_day(value)}
        if name == "contact":
            return _("Contact: “%(text)s”") % {"text": value}
        if name == "late":
            return _("Only late entries")
        if name == "request":
            return self.request_label or _("One request")
        if name == "weight":
            return str(Weight(value).label)
        return str(dict(self.fields[name].choices)[value])  # type: ignore[attr-defined]

    @property
    def complaint(self) -> str:
        """What is wrong with the filters, in sentences."""
        return " ".join(
            _("%(label)s: %(value)s") % {"label": self.fields[name].label, "value": text}
            for name, texts in self.errors.items()
            for text in texts
        )

    @property
    def in_force(self) -> list[str]:
        """The names of the filters that say something."""
        return [name for name in self.fields if self.cleaned_data.get(name) not in (None, "", False)]


class MomentField(forms.Field):
    """A moment in the project's time zone, not after ``now``. Without seconds it is the end of its minute, so that
    what happened in that minute counts; a day alone is the end of that day."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def __init__(self, *, zone: ZoneInfo, now: datetime, **particulars: Any) -> None:
        super().__init__(**particulars)
        self.zone, self.now = zone, now

    def to_python(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        if not text:
            return None
        try:
            begins = datetime.fromisoformat(text)
        except ValueError:
            begins = datetime.min
        if not EARLIEST <= begins.date() <= LATEST:
            raise forms.ValidationError(_("Enter a date and a time like 2026-11-24T14:30."), code="invalid")
        begins = begins if timezone.is_aware(begins) else begins.replace(tzinfo=self.zone)
        if begins > self.now:
            raise forms.ValidationError(_("This is in the future. Enter a moment that has been."), code="future")
        lasts = timedelta(days=1) if len(text) <= _DAY else timedelta(minutes=1) if len(text) <= _MINUTE else TICK
        return min(begins + lasts - TICK, self.now)


class MomentForm(RegisterForm):
    """What was true at a moment, as known at another: the questions of an auditor."""

    def __init__(self, *args: Any, zone: ZoneInfo, now: datetime, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.fields["at"] = MomentField(zone=zone, now=now, label=_("What was true at"), required=True)
        self.fields["at"].error_messages["required"] = _("Enter a date and a time like 2026-11-24T14:30.")
        self.fields["known_at"] = MomentField(
            zone=zone,
            now=now,
            label=_("As known at"),
            required=False,
            help_text=_("Empty: with all that is known today."),
        )
