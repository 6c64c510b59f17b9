"""The opt-out link."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse


@login_not_required
def opt_out(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404


@login_not_required
def resubscribe(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
