"""One channel of a contact: opt-out and validity."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def opt_out(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def lift_opt_out(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def validity(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
