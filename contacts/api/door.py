"""What happens around every operation of the web service: who asks, how much, how often; refusals in one form."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import InterfaceError, OperationalError, transaction
from django.http import Http404, HttpRequest, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from ninja.errors import HttpError, ValidationError
from ninja.security import HttpBearer

from contacts.access import ApiAccess, ApiRefusal
from contacts.api import idempotency, problems, rates
from contacts.errors import RegisterError
from contacts.services.tokens import note_use, token_of

Run = Callable[..., HttpResponseBase]
LARGEST_BODY = 2 * 1024 * 1024


class ApiRequest(HttpRequest):
    """A request whose token is known."""

    api: ApiAccess


class NotAuthenticated(ApiRefusal):
    code = "not_authenticated"
    status = 401
    message = _("This needs a token: it is missing, unknown, expired or revoked.")
    remedy = _("Send “Authorization: Bearer” and the text of a token. An admin of the project can make one.")
    headers = {"WWW-Authenticate": "Bearer"}


class TooMany(ApiRefusal):
    code = "too_many_requests"
    status = 429
    message = _("This token has sent too many requests.")
    remedy = _("Wait as long as Retry-After says.")


class TooLarge(ApiRefusal):
    code = "too_large"
    status = 413
    message = _("This request is too large.")


class Scoped(HttpBearer):
    """Lets in whose token has a scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiAccess:
        access = cast(ApiRequest, request).api
        access.require(self.scope)
        return access

    def __call__(self, request: HttpRequest) -> ApiAccess:
        return self.authenticate(request, "")


def largest_body(number: int) -> Callable[[Any], Any]:
    """How many bytes the body of an operation may have, where it may have more than others."""

    def mark(view: Any) -> Any:
        view.largest_body = number
        return view

    return mark


def changes_nothing(view: Any) -> Any:
    """Mark an operation that is a POST because of what it takes, and changes nothing."""
    view.changes_nothing = True
    return view


def through_the_door(run: Run) -> Run:
    """Wrap the run of an operation."""
    view = run.__self__.view_func  # type: ignore[attr-defined]
    largest = getattr(view, "largest_body", LARGEST_BODY)
    changes = not getattr(view, "changes_nothing", False)

    @functools.wraps(run)
    def enter(request: HttpRequest, **captured: Any) -> HttpResponseBase:
        timezone.deactivate()
        budget = None
        try:
            access = _who(request)
            cast(ApiRequest, request).api = access
            budget = rates.spend(access.token)
            if budget.is_spent:
                raise _waiting(budget)
            _read(request, largest)
            answer = _run(request, access, functools.partial(run, request, **captured), changes)
        except Exception as error:
            answer = answer_to(request, error)
        if budget:
            for name, value in budget.headers.items():
                answer.headers[name] = value
        return answer

    return enter


def _run(
    request: HttpRequest, access: ApiAccess, run: Callable[[], HttpResponseBase], changes: bool
) -> HttpResponseBase:
    """All that a request changes is changed in one transaction, and nothing where it is refused."""
    key = request.headers.get("Idempotency-Key")
    if request.method == "POST" and key is not None:
        return idempotency.once(request, access.token, key, run, changes=changes)
    if request.method in ("GET", "HEAD") or not changes:
        return run()
    with transaction.atomic():
        answer = run()
        if answer.status_code >= 400:
            transaction.set_rollback(True)
        return answer


def answer_to(request: HttpRequest, error: Exception) -> HttpResponseBase:
    """The answer to whatever was raised: a problem document, never a traceback."""
    if isinstance(error, RegisterError):
        return problems.refusal(error)
    if isinstance(error, ValidationError):
        return _invalid(error)
    if isinstance(error, HttpError):
        if isinstance(error.__cause__, RegisterError):  # why the body cannot be read, which Ninja wraps
            return problems.refusal(error.__cause__)
        return problems.problem(error.status_code, "bad_request", str(error))
    if isinstance(error, RequestDataTooBig):
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        return problems.refusal(TooLarge(remedy=_("Send at most %(bytes)d bytes.") % {"bytes": limit}))
    if isinstance(error, SuspiciousOperation | MultiPartParserError | UnreadablePostError):
        return problems.problem(400, "bad_request", _("This request cannot be read.").format())
    if isinstance(error, Http404):
        return problems.not_found()
    if isinstance(error, PermissionDenied):
        return problems.problem(403, "not_allowed", str(error))
    if isinstance(error, OperationalError | InterfaceError):
        return problems.not_available()
    got_request_exception.send(sender=None, request=request)
    return problems.problem(500, "internal_error", _("Something went wrong here, and nothing was changed.").format())


def _who(request: HttpRequest) -> ApiAccess:
    kind, _space, text = request.headers.get("Authorization", "").partition(" ")
    token = token_of(text.strip()) if kind.lower() == "bearer" else None
    now = timezone.now()
    if token is None or not token.is_usable(now):
        raise NotAuthenticated
    note_use(token, now)
    return ApiAccess(token)


def _waiting(budget: rates.Budget) -> TooMany:
    error = TooMany()
    error.headers = {"Retry-After": str(budget.reset)}
    return error


def _read(request: HttpRequest, largest: int) -> None:
    """Read the body, unless it is a form with files, which Django reads in pieces."""
    try:
        length = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        length = 0
    if length > largest:
        raise TooLarge(remedy=_("Send at most %(bytes)d bytes.") % {"bytes": largest})
    if request.content_type != "multipart/form-data" and len(request.body) > largest:
        raise TooLarge(remedy=_("Send at most %(bytes)d bytes.") % {"bytes": largest})


def _invalid(error: ValidationError) -> HttpResponseBase:
    errors = []
    for found in error.errors:
        source, *place = [str(part) for part in found["loc"]]
        path = place[1:] if source in ("body", "file", "form") else place[-1:]  # the first is our own name for it
        errors.append({"field": ".".join(path), "message": _words(found)})
    detail = " ".join(f"{item['field']}: {item['message']}." if item["field"] else item["message"] for item in errors)
    return problems.problem(422, "invalid_request", detail[:2_000], errors=errors[:100])


def _words(found: dict[str, Any]) -> str:
    return str(found.get("msg", "")).removeprefix("Value error, ").rstrip(".")
