"""The list of contacts, and its export."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def contact_list(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def contact_export(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
