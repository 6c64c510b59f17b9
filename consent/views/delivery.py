"""Delivery errors: which addresses cannot be written to, what receivers said, and lifting a quarantine."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from contacts.access import access_for
from contacts.views.rendering import project_page


@require_safe
def delivery(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug)
    return project_page(request, access, "consent/delivery.html", section="delivery")
