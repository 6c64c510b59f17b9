"""What ``make run`` starts: a server and a worker; asked to end, or when one of them ends, both are gone."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.config.starting import ROOT, python
from tests.work import started, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="reads processes from /proc")

SOON = 90


def free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        return int(place.getsockname()[1])


def children(process: subprocess.Popen[bytes]) -> dict[str, int]:
    """The processes that it started, by the name of the command that each runs."""
    found = {}
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        arguments = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        if len(arguments) > 2:
            found[arguments[2]] = int(pid)
    return found


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, int], Path]]:
    """Both, as soon as they are at work."""
    environment = {"DATABASE_URL": f"sqlite:///{tmp_path}/register.sqlite3", "DEBUG": "true"}
    migrated = python("manage.py", "migrate", "-v0", **environment)
    assert migrated.returncode == 0, migrated.stderr
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "config.run", f"127.0.0.1:{port}"]
    with log.open("ab") as output, started(command, output, environment["DATABASE_URL"], environment) as process:

        def answers() -> bool:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
                    return bool(answer.status == 200)
            except OSError:
                return False

        wait_until(answers, alive=process)
        wait_until(lambda: "worker_started" in log.read_text(), alive=process)
        pids = children(process)
        assert set(pids) == {"runserver", "worker"}
        yield process, pids, log
        for pid in pids.values():
            if not is_gone(pid):
                os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_end_both_do(running: tuple[subprocess.Popen[bytes], dict[str, int], Path], number: int) -> None:
    process, pids, log = running
    process.send_signal(number)
    assert process.wait(SOON) == 0
    assert [name for name, pid in pids.items() if not is_gone(pid)] == []
    text = log.read_text()
    assert "Starting development server" in text
    assert "Traceback" not in text


@pytest.mark.parametrize("name", ["runserver", "worker"])
def test_the_end_of_one_ends_the_other(
    running: tuple[subprocess.Popen[bytes], dict[str, int], Path], name: str
) -> None:
    process, pids, _log = running
    os.kill(pids[name], signal.SIGKILL)
    assert process.wait(SOON) != 0
    assert [left for left, pid in pids.items() if not is_gone(pid)] == []


def test_make_starts_both() -> None:
    assert "-m config.run 127.0.0.1:$(PORT)" in (ROOT / "Makefile").read_text()
