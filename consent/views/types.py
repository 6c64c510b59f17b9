"""Communication types."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def type_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def type_edit(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def type_archive(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
