"""Servers to be measured over HTTP: gunicorn in front of PostgreSQL, each in a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.postgresql import Cluster, find_binaries, new_cluster

SAFELY = "-c fsync=on -c full_page_writes=on -c synchronous_commit=on"
ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def empty_register(options: str = "", **settings: str) -> Iterator[dict[str, str]]:
    """An empty register in a cluster of its own (``options`` are for the server), and the environment for it."""
    binaries = find_binaries()
    assert binaries is not None
    cluster = new_cluster(binaries)
    try:
        cluster.start(options)
        environment = environment_of(cluster, **settings)
        run("manage.py", "migrate", "--verbosity", "0", environment=environment)
        yield environment
    finally:
        cluster.stop()


def environment_of(cluster: Cluster, **settings: str) -> dict[str, str]:
    """What a process needs to work on the cluster's register."""
    return {
        **os.environ,
        "DATABASE_URL": cluster.url,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
        "DEBUG": "false",
        **settings,
    }


def run(*arguments: str, environment: dict[str, str]) -> str:
    """Run Python with these arguments, and return what it prints. Raises RuntimeError with what it complains of."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


@contextmanager
def server(application: str, environment: dict[str, str]) -> Iterator[int]:
    """A gunicorn with two workers; the port on which it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    options = ["--workers", "2", "--bind", f"127.0.0.1:{port}", "--log-level", "error"]
    command = [sys.executable, "-m", "gunicorn", *options, application]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    try:
        for _attempt in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(30)
