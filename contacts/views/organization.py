"""An organization: its projects and its admins."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def organization(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def organization_settings(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def project_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def admin_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def admin_remove(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
