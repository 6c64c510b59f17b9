"""What the workers do every so often: take up what a dead worker left, and clear away what is over.

A worker that is killed leaves its task marked as running for ever, and the queue starts nothing a second time.
So imports are taken up again by their own state: at work, and without a sign of life.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_tasks import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from contacts.extension_points import Chore, chores
from contacts.models import ImportJob
from contacts.models.imports import AT_WORK
from contacts.services import idempotency
from contacts.services.imports import jobs
from contacts.services.imports.giving_up import give_up
from contacts.tasks import enqueue_import, work_on_import

RESULTS_KEPT = timedelta(days=7)
LONGEST_TASK = timedelta(days=1)
MOST_FAILURES = 5
LATELY = timedelta(hours=1)
PASSING = Q(traceback="") | Q(traceback__contains="OperationalError") | Q(traceback__contains="InterfaceError")


def register() -> None:
    """Add the register's chores; called once at start-up."""
    for chore in CHORES:
        chores.add(chore)


def resume_imports(now: datetime) -> list[int]:
    """Put imports that lost their worker back into the queue; returns their ids.

    One that fails again and again, by itself and not because the database is away, is not tried for ever.
    """
    stalled = _stalled()
    if not stalled:
        return []
    lately = now - timedelta(seconds=settings.IMPORT_STALLED_AFTER)
    awaited = {
        job_id
        for job_id, task in _imports()
        if task.status == TaskResultStatus.READY or (task.started_at and task.started_at > lately)
    }
    resumed = []
    for job_id in sorted(stalled - awaited):
        if _failures(job_id, now) >= MOST_FAILURES:
            give_up(job_id)
        else:
            enqueue_import(job_id)
            resumed.append(job_id)
    return resumed


def close_tasks(now: datetime) -> int:
    """Mark tasks as failed whose worker is gone; returns how many."""
    lately = now - timedelta(seconds=settings.IMPORT_STALLED_AFTER)
    left = [
        task.pk
        for job_id, task in _imports()
        if task.status == TaskResultStatus.RUNNING and task.started_at <= lately and job_id not in _alive()
    ]
    left += DBTaskResult.objects.running().filter(started_at__lt=now - LONGEST_TASK).values_list("pk", flat=True)
    return DBTaskResult.objects.running().filter(pk__in=left).update(
        status=TaskResultStatus.FAILED, finished_at=timezone.now(), exception_class_path="", traceback=""
    )  # fmt: skip


def delete_results(now: datetime) -> None:
    """Forget tasks that ended some days ago."""
    DBTaskResult.objects.finished().filter(finished_at__lt=now - RESULTS_KEPT).delete()


def purge_imports(now: datetime) -> None:
    """Forget the rows of imports whose time is over, as their projects set it."""
    jobs.purge()


def _stalled() -> set[int]:
    return set(jobs.stalled())


def _failures(job_id: int, now: datetime) -> int:
    failed = DBTaskResult.objects.failed().filter(task_path=work_on_import.module_path, finished_at__gt=now - LATELY)
    return sum(task.args_kwargs["args"] == [job_id] for task in failed.exclude(PASSING))


def _alive() -> set[int]:
    return set(ImportJob.objects.filter(state__in=AT_WORK).values_list("pk", flat=True)) - _stalled()


def _imports() -> Iterator[tuple[int, DBTaskResult]]:
    """The tasks of imports that are not over, with the import's id."""
    waiting = DBTaskResult.objects.filter(
        task_path=work_on_import.module_path, status__in=(TaskResultStatus.READY, TaskResultStatus.RUNNING)
    )
    for task in waiting:
        yield task.args_kwargs["args"][0], task


CHORES = (
    Chore("resume_imports", 10, timedelta(seconds=5), resume_imports),
    Chore("close_tasks", 20, timedelta(minutes=1), close_tasks),
    Chore("purge_imports", 30, timedelta(minutes=10), purge_imports),
    Chore("delete_results", 40, timedelta(hours=1), delete_results),
    Chore("purge_answers", 45, timedelta(hours=1), idempotency.purge),
)
