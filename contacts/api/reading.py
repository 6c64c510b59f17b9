"""What a request may hold: JSON as RFC 8259 has it, text that can be stored, moments, cursors."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser
from pydantic import AfterValidator

from contacts.access import ApiRefusal
from contacts.errors import RegisterError
from contacts.text import clean_text


class NotJson(ApiRefusal):
    code = "not_json"
    status = 400


class WrongMediaType(ApiRefusal):
    code = "unsupported_media_type"
    status = 415


class StrictParser(Parser):
    """Bodies are JSON in UTF-8, and say so; NaN and Infinity are not JSON."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise WrongMediaType(_("Send JSON, with “Content-Type: application/json”."))
        try:
            return json.loads(request.body.decode(), parse_constant=_refuse, object_pairs_hook=_once_each)
        except (ValueError, RecursionError) as error:
            raise NotJson(_("The body is not JSON that can be read: %(why)s.") % {"why": _why(error)}) from error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in an object")
    return found


def _why(error: Exception) -> str:
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]


def text(max_length: int, *, several_lines: bool = False) -> Any:
    """A type for text of a request: cleaned, or refused with the reason."""

    def clean(value: str) -> str:
        try:
            return clean_text(value, max_length=max_length, several_lines=several_lines)
        except RegisterError as error:
            raise ValueError(str(error.message)) from error

    return Annotated[str, AfterValidator(clean)]


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(_("Write the moment with its offset from UTC, like 2026-03-01T12:00:00Z."))
    if not 1970 <= value.year <= 9_000:
        raise ValueError(_("This moment is too far away."))
    return value


Moment = Annotated[datetime, AfterValidator(_aware)]
