"""Uploading a list, letting it run, and taking it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.forms.base import ChangeForm, RegisterForm, TextField
from contacts.models.imports import ImportMode

MOST_BYTES = 100_000_000
KINDS_OF_FILE = (".csv", ".tsv", ".txt", ".xlsx", ".ods")


def megabytes(size: int) -> str:
    return f"{size / 1_000_000:,.0f} MB"


class ListField(forms.FileField):
    """A list of a size that a page takes."""

    default_error_messages = {
        "required": gettext_lazy("Choose a file, for example an export of your mailing tool."),
        "missing": gettext_lazy("Choose a file, for example an export of your mailing tool."),
        "empty": gettext_lazy("The file is empty. Choose one with a line of column names and a row for each contact."),
        "invalid": gettext_lazy("The file did not arrive. Choose it again."),
        "max_length": gettext_lazy("The file’s name is too long. Give it a shorter one and choose it again."),
    }

    def validate(self, value: Any) -> None:
        super().validate(value)
        size = value.size if isinstance(value, UploadedFile) else None
        if size and size > MOST_BYTES:
            raise forms.ValidationError(
                _("The file has %(size)s, and a page takes at most %(most)s. Split it, or use the command "
                  "import_contacts.") % {"size": megabytes(size), "most": megabytes(MOST_BYTES)},
                code="too_large",
            )  # fmt: skip


class UploadForm(ChangeForm):
    """A list. What is in it is asked on the next page."""

    file = ListField(
        label=gettext_lazy("File"),
        widget=forms.FileInput(attrs={"accept": ",".join(KINDS_OF_FILE)}),
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.fields["file"].help_text = _("CSV, TSV, XLSX or ODS, at most %(most)s.") % {"most": megabytes(MOST_BYTES)}


class StartForm(RegisterForm):
    """Letting a checked import run. ``shown`` stands for the preview that the user saw."""

    mode = forms.ChoiceField(choices=ImportMode.choices, required=False, widget=forms.HiddenInput)
    shown = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)
    typed = TextField(
        max_length=30,
        required=False,
        label=gettext_lazy("Number of contacts that will be deactivated"),
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
