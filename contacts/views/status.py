"""Deactivate, activate, undo."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def deactivate(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def activate(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def undo(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
