"""What a request may hold: JSON as RFC 8259 has it, text that can be stored, moments, cursors."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja.parser import Parser
from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

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


# An id in a body. “true” is no number here, though Python takes it for 1, nor is “1”.
LARGEST_NUMBER = 2**63 - 1
Number = Annotated[int, Field(strict=True, ge=1, le=LARGEST_NUMBER)]


def text(max_length: int, *, several_lines: bool = False) -> Any:
    """A type for text of a request: cleaned, or refused with the reason."""

    def clean(value: str) -> str:
        return _cleaned(value, max_length, several_lines=several_lines)

    return Annotated[str, AfterValidator(clean), Field(json_schema_extra={"maxLength": max_length})]


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(_DAY.pattern + r"[Tt ].+")


def _written(form: re.Pattern[str], message: Callable[[], str]) -> BeforeValidator:
    """Refuse what is not a text of this form: a number would be read as seconds, or as milliseconds, since 1970."""

    def check(value: Any) -> Any:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise ValueError(message())
        return value

    return BeforeValidator(check)


def _how_moments_are_written() -> str:
    return _("Write the moment with its offset from UTC, like 2026-03-01T12:00:00Z.")


def _how_days_are_written() -> str:
    return _("Enter a date like 2026-11-24.")


def _aware(value: datetime) -> datetime:
    if value.tzinfo is None or value.utcoffset() is None:
        raise ValueError(_how_moments_are_written())
    if not 1970 <= value.year <= 9_000:
        raise ValueError(_("This moment is too far away."))
    return value


Moment = Annotated[datetime, _written(_MOMENT, _how_moments_are_written), AfterValidator(_aware)]


def _plausible(value: date) -> date:
    if not 1900 <= value.year <= 2999:
        raise ValueError(_how_days_are_written())
    return value


Day = Annotated[date, _written(_DAY, _how_days_are_written), AfterValidator(_plausible)]

MOST_VALUES = 200
_LANGUAGE = re.compile(r"([A-Za-z]{2,3}([-_][A-Za-z]{2,4})?)?")
_SCALAR = {"anyOf": [{"type": "string", "maxLength": 2_000}, {"type": "number"}, {"type": "boolean"}, {"type": "null"}]}


def values_by_name(name_length: int, value_length: int) -> Any:
    """A type for values by name, as text, which is what the register keeps: text as it is, numbers and booleans as
    JSON writes them, null and an empty text as None. Nothing nested."""

    def read(sent: Mapping[str, Any]) -> dict[str, str | None]:
        if len(sent) > MOST_VALUES:
            raise ValueError(_("These are too many: at most %(count)d.") % {"count": MOST_VALUES})
        found: dict[str, str | None] = {}
        for name, value in sent.items():
            known = _cleaned(name, name_length)
            if not known:
                raise ValueError(_("A name is missing: there is an empty one."))
            if known in found:
                raise ValueError(_("“%(name)s” is there twice.") % {"name": known})
            found[known] = _scalar(known, value, value_length) or None
        return found

    schema = {"type": "object", "additionalProperties": _SCALAR, "maxProperties": MOST_VALUES}
    return Annotated[dict[str, Any], AfterValidator(read), WithJsonSchema(schema)]


def _scalar(name: str, value: Any, length: int) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return _cleaned(value, length, several_lines=True)
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return _cleaned(json.dumps(value), length)
    raise ValueError(
        _("“%(name)s” has to be text, a number, true, false or null, and nothing nested.") % {"name": name}
    )


def _cleaned(value: str, length: int, *, several_lines: bool = False) -> str:
    try:
        return clean_text(value, max_length=length, several_lines=several_lines)
    except RegisterError as error:
        raise ValueError(str(error.message)) from error


def _language(value: str) -> str:
    value = _cleaned(value, 10)
    if not _LANGUAGE.fullmatch(value):
        raise ValueError(_("Enter the code of a language, for example fr or en-CA."))
    return value


LanguageCode = Annotated[str, AfterValidator(_language)]
