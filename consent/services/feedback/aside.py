"""Mail that could not be read, or belongs to nobody: kept for some days, so that none is lost."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.utils import translation
from django.utils.functional import Promise

from consent.models import UnreadMail
from contacts.models import Project
from contacts.services.set_sql import database_clock

LARGEST_KEPT = 256 * 1024
KEPT_FOR = timedelta(days=30)


def keep(raw: bytes, reason: str | Promise, *, project: Project | None = None) -> UnreadMail:
    """Keep the beginning of a mail, once however often it comes, with the reason in words for an operator."""
    with translation.override("en"):
        words = str(reason)[:200]
    kept, _is_new = UnreadMail.objects.get_or_create(
        digest=hashlib.sha256(raw).hexdigest(),
        defaults={
            "project": project,
            "reason": words,
            "size": len(raw),
            "raw": raw[:LARGEST_KEPT],
            "received_at": database_clock(),
        },
    )
    return kept


def purge(now: datetime) -> None:
    """Forget what was kept long enough for an operator to look at it."""
    UnreadMail.objects.filter(received_at__lt=now - KEPT_FOR)._raw_delete("default")
