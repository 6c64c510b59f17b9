"""Spam reports, for admins."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from contacts.access import ADMINISTER, access_for


@require_safe
def spam_reports(request: HttpRequest, project_slug: str) -> HttpResponse:
    access_for(request.user, project_slug, needs=ADMINISTER)
    raise Http404
