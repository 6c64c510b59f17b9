"""What is answered when a form cannot be trusted, or its log-in has run out: in words, and nothing typed is lost."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def fields_sent(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that was sent, to be put into a page as they are."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken"
    ]  # fmt: skip


def holds_password(request: HttpRequest) -> bool:
    """Passwords never go back into a page."""
    return any("password" in name for name in request.POST)


def send_again(request: HttpRequest, *, status: int) -> HttpResponse:
    """A page that keeps what was typed, and sends it again once the user is logged in."""
    context = {
        "sent": fields_sent(request),
        "file_names": [file.name for name in request.FILES for file in request.FILES.getlist(name)],
    }
    response = render(request, "logged_out_meanwhile.html", context, status=status)
    response["Cache-Control"] = "no-store"
    return response


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form whose token is not of this log-in. A new log-in makes new tokens, so our own forms may be sent again
    after a look; a form of another site is refused, or its maker could have the user confirm it."""
    if request.method == "POST" and comes_from_us(request) and not holds_password(request):
        return send_again(request, status=403)
    return render(request, "403_csrf.html", status=403)


def comes_from_us(request: HttpRequest) -> bool:
    """Was the form on a page of this very host? Browsers say so in Origin; older ones in Referer only."""
    origin = request.headers.get("Origin") or request.headers.get("Referer") or ""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    return (parts.scheme, parts.netloc) == (request.scheme, request.get_host())
