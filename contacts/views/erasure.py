"""Deleting a contact, and the receipts of erasures."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def delete(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def erasures(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def receipt(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
