"""The forms of webhook endpoints."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from consent.incoming.providers import PROVIDERS, Provider
from contacts.forms.base import ChangeForm, RegisterForm, TextField


class EndpointForm(ChangeForm):
    """Which provider sends here."""

    provider = forms.ChoiceField(
        label=_("Provider"),
        choices=[("", _("Choose one")), *((provider.slug, provider.name) for provider in PROVIDERS)],
        error_messages={"required": _("Choose a provider."), "invalid_choice": _("Choose a provider of the list.")},
    )


class RequestForm(ChangeForm):
    """A change that needs nothing more than a yes."""


class SecretsForm(RegisterForm):
    """What a provider signs with. What was entered before is not shown: an empty field leaves it as it is."""

    def __init__(self, provider: Provider, held: set[str], *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        for secret in provider.secrets:
            known = _("One is kept. Leave this empty to keep it.") if secret.name in held else ""
            self.fields[secret.name] = TextField(
                label=secret.label,
                max_length=2_000,
                required=False,
                several_lines=secret.is_key,
                help_text=known,
                widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"})
                if secret.is_key
                else forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
            )

    @property
    def entered(self) -> dict[str, str]:
        return dict(self.cleaned_data)
