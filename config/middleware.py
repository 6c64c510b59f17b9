"""What happens around every view: nobody passes without a log-in, and a refusal becomes a page in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone

from contacts.errors import RegisterError


class LogInFirst(LoginRequiredMiddleware):
    """Every view needs a log-in unless it says otherwise. A form that was sent after the log-in ran out comes
    back with all that was typed, to be sent again."""

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        if request.method == "POST" and not request.FILES:
            return render(request, "logged_out_meanwhile.html", {"sent": sent_again(request)}, status=401)
        return super().handle_no_permission(request, view_func)


def sent_again(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that was sent, to be put into a page as they are. Passwords are left out."""
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name != "csrfmiddlewaretoken" and "password" not in name
    ]


class RefusalsInWords:
    """A refusal that no form showed becomes a page that says what to do, never a traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RegisterError):
            return render(request, "refused.html", {"refusal": exception}, status=400)
        return None


def in_the_projects_time(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Times on pages are those of UTC until a view knows the project; no request inherits another's zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        timezone.deactivate()
        return get_response(request)

    return middleware
