"""Workers that are killed in the middle of an import, at random moments, and a database that is: nothing is lost,
nothing is done twice, and in the end everything is as if nobody had disturbed it.

``FAULT_ROWS`` and ``FAULT_KILLS`` make a longer run of it; ``FAULT_SEED`` chooses other moments.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import connection, transaction

from contacts.models import ImportJob
from contacts.services.verify import differences
from contacts.tasks import enqueue_import
from tests.faults import importing
from tests.postgresql import Cluster, find_binaries, new_cluster
from tests.work import PATIENCE, ROOT, database_url, started
from tests.work import wait_until as wait_some_time_until

ROWS = int(os.environ.get("FAULT_ROWS", "2000"))
KILLS = int(os.environ.get("FAULT_KILLS", "6"))
SEED = int(os.environ.get("FAULT_SEED", "7"))
CHUNK = str(max(200, ROWS // 100))
ENVIRONMENT = {"FAULT_CHUNK": CHUNK, "IMPORT_STALLED_AFTER": "0", "PYTHONUNBUFFERED": "1"}
WORKER = [sys.executable, "-m", "tests.faults.importing", "worker"]

Process = subprocess.Popen[bytes]
wait_until = partial(wait_some_time_until, patience=PATIENCE + ROWS / 100)


@contextmanager
def small_worker(log: Path, url: str = "") -> Iterator[Process]:
    """A worker in small steps, which takes up at once what another one left."""
    with log.open("ab") as file, started(WORKER, file, url or database_url(), ENVIRONMENT) as process:
        yield process


def job(slug: str) -> ImportJob:
    return importing.job_of(slug)


def is_in(state: str, slug: str) -> Callable[[], bool]:
    return lambda: job(slug).state == state


def timed(condition: Callable[[], object], process: Process) -> float:
    began = time.monotonic()
    wait_until(condition, alive=process)
    return time.monotonic() - began


def killed_at_random(chance: random.Random, log: Path, span: float, slug: str, state: str) -> bool:
    """Let a new worker take the import up, and kill it within so many seconds; whether it was short of the state."""
    over, before = is_in(state, slug), job(slug).claim
    with small_worker(log) as process:
        wait_until(lambda: job(slug).claim not in (before, None) or over(), alive=process)
        with suppress(subprocess.TimeoutExpired):
            process.wait(chance.uniform(0, span))
        process.kill()
        process.wait(PATIENCE)
    return not over()


def assert_the_same(disturbed: dict[str, Any], in_peace: dict[str, Any], rows: int) -> None:
    assert disturbed == in_peace
    assert disturbed["state"] == "done"
    counts = disturbed["counts"]
    outcomes = {name: counts[name] for name in ("created", "updated", "unchanged", "rejected")}
    assert outcomes == importing.expected(rows)
    assert sum(outcomes.values()) == disturbed["rows"] == rows
    assert {name: disturbed["planned"][name] for name in outcomes} == outcomes
    assert disturbed["without_entry"] == disturbed["created_twice"] == disturbed["written_twice"] == 0


def in_peace(log: Path) -> tuple[float, float]:
    """Import the list without any trouble; how many seconds reading and running took."""
    importing.begin("in-peace", ROWS)
    with small_worker(log) as process:
        reading = timed(is_in("ready", "in-peace"), process)
        importing.start("in-peace")
        return reading, timed(is_in("done", "in-peace"), process)


def finish(log: Path, state: str, slug: str) -> None:
    with small_worker(log) as process:
        wait_until(is_in(state, slug), alive=process)


@pytest.mark.django_db(transaction=True)
def test_workers_killed_at_random_moments(tmp_path: Path) -> None:
    """As often as was asked for, a quarter while the list is read; over several imports, where one ends too soon."""
    chance, log = random.Random(SEED), tmp_path / "log"
    reading, running = in_peace(log)
    kills = number = in_the_middle = 0
    while kills < KILLS or not in_the_middle:
        number += 1
        slug = f"disturbed-{number}"
        importing.begin(slug, ROWS)
        while kills < KILLS // 4 and killed_at_random(chance, log, reading, slug, "ready"):
            kills += 1
        finish(log, "ready", slug)
        importing.start(slug)
        while kills < KILLS or not in_the_middle:
            left = 1 - job(slug).done_line / job(slug).last_line
            if not killed_at_random(chance, log, 1.5 * running * left / max(1, KILLS - kills), slug, "done"):
                break
            kills += 1
            in_the_middle += 0 < job(slug).done_line < ROWS
            assert sum(job(slug).counts.get(name, 0) for name in importing.expected(ROWS)) <= ROWS
        finish(log, "done", slug)
        assert_the_same(importing.facts(slug), importing.facts("in-peace"), ROWS)
    assert [str(difference) for difference in differences()] == []
    assert "locked" not in log.read_text()


@pytest.mark.django_db(transaction=True)
def test_workers_that_take_an_import_from_each_other(tmp_path: Path) -> None:
    """Each holds the other for dead all the time; what both do counts once."""
    in_peace(tmp_path / "log")
    importing.begin("disturbed", ROWS)
    finish(tmp_path / "log", "ready", "disturbed")
    with small_worker(tmp_path / "one") as one, small_worker(tmp_path / "two") as two:
        for name, process in (("one", one), ("two", two)):
            wait_until(lambda name=name: "worker_started" in (tmp_path / name).read_text(), alive=process)
        with transaction.atomic():
            importing.start("disturbed")
            for _number in range(6):
                enqueue_import(job("disturbed").pk)
        wait_until(is_in("done", "disturbed"), alive=one)
        one.terminate()
        two.terminate()
        assert [one.wait(PATIENCE), two.wait(PATIENCE)] == [0, 0]
    assert_the_same(importing.facts("disturbed"), importing.facts("in-peace"), ROWS)
    assert [str(difference) for difference in differences()] == []


# The database is restarted, as after a crash


class Register:
    """A register of its own, on a cluster that may be restarted."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.run("manage.py", "migrate", "-v0")

    def run(self, *arguments: str) -> str:
        finished = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env={**os.environ, "DATABASE_URL": self.cluster.url},
            capture_output=True, text=True,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        return finished.stdout

    def importing(self, *arguments: str) -> str:
        return self.run("-m", "tests.faults.importing", *arguments)

    def facts(self, slug: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.importing("facts", slug).strip().splitlines()[-1])
        return found

    def job(self, slug: str) -> tuple[str, int]:
        """State and line of the project's latest import; nothing while the database is away."""
        try:
            with psycopg.connect(host=str(self.cluster.folder), user="sendable", dbname="postgres") as own:
                found = own.execute(
                    "SELECT state, done_line FROM contacts_importjob JOIN contacts_project p ON p.id = project_id "
                    "WHERE slug = %s ORDER BY contacts_importjob.id DESC LIMIT 1",
                    [slug],
                ).fetchone()
        except psycopg.OperationalError:
            return "", 0
        assert found is not None
        return found[0], found[1]

    def crash_and_restart(self) -> None:
        restarted = self.cluster.run(
            "pg_ctl", "-D", self.cluster.data, "-m", "immediate", "-w", "-t", "60", "-l",
            str(self.cluster.folder / "log"), "restart",
        )  # fmt: skip
        assert restarted.returncode == 0, restarted.stderr


