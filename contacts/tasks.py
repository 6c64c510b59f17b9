"""What the worker does in the background. The one module that imports ``task``.

A task takes ids alone, since its arguments stay in the database, and can be repeated at any time: the queue knows
no second try, so whatever a dead worker left is found by the state of our own tables (``contacts.chores``).
"""

from __future__ import annotations

from contextlib import suppress

from django_tasks import task

from contacts import stopping
from contacts.models import ImportJob
from contacts.models.imports import AT_WORK


@task()
def work_on_import(job_id: int) -> None:
    """Do what the import's state asks for, until it is done or this process is asked to end."""
    # The services put tasks into the queue, and a task runs services.
    from contacts.services.imports import work

    with suppress(AskedToEnd):
        work.work_on(job_id, tell=_end_when_asked)
    if stopping.asked() and ImportJob.objects.filter(pk=job_id, state__in=AT_WORK).exists():
        enqueue_import(job_id)


class AskedToEnd(Exception):
    """This process is to end, and what it was at can be done again."""


def _end_when_asked(job: ImportJob) -> None:
    """Reading a file is not gone on with, but begun anew: there is no use in waiting for its end."""
    if stopping.asked():
        raise AskedToEnd


def enqueue_import(job_id: int) -> None:
    """Let a worker work on the import as soon as the present transaction is committed.

    The task's row is part of the transaction, so there is no moment in which the one is there without the other.
    """
    work_on_import.enqueue(job_id)
