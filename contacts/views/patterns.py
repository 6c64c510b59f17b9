"""All components on one page, for those who build pages."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def patterns(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
