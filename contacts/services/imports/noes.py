"""Opt-outs and suppressions that a file says."""

from __future__ import annotations

import uuid

from django.db.models import QuerySet

from contacts.models import ImportJob, ImportRow
from contacts.origin import Origin


def plan(job: ImportJob, mine: uuid.UUID) -> None:
    """Decide every row of a list of opt-outs or of addresses to suppress."""
    raise NotImplementedError


def run_list(job: ImportJob, scope: QuerySet[ImportRow], origin: Origin) -> None:
    """Record the noes of a chunk of such a list; each row's outcome says what became of it."""
    raise NotImplementedError


def run_columns(job: ImportJob, scope: QuerySet[ImportRow], origin: Origin) -> set[int]:
    """Record the opt-outs that rows of contacts say, and return the lines of those that were recorded."""
    raise NotImplementedError
