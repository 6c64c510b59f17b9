"""Contacts' requests to be erased."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def requests(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def request_refuse(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
