"""A project's public forms, for users."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def forms(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def form_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def form_edit(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def form_version(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
