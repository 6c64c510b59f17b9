"""PostgreSQL stops while programs write: everybody is told to come again, and whoever does is taken once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.faults.serving import Answer, Client, server
from tests.faults.small_project import request_of
from tests.postgresql import Cluster, find_binaries, new_cluster
from tests.work import ROOT, wait_until

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server")
CLIENTS = 6
TURNS = 5
MAIL = b"From: ann@example.org\nTo: stop@example.com\nSubject: hello\n\nAre you there?\n"


def run(cluster: Cluster, *arguments: str, mail: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env={**os.environ, "DATABASE_URL": cluster.url}, input=mail,
        capture_output=True,
    )  # fmt: skip


def small_project(cluster: Cluster, *arguments: str) -> Any:
    finished = run(cluster, "-m", "tests.faults.small_project", *arguments)
    assert finished.returncode == 0, finished.stderr.decode()
    return json.loads(finished.stdout)


def control(cluster: Cluster, what: str) -> None:
    done = cluster.run(
        "pg_ctl", "-D", cluster.data, "-m", "immediate", "-w", "-t", "60", "-l", str(cluster.folder / "log"), what
    )
    assert done.returncode == 0, done.stderr


def was_put_off(client: Client) -> bool:
    return any(answer.status == 503 for answer in client.put_off)


def test_postgresql_stops_in_the_middle(tmp_path: Path) -> None:
    binaries = find_binaries()
    assert binaries is not None
    cluster = new_cluster(binaries)
    # What was committed before the crash is there after it.
    cluster.start("-c synchronous_commit=on")
    try:
        _stop_in_the_middle(cluster, tmp_path)
    finally:
        cluster.stop()


def _stop_in_the_middle(cluster: Cluster, folder: Path) -> None:
    project = small_project(cluster, "begin")
    receive_mail = ["manage.py", "receive_mail", "--project", "small"]
    address, event, signed = project["webhook"]
    answers: dict[str, Answer] = {}
    names: list[str] = []

    def work(number: int, client: Client) -> None:
        """Go on until the database was away, and for some time after that."""
        left = TURNS
        while left:
            name = f"request-{number}-{len(names)}-{left}"
            names.append(name)
            path, body = request_of(len(names), project["contacts"][number % len(project["contacts"])], name)
            answers[name] = client.post(path, body, name)
            left -= was_put_off(client)

    with server(folder / "log", cluster.url, 2) as serving, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [Client(serving, project["token"]) for _number in range(CLIENTS)]
        working = [pool.submit(work, number, client) for number, client in enumerate(clients)]
        wait_until(lambda: len(answers) >= CLIENTS, alive=serving.process)
        control(cluster, "stop")

        wait_until(lambda: all(map(was_put_off, clients)), alive=serving.process)
        stranger = serving.ask("/api/v1/contacts", b"{}", {"Authorization": "Bearer sendable_made-up"})
        told = serving.ask(address, event.encode(), signed)
        mail = run(cluster, *receive_mail, mail=MAIL)

        control(cluster, "restart")
        for one in working:
            one.result()
        told_again = serving.ask(address, event.encode(), signed)

    put_off = [answer for client in clients for answer in client.put_off if answer.status == 503]
    assert {(answer.code, answer.headers["Retry-After"]) for answer in [*put_off, stranger]} == {("not_available", "5")}
    assert (told.status, told.headers["Retry-After"], told_again.status) == (503, "120", 200)
    assert (mail.returncode, b"Traceback" in mail.stderr) == (75, False)
    assert run(cluster, *receive_mail, mail=MAIL).returncode == 0

    assert {answer.status for answer in answers.values()} <= {200, 201}
    assert small_project(cluster, "done", *names) == {"done": dict.fromkeys(answers, 1), "differences": []}
    assert len(answers) == len(names) > CLIENTS * TURNS
