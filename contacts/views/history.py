"""The status history of a project."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def history(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def history_export(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def entry(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
