"""What happens around every view: nobody passes without a log-in, and a refusal becomes a page in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.defaults import page_not_found

from config.errors import holds_password, send_again
from contacts.errors import RegisterError


class LogInFirst(LoginRequiredMiddleware):
    """Every view needs a log-in unless it says otherwise. A form that was sent after the log-in ran out comes
    back with all that was typed, to be sent again.

    Views for anybody do without a look at the session: a cookie that strays to an opt-out link costs no query, and is
    neither refreshed nor removed.
    """

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., Any], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def handle_no_permission(  # type: ignore[override]
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseBase:
        if request.headers.get("HX-Request") == "true":
            return _to_log_in_from_a_fragment(request)
        if request.method == "POST" and not holds_password(request):
            return send_again(request, status=401)
        return super().handle_no_permission(request, view_func)


def _to_log_in_from_a_fragment(request: HttpRequest) -> HttpResponse:
    """The log-in page replaces the whole page, not the part of it that was asked for."""
    page = urlsplit(request.headers.get("HX-Current-URL", ""))
    log_in = redirect_to_login(f"{page.path}?{page.query}" if page.query else page.path or "/")
    return HttpResponse(status=401, headers={"HX-Redirect": log_in.url})


class RefusalsInWords:
    """A refusal that no form showed becomes a page that says what to do, never a traceback."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if settings.DEBUG and response.status_code == 404 and request.resolver_match is None:
            return page_not_found(request, Http404())
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RegisterError):
            return render(request, "refused.html", {"refusal": exception}, status=400)
        if isinstance(exception, Http404):
            return page_not_found(request, exception)
        return None


def in_the_projects_time(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Times on pages are those of UTC until a view knows the project; no request inherits another's zone."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        timezone.deactivate()
        return get_response(request)

    return middleware


def kept_nowhere(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """No browser or proxy keeps an answer, unless its view says otherwise: refusals may show what was typed,
    redirects what was searched, pages of the account recovery codes."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    return middleware


def in_utf_8(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Our forms are sent as UTF-8. A header that claims otherwise is passed over: Django refuses it wherever it reads
    the form, and then once more while it shows the refusal."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        request.encoding = "utf-8"
        return get_response(request)

    return middleware
