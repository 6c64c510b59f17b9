"""Replacement imports: who is not in the list is deactivated, and who is back in it comes back."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from contacts.models import ImportJob


def plan(job: ImportJob) -> None:
    """Put on the job how many would be deactivated and how many would come back."""
    raise NotImplementedError


def refresh_plan(job: ImportJob) -> int:
    """The same anew, saved; returns how many would be deactivated."""
    raise NotImplementedError


def needs_typing(job: ImportJob) -> bool:
    """Whether so many would be deactivated that their number has to be typed."""
    raise NotImplementedError


def run(job: ImportJob, mine: uuid.UUID, *, should_stop: Callable[[], bool]) -> None:
    """Deactivate who is not in the list, and let those come back whom only an earlier replacement had deactivated."""
    raise NotImplementedError
