"""Refusals as problem documents (RFC 9457), each with a stable code."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _
from ninja import Field, Schema

from contacts.access import ApiRefusal
from contacts.errors import RegisterError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 5

TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    412: "Precondition failed",
    413: "Too large",
    415: "Unsupported media type",
    422: "Refused",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available now",
}
# What the register refuses because of what somebody else did, or may not be done at all; the rest is 422.
STATUSES = {
    "not_allowed": 403,
    "authorization_required": 403,
    "contact_gone": 404,
    "contact_merged": 409,
    "key_taken": 409,
    "stale_confirmation": 409,
    "cannot_undo": 409,
    "nothing_to_do": 409,
    "import_went_on": 409,
    "file_gone": 409,
    "file_too_large": 413,
    "bad_cursor": 400,
}


class FieldError(Schema):
    """One field that was refused, as a path into what was sent."""

    field: str = Field(examples=["channels.email.address"])
    message: str = Field(examples=["This is not an address that can be written to."])


class Problem(Schema):
    """Why something was refused (RFC 9457). ``code`` stays the same; the words may change."""

    type: str = Field(examples=["urn:sendable:problem:invalid_address"])
    title: str = Field(examples=["Refused"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["invalid_address"])
    detail: str = Field(examples=["This is not an address that can be written to."])
    remedy: str | None = Field(None, examples=["Write it like name@example.org."])
    errors: list[FieldError] | None = None


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    remedy: str = "",
    errors: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer for a refusal."""
    body: dict[str, Any] = {
        "type": f"urn:sendable:problem:{code}",
        "title": TITLES.get(status, "Refused"),
        "status": status,
        "code": code,
        "detail": detail,
    }
    if remedy:
        body["remedy"] = remedy
    if errors:
        body["errors"] = list(errors)
    return HttpResponse(json.dumps(body), status=status, content_type=CONTENT_TYPE, headers=dict(headers or {}))


def refusal(error: RegisterError) -> HttpResponse:
    """What the register refused."""
    status = error.status if isinstance(error, ApiRefusal) else STATUSES.get(error.code, 422)
    field = str(error.field)
    errors = [{"field": field, "message": str(error.message)}] if field else []
    headers = error.headers if isinstance(error, ApiRefusal) else None
    return problem(status, error.code, str(error.message), remedy=str(error.remedy), errors=errors, headers=headers)


def not_found() -> HttpResponse:
    return problem(404, "not_found", _("There is no such thing in this project."))


def not_available() -> HttpResponse:
    """The database does not answer, or is too busy: nothing was changed."""
    return problem(
        503, "not_available", _("The register cannot be reached just now, and nothing was changed."),
        remedy=_("Send the same request again in some seconds."), headers={"Retry-After": str(RETRY_AFTER)},
    )  # fmt: skip
