"""Adding a contact and correcting what is known of one."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def contact_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def contact_edit(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
