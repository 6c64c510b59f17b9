"""A project's settings."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def settings(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
