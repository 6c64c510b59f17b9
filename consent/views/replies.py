"""Replies that may mean stop, and what was done with them."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from contacts.access import access_for


@require_safe
def replies(request: HttpRequest, project_slug: str) -> HttpResponse:
    access_for(request.user, project_slug)
    raise Http404
