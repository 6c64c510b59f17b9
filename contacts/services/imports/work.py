"""Whatever an import's state asks for. Safe to call at any time, by several workers at once."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.utils import translation

from contacts import stopping
from contacts.csv_reading import Table
from contacts.models import ImportJob
from contacts.models.imports import ImportState
from contacts.services.imports import jobs, running, staging, undoing

stalled = jobs.stalled


def work_on(
    job_id: int,
    *,
    should_stop: Callable[[], bool] = stopping.asked,
    tell: Callable[[ImportJob], None] = lambda job: None,
    table: Table | None = None,
) -> None:
    """Read, run or undo an import until it waits for somebody or ``should_stop`` says so, between two chunks.

    Does nothing when another worker is at it. ``table`` is the file where it is open already.
    """
    taken = jobs.claim(job_id)
    if taken is None:
        return
    job, mine = taken
    try:
        with translation.override(job.options.get("language") or settings.LANGUAGE_CODE):
            if job.state == ImportState.STAGING:
                staging.stage(job, mine, table, tell)
            elif job.state == ImportState.RUNNING:
                running.run(job, mine, should_stop=should_stop, tell=tell, table=table)
            else:
                undoing.run(job, mine, should_stop=should_stop)
    except jobs.Lost:
        return
    finally:
        jobs.release(job, mine)
