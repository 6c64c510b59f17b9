"""What a contact sees and changes of their own data."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse


@login_not_required
def personal(request: HttpRequest, **captured: Any) -> HttpResponse:
    raise Http404
