"""Uploading a list, letting it run, and taking it back."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.forms.base import ChangeForm, RegisterForm, TextField
from contacts.models.imports import ImportMode
from contacts.services.imports.jobs import MOST_BYTES

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


class UndoImportForm(ChangeForm):
    """Taking an import back. Whom it added may be erased with it: that cannot be undone, so their number is typed."""

    erase_created = forms.BooleanField(
        label=gettext_lazy("Also erase the contacts whom it added and nobody has touched since"),
        help_text=gettext_lazy("This cannot be undone. A receipt stays for each, without name or address."),
        required=False,
    )
    number = TextField(
        label=gettext_lazy("Number of contacts to erase"),
        max_length=30,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, untouched: int, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        self.untouched = untouched
        if not untouched:
            del self.fields["erase_created"], self.fields["number"]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        typed = "".join(character for character in cleaned.get("number", "") if character.isdigit())
        if cleaned.get("erase_created") and typed != str(self.untouched):
            words = _("The number does not match. Type %(number)d.") % {"number": self.untouched}
            self.add_error("number", words)
        return cleaned

    @property
    def erases(self) -> bool:
        return bool(self.cleaned_data.get("erase_created"))
