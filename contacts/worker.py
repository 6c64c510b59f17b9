"""The worker: runs the tasks that lie in the database, and between them the chores that are due.

As many workers as wanted may run at once. A task is claimed by one of them under a lock on its row, chores are done
by whoever has their lease. A worker that is busy does not renew it, so an idle one takes the chores over.
"""

from __future__ import annotations

import os
import socket
import time
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, transaction
from django.utils import timezone
from django.utils.crypto import get_random_string
from django_tasks_db.models import DBTaskResult

from contacts import stopping
from contacts.extension_points import chores
from contacts.services import leases

LEASE = "chores"
# Longer than the pauses between chores, and no longer than others wait for somebody who died.
LEASE_PERIOD = timedelta(seconds=min(10, settings.IMPORT_STALLED_AFTER))
PAUSE = 0.5
PAUSE_WITHOUT_DATABASE = 1.0
STEP = 0.1

log = structlog.get_logger("sendable.worker")


class TaskFailed(Exception):
    """What is kept of a task's error: its type. The message may hold a name or an address."""


class Worker:
    """One worker, under a name that no other has."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}:{os.getpid()}:{get_random_string(8)}"
        self._done_at: dict[str, float] = {}

    def run(self) -> None:
        """Work until this process is asked to end. A database that is away is waited for."""
        log.info("worker_started", subject=self.name)
        while not stopping.asked():
            close_old_connections()
            try:
                self.do_chores()
                worked = self.work()
            except (DatabaseError, InterfaceError):
                log.warning("database_does_not_answer", exc_info=True)
                _pause(PAUSE_WITHOUT_DATABASE)
                continue
            if not worked:
                _pause(PAUSE)
        self._leave()

    def run_once(self) -> int:
        """Do the chores that are due, then what is queued; returns how many tasks that were."""
        self.do_chores()
        number = 0
        while not stopping.asked() and self.work():
            number += 1
        self._leave()
        return number

    def work(self) -> bool:
        """Run the next task, if there is one."""
        task = self.claim()
        if task is not None:
            self._run(task)
        return task is not None

    def do_chores(self) -> None:
        """Do the chores that are due, if no other worker has them. One that fails keeps no other from its turn."""
        due = [chore for chore in chores if self._is_due(chore.key, chore.every)]
        if not due or not leases.take(LEASE, self.name, now=timezone.now(), period=LEASE_PERIOD):
            return
        for chore in due:
            if stopping.asked():
                return
            self._done_at[chore.key] = time.monotonic()
            try:
                chore.do(timezone.now())
            except Exception:
                log.exception("chore_failed", subject=chore.key)

    def _is_due(self, key: str, every: timedelta) -> bool:
        done_at = self._done_at.get(key)
        return done_at is None or time.monotonic() - done_at >= every.total_seconds()

    def claim(self) -> DBTaskResult | None:
        """Take the next task for this worker, if there is one."""
        ready = DBTaskResult.objects.ready()
        # A look first: on SQLite a transaction takes the only place for writing.
        if not ready.exists():
            return None
        with transaction.atomic():
            task = ready.get_locked()
            if task is not None:
                task.claim(self.name)
        return task

    def _run(self, task: DBTaskResult) -> None:
        started = time.perf_counter()
        ids = [str(argument) for argument in task.args_kwargs["args"] if isinstance(argument, int)]
        subject = " ".join([task.task_path, *ids])
        log.info("task_started", subject=subject)
        try:
            value = run_task(task)
        except Exception as error:
            log.exception("task_failed", subject=subject)
            task.set_failed(TaskFailed(type(error).__qualname__))
            return
        task.set_successful(value)
        log.info("task_done", subject=subject, milliseconds=round((time.perf_counter() - started) * 1000))

    def _leave(self) -> None:
        try:
            leases.give_back(LEASE, self.name)
        except (DatabaseError, InterfaceError):
            log.warning("database_does_not_answer", exc_info=True)


def run_task(task: DBTaskResult) -> Any:
    """Call the task's function with its arguments."""
    return task.task.call(*task.args_kwargs["args"], **task.args_kwargs["kwargs"])


def _pause(seconds: float) -> None:
    """Wait, and see soon when this process is asked to end."""
    end = time.monotonic() + seconds
    while not stopping.asked() and (left := end - time.monotonic()) > 0:
        time.sleep(min(STEP, left))
