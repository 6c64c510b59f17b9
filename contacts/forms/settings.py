"""Forms about a project's settings."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.forms.base import RegisterForm, TextField
from contacts.models import Project
from contacts.services.projects import SLUG_LENGTH, ProjectSettings


@cache
def time_zones() -> list[str]:
    """The names of the places whose time a project can keep."""
    return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")


def countries() -> list[tuple[str, str]]:
    """Country codes with name and calling code, by name in the language of the page."""
    return [("", str(_("None: numbers need a country code"))), *_countries((get_language() or "en")[:2])]


@cache
def _countries(language: str) -> list[tuple[str, str]]:
    names = ((code, _country_name(code, language)) for code in phonenumbers.SUPPORTED_REGIONS)
    labelled = [(code, f"{name} (+{phonenumbers.country_code_for_region(code)})") for code, name in names]
    return sorted(labelled, key=lambda choice: choice[1])


def _country_name(code: str, language: str) -> str:
    """From the names that come with phonenumbers, where “*de” means “as in German”."""
    from phonenumbers.geodata.locale import LOCALE_DATA  # a large table that only this page reads

    names = LOCALE_DATA.get(code, {})
    name = names.get(language) or names.get("en") or code
    return names.get(name[1:], code) if name.startswith("*") else name


class ProjectForm(RegisterForm):
    """A project's name and what follows from where it is."""

    name = TextField(
        label=_("Name"), max_length=200, error_messages={"required": _("Enter a name, for example “Members”.")}
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in time_zones()],
        initial="UTC",
        help_text=_("Of the dates that pages show, and of dates without a time."),
        error_messages={"required": _("Choose a time zone."), "invalid_choice": _("Choose a time zone of the list.")},
    )
    default_country = forms.ChoiceField(
        label=_("Country of national phone numbers"),
        choices=countries,
        required=False,
        help_text=_("A number without a country code is read as one of this country."),
        error_messages={"invalid_choice": _("Choose a country of the list.")},
    )


class SettingsForm(ProjectForm):
    """All settings of a project."""

    delivery_errors = forms.IntegerField(
        min_value=1,
        max_value=100,
        error_messages={
            "required": _("Enter a number from 1 to 100."),
            "invalid": _("Enter a number from 1 to 100."),
            "min_value": _("Enter a number from 1 to 100."),
            "max_value": _("Enter a number from 1 to 100."),
        },
    )
    delivery_error_days = forms.IntegerField(
        min_value=1,
        max_value=365,
        error_messages={
            "required": _("Enter a number from 1 to 365."),
            "invalid": _("Enter a number from 1 to 365."),
            "min_value": _("Enter a number from 1 to 365."),
            "max_value": _("Enter a number from 1 to 365."),
        },
    )
    burst_addresses = forms.IntegerField(
        min_value=2,
        max_value=1_000_000,
        error_messages={
            "required": _("Enter a number from 2 to 1,000,000."),
            "invalid": _("Enter a number from 2 to 1,000,000."),
            "min_value": _("Enter a number from 2 to 1,000,000."),
            "max_value": _("Enter a number from 2 to 1,000,000."),
        },
    )
    import_share = forms.IntegerField(
        label=_("Share in per cent"),
        min_value=0,
        max_value=100,
        error_messages={
            "required": _("Enter a number from 0 to 100."),
            "invalid": _("Enter a number from 0 to 100."),
            "min_value": _("Enter a number from 0 to 100."),
            "max_value": _("Enter a number from 0 to 100."),
        },
    )
    import_days = forms.IntegerField(
        label=_("Days to undo an import"),
        min_value=1,
        max_value=365,
        error_messages={
            "required": _("Enter a number from 1 to 365."),
            "invalid": _("Enter a number from 1 to 365."),
            "min_value": _("Enter a number from 1 to 365."),
            "max_value": _("Enter a number from 1 to 365."),
        },
    )

    def __init__(self, *args: Any, **particulars: Any) -> None:
        super().__init__(*args, **particulars)
        for column in Project._meta.fields:
            if column.name in ("delivery_errors", "delivery_error_days", "burst_addresses"):
                self.fields[column.name].label = capfirst(column.verbose_name)

    @property
    def settings(self) -> ProjectSettings:
        return ProjectSettings(**self.cleaned_data)


class NewProjectForm(ProjectForm):
    """A new project of an organization."""

    slug = forms.CharField(
        label=_("Short name"),
        max_length=SLUG_LENGTH,
        required=False,
        help_text=_("Stands in the addresses of the project's pages and stays. Left empty it follows from the name."),
        error_messages={"max_length": _("Enter at most 50 characters.")},
    )
    field_order = ["name", "slug"]

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"].lower()
        if slug and not re.fullmatch(r"[a-z0-9_-]+", slug):
            raise forms.ValidationError(_("Use letters from a to z, digits and hyphens, for example “members”."))
        return slug

    @property
    def settings(self) -> ProjectSettings:
        return ProjectSettings(**{name: self.cleaned_data[name] for name in ProjectForm.base_fields})


def settings_of(project: Project) -> dict[str, Any]:
    """The values to start a SettingsForm with."""
    return {name: getattr(project, name) for name in SettingsForm.base_fields}