@pytest.fixture
def register(db: None) -> Iterator[Register]:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    binaries = find_binaries()
    assert binaries is not None
    cluster = new_cluster(binaries)
    # What was committed before the crash is there after it.
    cluster.start("-c synchronous_commit=on")
    try:
        yield Register(cluster)
    finally:
        cluster.stop()


def test_a_database_that_crashes_at_random_moments(register: Register, tmp_path: Path) -> None:
    """One worker lives through all of it."""
    chance = random.Random(SEED)
    for slug in ("in-peace", "disturbed"):
        register.importing("begin", slug, str(ROWS))
    with small_worker(tmp_path / "log", register.cluster.url) as process:
        for slug in ("in-peace", "disturbed"):
            wait_until(lambda slug=slug: register.job(slug)[0] == "ready", alive=process)
        register.importing("start", "in-peace")
        wait_until(lambda: register.job("in-peace")[0] == "done", alive=process)
        register.crash_and_restart()
        register.importing("start", "disturbed")
        for goal in sorted(chance.sample(range(1, ROWS * 9 // 10), KILLS // 2)):
            wait_until(lambda goal=goal: register.job("disturbed")[1] >= goal, alive=process)
            register.crash_and_restart()
        wait_until(lambda: register.job("disturbed")[0] == "done", alive=process)
        process.terminate()
        assert process.wait(PATIENCE) == 0
    assert_the_same(register.facts("disturbed"), register.facts("in-peace"), ROWS)
    assert register.run("manage.py", "verify") == "differences=0\n"
