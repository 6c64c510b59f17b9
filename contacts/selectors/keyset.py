"""Pages of a list by where the last one ended, so that page 10,000 costs what the first one does."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError

PAGE_SIZE = 50


class BadCursor(RegisterError):
    """The place in a list that an address names does not exist."""

    code = "bad_cursor"
    message = _("This address names no page of the list.")
    remedy = _("Go back to the first page.")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and the cursors of the pages before and after (empty where there is none)."""

    rows: list[Any]
    previous: str
    next: str


def page_of(rows: QuerySet[Any], *, order: Sequence[str], cursor: str = "", size: int = PAGE_SIZE) -> Page:
    """One page of ``rows``, in ``order``: field names, all rising or all with ``-``, the last one unique.

    Raises BadCursor. Takes one query, and never counts.
    """
    backwards, place = _decode(cursor, len(order)) if cursor else (False, None)
    falling = order[0].startswith("-")
    names = [name.lstrip("-") for name in order]
    asked = rows.order_by(*(_turned(name, falling != backwards) for name in names))
    if place is not None:
        try:
            asked = asked.filter(_beyond(names, place, "lt" if falling != backwards else "gt"))
            found = list(asked[: size + 1])
        except (ValueError, TypeError, OverflowError, ValidationError) as error:
            raise BadCursor from error
    else:
        found = list(asked[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    if not found:
        return Page([], "", "")
    has_previous = more if backwards else place is not None
    has_next = True if backwards else more
    return Page(
        found,
        _encode("p", found[0], names) if has_previous else "",
        _encode("n", found[-1], names) if has_next else "",
    )


def _turned(name: str, falling: bool) -> str:
    return f"-{name}" if falling else name


def _beyond(names: list[str], place: list[Any], comparison: str) -> Q:
    """(a, b, id) beyond (x, y, z). The first column's own bound lets the database start in its index."""
    condition = Q(**{f"{names[-1]}__{comparison}": place[-1]})
    for name, value in reversed(list(zip(names[:-1], place[:-1], strict=True))):
        condition = Q(**{f"{name}__{comparison}": value}) | Q(**{name: value}) & condition
    return condition & Q(**{f"{names[0]}__{comparison}e": place[0]})


def _encode(direction: str, row: Any, names: list[str]) -> str:
    values = [row[name] if isinstance(row, dict) else getattr(row, name) for name in names]
    exact = [value.isoformat() if isinstance(value, datetime) else value for value in values]
    text = json.dumps([direction, *exact], cls=DjangoJSONEncoder)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str, length: int) -> tuple[bool, list[Any]]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        direction, *place = json.loads(base64.urlsafe_b64decode(padded))
    except (ValueError, TypeError, binascii.Error, RecursionError) as error:
        raise BadCursor from error
    is_sound = direction in ("n", "p") and len(place) == length
    if not is_sound or not all(isinstance(value, str | int) and not isinstance(value, bool) for value in place):
        raise BadCursor
    if any("\x00" in value for value in place if isinstance(value, str)):
        raise BadCursor
    if any(abs(value) >= 2**63 for value in place if isinstance(value, int)):
        raise BadCursor
    return direction == "p", place
