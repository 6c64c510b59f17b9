"""What our forms share: text that can be stored, one request however often it is sent, refusals at their field."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from contacts.errors import InvalidText, RegisterError
from contacts.text import clean_text


class TextField(forms.CharField):
    """Text in NFC without characters that break. ``several_lines`` makes it a text area."""

    def __init__(self, *, max_length: int, several_lines: bool = False, **particulars: Any) -> None:
        if several_lines:
            particulars.setdefault("widget", forms.Textarea(attrs={"rows": 3}))
        super().__init__(max_length=max_length, **particulars)
        self.several_lines = several_lines

    def to_python(self, value: Any) -> str:
        text = super().to_python(value) or ""
        try:
            return clean_text(text, max_length=self.max_length or len(text), several_lines=self.several_lines)
        except InvalidText as error:
            raise forms.ValidationError(str(error), code=error.code) from error


class DayField(forms.DateField):
    """A date without a time, by the browser's own date picker. Years before 1900 are slips of the hand."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    default_error_messages = {"invalid": _("Enter a date like 2026-11-24.")}

    def __init__(self, **particulars: Any) -> None:
        super().__init__(input_formats=["%Y-%m-%d"], **particulars)

    def to_python(self, value: Any) -> date | None:
        day = super().to_python(value)
        if day is not None and day.year < 1900:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class RegisterForm(forms.Form):
    """A form whose service may refuse: the refusal stands at its field, and what was typed stays."""

    use_required_attribute = False

    def refuse(self, error: RegisterError) -> None:
        """Show a service's refusal at the field that it names, or above the form."""
        self.add_error(error.field if error.field in self.fields else None, str(error))


class ChangeForm(RegisterForm):
    """A form for one change. Its hidden ``request_id`` makes a double click or a resend the same request."""

    request_id = forms.UUIDField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.fields["request_id"].initial = uuid.uuid4

    @property
    def request_number(self) -> uuid.UUID:
        """The request's id, for ``Origin.request_id``; a new one where the form came without."""
        return self.cleaned_data.get("request_id") or uuid.uuid4()
