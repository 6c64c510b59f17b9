"""Who may do what in a project."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def members(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def member_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def member_edit(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def member_remove(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
