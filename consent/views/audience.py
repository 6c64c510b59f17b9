"""Who may receive what."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def audience(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def audience_contacts(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def audience_export(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
