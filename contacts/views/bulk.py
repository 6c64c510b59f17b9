"""Deactivating, activating and deleting many contacts."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def pasted(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def bulk_deactivate(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def bulk_activate(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def bulk_delete(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
