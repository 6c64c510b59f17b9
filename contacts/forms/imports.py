"""Uploading a list of contacts."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.errors import RegisterError
from contacts.forms.base import ChangeForm, TextField
from contacts.services.csv_import import PeopleWhoLeft

MOST_BYTES = 20 * 1024 * 1024


class ListField(forms.FileField):
    """A CSV file of a size that can be worked through at once."""

    default_error_messages = {
        "required": gettext_lazy("Choose a CSV file, for example an export of your mailing tool."),
        "missing": gettext_lazy("Choose a CSV file, for example an export of your mailing tool."),
        "empty": gettext_lazy("The file is empty. Choose one with a line of column names and a row for each contact."),
        "invalid": gettext_lazy("The file did not arrive. Choose it again."),
    }

    def validate(self, value: Any) -> None:
        super().validate(value)
        size = value.size if isinstance(value, UploadedFile) else None
        if size and size > MOST_BYTES:
            raise forms.ValidationError(
                _(
                    "The file has %(size)s, and a page takes at most %(most)s. "
                    "Split it, or use the command import_contacts."
                )
                % {"size": filesizeformat(size), "most": filesizeformat(MOST_BYTES)},
                code="too_large",
            )


class ImportForm(ChangeForm):
    """A list, the column of its key, and (asked once the list looks otherwise) that its rows are contacts."""

    file = ListField(
        label=gettext_lazy("CSV file"),
        help_text=gettext_lazy("As Mailchimp, HubSpot, Brevo, listmonk or a spreadsheet write it."),
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,.tsv,text/csv,text/plain"}),
    )
    key = TextField(
        label=gettext_lazy("Column of the key"),
        help_text=gettext_lazy(
            "The column that identifies a contact, such as “Customer number”. "
            "Empty: a column known as such, else the email address."
        ),
        max_length=254,
        required=False,
    )
    as_contacts = forms.BooleanField(
        label=gettext_lazy("These rows are contacts all the same"),
        help_text=gettext_lazy(
            "They are added as active contacts who may be written to. "
            "Tick this only when the columns mean something else."
        ),
        required=False,
    )

    @property
    def asks_what_the_rows_are(self) -> bool:
        """Whether the box has to be shown: the list was refused, or the box was ticked before."""
        return bool(self.is_bound and (self.data.get("as_contacts") or self.has_error("file", PeopleWhoLeft.code)))

    def refuse(self, error: RegisterError) -> None:
        words = str(error)
        if isinstance(error, PeopleWhoLeft):
            words = f"{words} {_('If they are contacts all the same, tick the box below and choose the file again.')}"
        self.add_error("file", forms.ValidationError(words, code=error.code))
