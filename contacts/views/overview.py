"""The overview of a project."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def overview(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
