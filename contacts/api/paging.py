"""Pages of a list, by cursor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import QuerySet
from ninja import Field, Schema

from contacts.selectors.keyset import page_of


class Paged(Schema):
    """The parameters of every list."""

    cursor: str = Field("", max_length=2_000, description="`next` of the page before.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


def listed(
    rows: QuerySet[Any], paged: Paged, show: Callable[[Sequence[Any]], list[Any]], *, order: Sequence[str]
) -> dict[str, Any]:
    """One page as the web service shows it. Raises BadCursor."""
    page = page_of(rows, order=order, cursor=paged.cursor, size=paged.limit)
    return {"items": show(page.rows), "next": page.next or None}
