"""Of whom it is asked who may receive what: a channel, a communication type, and a day."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from consent.models import CommunicationType
from contacts.eligibility import Question
from contacts.forms.base import DayField, RegisterForm
from contacts.models import Project
from contacts.moments import end_of_day
from contacts.vocabulary import Channel

EARLIEST = date(2000, 1, 1)


class AudienceForm(RegisterForm):
    """What is left out of an address is the first type, on its first channel, now."""

    type = forms.ChoiceField(
        label=gettext_lazy("Communication type"),
        required=False,
        error_messages={"invalid_choice": gettext_lazy("This communication type does not exist. Choose one here.")},
    )
    channel = forms.ChoiceField(
        label=gettext_lazy("Channel"),
        choices=Channel.choices,
        required=False,
        error_messages={"invalid_choice": gettext_lazy("This channel does not exist. Choose one here.")},
    )
    at = DayField(
        label=gettext_lazy("As it was at the end of"),
        required=False,
    )

    def __init__(self, query: Any, *, project: Project) -> None:
        self.types = list(CommunicationType.objects.in_project(project).in_use())
        self.zone = project.zone
        super().__init__(self._completed(query))
        choices = self.fields["type"]
        assert isinstance(choices, forms.ChoiceField)
        choices.choices = [(topic.slug, topic.name_in()) for topic in self.types]
        choices.choices = [*choices.choices, ("", _("None: what holds of the channel alone"))]
        self.fields["at"].widget.attrs["max"] = self._today().isoformat()

    def _today(self) -> date:
        return timezone.now().astimezone(self.zone).date()

    def _completed(self, query: Any) -> dict[str, Any]:
        asked = {name: query.get(name) for name in ("type", "channel", "at") if query.get(name) is not None}
        by_number = {str(topic.pk): topic.slug for topic in self.types}
        slugs = {topic.slug for topic in self.types}
        if asked.get("type") in by_number and asked["type"] not in slugs:
            asked["type"] = by_number[asked["type"]]
        first = next((topic for topic in self.types if asked.get("channel") in (None, "", *topic.channels)), None)
        asked.setdefault("type", first.slug if first else "")
        if not asked.get("channel"):
            topic = self._topic(asked["type"])
            asked["channel"] = next(
                (channel for channel in Channel.values if not topic or channel in topic.channels), ""
            )
        return asked

    def _topic(self, slug: str) -> CommunicationType | None:
        return next((topic for topic in self.types if topic.slug == slug), None)

    @property
    def topic(self) -> CommunicationType | None:
        return self._topic(self.cleaned_data.get("type") or "")

    def clean_at(self) -> date | None:
        day: date | None = self.cleaned_data["at"]
        if day is not None and day > self._today():
            raise forms.ValidationError(_("This day is still to come. Enter today's date or an earlier one."))
        if day is not None and day < EARLIEST:
            raise forms.ValidationError(_("Enter a date of the year 2000 or later, like 2026-11-24."))
        return None if day == self._today() else day

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        topic, channel = self._topic(cleaned.get("type") or ""), cleaned.get("channel")
        if topic and channel and channel not in topic.channels:
            labels = ", ".join(str(Channel(each).label) for each in topic.channels)
            words = _("This is not sent on this channel. Choose one of: %(channels)s.")
            self.add_error("channel", words % {"channels": labels})
        return cleaned

    @property
    def day(self) -> date | None:
        """The day asked about; None: now."""
        return self.cleaned_data.get("at")

    @property
    def question(self) -> Question:
        """What is asked; of a day its end, in the project's time zone."""
        at = end_of_day(self.day, self.zone) if self.day else None
        return Question(self.cleaned_data["channel"], communication_type=self.topic, at=at)

    @property
    def in_address(self) -> dict[str, str]:
        """The same in an address."""
        asked = {"type": self.cleaned_data.get("type") or "", "channel": self.cleaned_data["channel"]}
        return {**asked, "at": self.day.isoformat()} if self.day else asked
