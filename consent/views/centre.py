"""The consent centre of a project, for users."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def centre(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def centre_settings(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def opt_ins(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def expiring(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
