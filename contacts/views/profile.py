"""A contact's profile."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def contact(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
