"""What is asked before many contacts are changed at once. The fields are those of one contact."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.errors import ConfirmationMismatch
from contacts.forms.base import ChangeForm, RegisterForm, TextField
from contacts.forms.erasure import CLEAN_UP, REQUESTED
from contacts.forms.status import ActivateForm, DeactivateForm
from contacts.vocabulary import Reason

MOST_LINES = 10_000
_LONGEST_LIST = 4_000_000
_GROUPING = re.compile(r"[\s,.’']")


class BulkDeactivateForm(DeactivateForm):
    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        reason = self.fields["reason"]
        assert isinstance(reason, forms.ChoiceField)
        reason.choices = [
            (Reason.VERBAL_REQUEST, gettext("The contacts asked for it, for example by telephone")),
            (Reason.WRITTEN_REQUEST, gettext("The contacts asked for it in writing, for example in emails or letters")),
            (Reason.OTHER, gettext("Other: our own decision")),
        ]
        self.fields["requested_on"].help_text = gettext("When the contacts asked. Empty: today.")


class BulkActivateForm(ActivateForm):
    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.fields["source"].label = gettext("How did the contacts allow it?")
        self.fields["reference"].help_text = gettext(
            "Enough for a colleague to find each of them again: a ticket number, the place of the forms."
        )
        self.fields["covers"].help_text = gettext("Tick only what all of them spoke of. The rest stays opted out.")


class BulkDeleteForm(ChangeForm):
    """Whose wish it is, and how many contacts, typed out."""

    reason = forms.ChoiceField(
        label=_("Why?"),
        widget=forms.RadioSelect,
        choices=[
            (REQUESTED, _("The contacts asked to be erased")),
            (CLEAN_UP, _("Clean-up: we do not need these contacts any more")),
        ],
        error_messages={
            "required": _("Say whether the contacts asked for it."),
            "invalid_choice": _("Choose one of these reasons."),
        },
    )
    number = TextField(
        label=_("Number of contacts"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, number: int, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.expected = number
        shown = number_format(number, force_grouping=True)
        field = self.fields["number"]
        field.label = gettext("Type the number of contacts to confirm: %(number)s") % {"number": shown}
        self._remedy = gettext("Type %(number)s.") % {"number": shown}
        field.error_messages["required"] = str(
            ConfirmationMismatch(gettext("The number is missing."), remedy=self._remedy)
        )

    def clean_number(self) -> int:
        typed = _GROUPING.sub("", self.cleaned_data["number"])
        if typed != str(self.expected):
            error = ConfirmationMismatch(gettext("The number does not match."), remedy=self._remedy)
            raise forms.ValidationError(str(error), code=error.code)
        return self.expected

    @property
    def requested_by_contact(self) -> bool:
        return bool(self.cleaned_data["reason"] == REQUESTED)


class PastedForm(RegisterForm):
    """A list of keys or addresses, as it comes out of a spreadsheet or a letter."""

    text = TextField(
        label=_("Keys or addresses"),
        max_length=_LONGEST_LIST,
        several_lines=True,
        help_text=_("One on each line, or separated by commas, semicolons or tabs. At most 10,000 lines."),
        error_messages={"required": _("Paste at least one key or address, for example HM-204817.")},
        widget=forms.Textarea(
            attrs={"rows": 10, "class": "key", "spellcheck": "false", "autocomplete": "off", "autocapitalize": "off"}
        ),
    )

    def clean_text(self) -> list[str]:
        """The lines, without the empty ones."""
        lines = [line.strip() for line in self.cleaned_data["text"].split("\n")]
        lines = [line for line in lines if line.strip(",;\t ")]
        if not lines:
            raise forms.ValidationError(self.fields["text"].error_messages["required"], code="required")
        if len(lines) > MOST_LINES:
            words = gettext("These are %(number)s lines. Paste at most %(most)s at a time, or import them as a file.")
            shown = {
                "number": number_format(len(lines), force_grouping=True),
                "most": number_format(MOST_LINES, force_grouping=True),
            }
            raise forms.ValidationError(words % shown, code="too_many")
        return lines
