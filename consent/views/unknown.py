"""The answer to a link that leads nowhere."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def unknown_link(request: HttpRequest) -> HttpResponse:
    """For a mailed link that we did not make, that was cut, or that we have forgotten meanwhile."""
    response = render(request, "consent/public/link_unknown.html", status=404)
    response["Referrer-Policy"] = "no-referrer"
    return response
