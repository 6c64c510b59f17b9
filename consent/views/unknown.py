"""The answer to a mailed link that leads nowhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from consent.views.public import senderless_page


def unknown_link(request: HttpRequest) -> HttpResponse:
    """For a link that we did not make, that was cut, or that we have forgotten meanwhile."""
    return senderless_page(request, "consent/public/link_unknown.html", status=404)
