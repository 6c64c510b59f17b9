"""Organizations and their projects: names, time zones, and the settings that say how they work."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from contacts.errors import InvalidText, RegisterError
from contacts.models import Organization, Project

SLUG_LENGTH = 50


class NameTaken(RegisterError):
    code = "name_taken"
    message = _("The organization has a project of this name already.")
    remedy = _("Use another name, or open that project.")
    field = "name"


class SlugTaken(RegisterError):
    code = "slug_taken"
    message = _("Another project has this short name already.")
    field = "slug"


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """What an admin decides about a project, cleaned. Nothing of it touches a contact."""

    name: str
    time_zone: str = "UTC"
    default_country: str = ""
    delivery_errors: int = 3
    delivery_error_days: int = 10
    burst_addresses: int = 50
    import_share: int = 5
    import_days: int = 30

    def columns(self) -> dict[str, Any]:
        return {column.name: getattr(self, column.name) for column in fields(self)}


@transaction.atomic
def create_project(organization: Organization, settings: ProjectSettings, *, slug: str = "") -> Project:
    """Add a project. Without a short name it gets one that follows from its name.

    Raises NameTaken (so that a form sent twice makes one project), SlugTaken, InvalidText.
    """
    Organization.objects.select_for_update().get(pk=organization.pk)
    _refuse_name(organization, settings.name)
    if not slug and not (slug := suggested_slug(settings.name)):
        raise InvalidText(_("Enter a short name in Latin letters, for example “members”."), remedy="", field="slug")
    try:
        with transaction.atomic():
            return Project.objects.create(organization=organization, slug=slug, **settings.columns())
    except IntegrityError as error:
        remedy = _("Use another one, for example “%(slug)s”.") % {"slug": suggested_slug(slug)}
        raise SlugTaken(remedy=remedy) from error


@transaction.atomic
def change_settings(project: Project, settings: ProjectSettings) -> Project:
    """Set what an admin decides about a project. Raises NameTaken."""
    Organization.objects.select_for_update().get(pk=project.organization_id)
    _refuse_name(project.organization, settings.name, but=project)
    for column, value in settings.columns().items():
        setattr(project, column, value)
    project.save(update_fields=list(settings.columns()))
    return project


def change_organization(organization: Organization, *, name: str, postal_address: str) -> Organization:
    """Set the sender's name and postal address, as public pages and messages show them."""
    organization.name, organization.postal_address = name, postal_address
    organization.save(update_fields=["name", "postal_address"])
    return organization


def suggested_slug(text: str) -> str:
    """A short name that no project has yet, made from a name; empty where no letter of it can stand there."""
    stem = slugify(text)[: SLUG_LENGTH - 4].strip("-_")
    if not stem:
        return ""
    taken = set(Project.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    return next(slug for number in range(1, len(taken) + 2) if (slug := _numbered(stem, number)) not in taken)


def _numbered(stem: str, number: int) -> str:
    return stem if number == 1 else f"{stem}-{number}"


def _refuse_name(organization: Organization, name: str, *, but: Project | None = None) -> None:
    same = Project.objects.filter(organization=organization, name__iexact=name)
    if (same.exclude(pk=but.pk) if but else same).exists():
        raise NameTaken
