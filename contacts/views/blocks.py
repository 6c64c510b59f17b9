"""Blocks on addresses: the suppression list and the others."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def blocks(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def block_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def block_lift(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def organization_blocks(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def organization_block_add(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


def organization_block_lift(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
