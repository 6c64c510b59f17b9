"""Beginning: an organization with its first admin and its first project."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import available_timezones

import phonenumbers
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from contacts.errors import InvalidText, RegisterError
from contacts.models import Organization, Project, User
from contacts.services.members import add_organization_admin
from contacts.services.projects import ProjectSettings, create_project
from contacts.text import clean_text


class OrganizationExists(RegisterError):
    code = "organization_exists"
    message = _("There is an organization of this name already.")
    remedy = _("Use another name, or add a project to it in the browser.")
    field = "name"


@dataclass(frozen=True, slots=True)
class Beginning:
    organization: Organization
    project: Project
    admin: User


@transaction.atomic
def begin(name: str, *, project: ProjectSettings, admin_email: str, admin_name: str, admin_password: str) -> Beginning:
    """Make an organization, its first project and its first admin, who gets the password if they are new.

    Raises OrganizationExists, InvalidText, AccountClosed.
    """
    name = clean_text(name, max_length=200, field="name")
    slug = slugify(name)[:50]
    if not slug:
        raise InvalidText(_("Enter a name with Latin letters, for example “Harbour Museum”."), remedy="", field="name")
    if Organization.objects.filter(slug=slug).exists():
        raise OrganizationExists
    if project.time_zone not in available_timezones():
        raise InvalidText(
            _("This time zone is not known."), remedy=_("Write it like America/Halifax."), field="time_zone"
        )
    if project.default_country and project.default_country not in phonenumbers.SUPPORTED_REGIONS:
        raise InvalidText(_("This country is not known."), remedy=_("Write two letters, like CA."), field="country")
    try:
        validate_email(admin_email)
    except ValidationError as error:
        raise InvalidText(
            _("This is no email address."), remedy=_("Write it like name@example.org."), field="admin"
        ) from error
    organization = Organization.objects.create(name=name, slug=slug)
    welcome = add_organization_admin(organization, email=admin_email, name=admin_name)
    if welcome.is_new_account:
        _set_password(welcome.user, admin_password)
    return Beginning(organization, create_project(organization, project), welcome.user)


def _set_password(user: User, password: str) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidText(" ".join(error.messages), remedy="", field="password") from error
    user.set_password(password)
    user.save(update_fields=["password"])
