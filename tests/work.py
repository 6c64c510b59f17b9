"""Working off the queue: in the test's own process, or by real workers; and tasks to try them with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest
from django.db import connection

from contacts.models import Organization
from contacts.tasks import task
from contacts.worker import Worker, run_task

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 120.0
LOOK_EVERY = 0.02


@pytest.fixture
def work_off(db: None) -> Callable[[], int]:
    """Runs what is queued, in this process, and lets errors out; returns how many tasks that were."""

    def work_off() -> int:
        worker, number = Worker(), 0
        while claimed := worker.claim():
            claimed.set_successful(run_task(claimed))
            number += 1
        return number

    return work_off


@task()
def rename(organization_id: int, name: str) -> None:
    """A task whose effect can be seen."""
    Organization.objects.filter(pk=organization_id).update(name=name)


@task()
def append(organization_id: int, text: str) -> None:
    """A task that shows how often it ran."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE contacts_organization SET name = name || %s WHERE id = %s", [text, organization_id])


@task()
def break_down(name: str) -> None:
    raise ValueError(f"{name} is not a number")


def database_url() -> str:
    """The test's database, for other processes."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/{name}"


@contextmanager
def worker(log: Path, *, url: str = "", **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker in a process of its own, which is gone afterwards; it tells what it does in the file ``log``."""
    with log.open("ab") as file, started([sys.executable, "manage.py", "worker"], file, url, environment) as process:
        yield process


@contextmanager
def started(
    command: list[str], output: IO[bytes], url: str, environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url or database_url(), "LOG_LEVEL": "INFO", **environment},
        stdout=output,
        stderr=output,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(PATIENCE)


def wait_until(
    condition: Callable[[], object], *, alive: subprocess.Popen[bytes] | None = None, patience: float = PATIENCE
) -> None:
    """Wait until the condition holds. Fails when it takes too long, or when the process that shall bring it is gone."""
    end = time.monotonic() + patience
    while not condition():
        if alive is not None and alive.poll() is not None:
            pytest.fail(f"the process ended with {alive.returncode}")
        if time.monotonic() > end:
            pytest.fail("waited too long")
        time.sleep(LOOK_EVERY)
