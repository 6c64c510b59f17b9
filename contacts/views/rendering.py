"""How a view shows a page of a project, or of an organization."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from contacts.access import Access
from contacts.models import Organization


def project_page(
    request: HttpRequest,
    access: Access,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    section: str,
    status: int = 200,
) -> HttpResponse:
    """The template with what every page of a project has. ``section`` is the entry of the rail to mark."""
    shared = {"access": access, "project": access.project, "section": section}
    response = render(request, template, {**shared, **(context or {})}, status=status)
    response["Cache-Control"] = "no-store"
    return response


def organization_page(
    request: HttpRequest,
    organization: Organization,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    section: str,
    status: int = 200,
) -> HttpResponse:
    """The same for a page of an organization, which only its admins see."""
    shared = {"organization": organization, "section": section}
    response = render(request, template, {**shared, **(context or {})}, status=status)
    response["Cache-Control"] = "no-store"
    return response
