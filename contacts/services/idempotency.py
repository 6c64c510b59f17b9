"""Answers of the web service that are kept for a retry: how long, what clears them away, and whom they tell of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from contacts.models import ErasureReceipt, IdempotentRequest

KEPT = timedelta(hours=24)


def purge(now: datetime) -> int:
    """Forget answers that are older than a day; returns how many."""
    return IdempotentRequest.objects.filter(created_at__lte=now - KEPT).delete()[0]


def contacts_named(shape: Any) -> Iterator[int]:
    """The numbers of the contacts whom an answer tells of, in its fields ``contact`` and ``contacts``, or itself."""
    if isinstance(shape, list):
        for item in shape:
            yield from contacts_named(item)
    if isinstance(shape, dict):
        found = [shape.get("contact"), shape.get("id") if "channels" in shape else None]
        if isinstance(shape.get("contacts"), list):
            found += shape["contacts"]
        yield from (number for number in found if isinstance(number, int))
        for value in shape.values():
            yield from contacts_named(value)


def erased_since(before: IdempotentRequest, contacts: Iterable[int] | None) -> bool:
    """Was one of them erased since this answer was given (None: was anybody)? What the register forgot is not told
    again."""
    receipts = ErasureReceipt.objects.filter(project=before.token.project_id, erased_at__gte=before.created_at)
    if contacts is not None:
        receipts = receipts.filter(contact_number__in=list(contacts))
    return receipts.exists()
