"""Consents of one contact."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def grant(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def withdraw(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def consent_entry(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def consent_undo(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def receipt(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def receipt_json(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
