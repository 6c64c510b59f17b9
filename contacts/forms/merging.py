"""Merging two contacts: which addresses are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import ChangeForm
from contacts.services.merging import ChannelInMerge
from contacts.vocabulary import Channel

STAYING, GOING = "staying", "going"
_LABELS = {
    Channel.EMAIL: _("Which email address is kept?"),
    Channel.SMS: _("Which number is kept?"),
    Channel.PUSH: _("Which device is kept?"),
}


class MergeForm(ChangeForm):
    """One question for each channel on which both have an address of their own."""

    def __init__(self, *args: Any, choices: Iterable[ChannelInMerge], **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.channels = [found.channel for found in choices]
        for found in choices:
            self.fields[f"keep_{found.channel}"] = forms.ChoiceField(
                label=_LABELS[Channel(found.channel)],
                choices=[(STAYING, found.address), (GOING, found.other_address)],
                initial=STAYING,
                widget=forms.RadioSelect,
                help_text=_("The other one stays in the history, with whatever blocks lie on it."),
                error_messages={
                    "required": _("Choose the address that is kept."),
                    "invalid_choice": _("Choose the address that is kept."),
                },
            )

    @property
    def take(self) -> frozenset[str]:
        """The channels on which the address of the one who goes is kept."""
        return frozenset(channel for channel in self.channels if self.cleaned_data[f"keep_{channel}"] == GOING)

    @property
    def questions(self) -> list[forms.BoundField]:
        return [self[f"keep_{channel}"] for channel in self.channels]
