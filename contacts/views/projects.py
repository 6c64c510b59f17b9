"""Choosing a project."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from contacts.access import organizations_of, projects_of
from contacts.models import Organization, Project, User


@dataclass(slots=True)
class OfOrganization:
    """What a user may open of an organization."""

    organization: Organization
    is_admin: bool
    projects: list[Project] = field(default_factory=list)


@require_safe
def choose_project(request: HttpRequest) -> HttpResponse:
    """The only project of who has one and no organization to manage; else the list."""
    groups = _by_organization(cast(User, request.user))
    projects = [project for group in groups for project in group.projects]
    if len(projects) == 1 and not any(group.is_admin for group in groups):
        return redirect("contacts:overview", projects[0].slug)
    return render(request, "contacts/choose_project.html", {"groups": groups})


def _by_organization(user: User) -> list[OfOrganization]:
    """Organizations by name, those without a project as well where the user manages them."""
    groups = {organization.pk: OfOrganization(organization, is_admin=True) for organization in organizations_of(user)}
    for project in projects_of(user):
        group = groups.setdefault(project.organization_id, OfOrganization(project.organization, is_admin=False))
        group.projects.append(project)
    return sorted(groups.values(), key=lambda group: (group.organization.name.casefold(), group.organization.pk))
