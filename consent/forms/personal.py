"""What a contact corrects of their own data, and the answer to their request to be erased."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from consent.services.requests import LONGEST_REFUSAL
from contacts.forms.base import ChangeForm, TextField
from contacts.models import Contact


class NameForm(ChangeForm):
    """Name and language. What they are now stands in the fields."""

    first_name = TextField(
        label=_("First name"), max_length=150, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )  # fmt: skip
    last_name = TextField(
        label=_("Last name"), max_length=150, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )  # fmt: skip
    language = forms.ChoiceField(
        label=_("Language"),
        required=False,
        error_messages={"invalid_choice": _("Choose a language from the list.")},
    )

    def __init__(self, *args: Any, contact: Contact, **particulars: Any) -> None:
        values = {name: getattr(contact, name) for name in ("first_name", "last_name", "language")}
        super().__init__(*args, initial=values, auto_id="name_%s", **particulars)
        choices = [("", _("Not said")), *settings.LANGUAGES]
        if contact.language not in dict(choices):
            choices.append((contact.language, contact.language))
        field = self.fields["language"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


class EmailForm(ChangeForm):
    """Another email address, which is confirmed before it counts."""

    address = TextField(
        label=_("New email address"),
        max_length=320,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "spellcheck": "false"}),
        error_messages={"required": _("Enter the new address, like name@example.org.")},
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, auto_id="email_%s", **particulars)


class PhoneForm(ChangeForm):
    """Another number for SMS, or none."""

    address = TextField(
        label=_("Number for SMS"),
        max_length=320,
        required=False,
        help_text=_("With the country code, like +1 418 555 0137. Leave it empty to have it removed."),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel"}),
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, auto_id="phone_%s", **particulars)


class RefuseForm(ChangeForm):
    """Why the contact is not erased. They read it."""

    refusal = TextField(
        label=_("Reason"),
        max_length=LONGEST_REFUSAL,
        several_lines=True,
        help_text=_(
            "For example a law that has you keep records, and until when. "
            "Name the authority to which the contact can complain."
        ),
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"required": _("Give the reason. The contact reads it.")},
    )
