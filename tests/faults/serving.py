"""A gunicorn with workers that may be killed, and clients that send again until they are answered."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

from tests.work import PATIENCE, started, wait_until

# Asks to send the same request again.
NOT_NOW = (409, 503)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def is_final(self) -> bool:
        return self.status not in NOT_NOW or (self.status == 409 and self.code != "request_in_progress")

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["code"])


class Server:
    """A server in processes of its own, on a port of this machine."""

    def __init__(self, port: int, process: subprocess.Popen[bytes]) -> None:
        self.port = port
        self.process = process

    def workers(self) -> list[int]:
        """The processes that answer; one that was killed and is not buried yet is none."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if _is_alive(pid)]

    def kill_workers(self, number: int, chance: random.Random) -> None:
        for pid in chance.sample(self.workers(), number):
            os.kill(pid, signal.SIGKILL)

    def ask(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Send once. Raises OSError or HTTPException where no whole answer comes."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("POST", path, body, dict(headers))
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.headers), answer.read())


@dataclass
class Client:
    """Sends each request until there is a final answer to it, and remembers what happened on the way."""

    server: Server
    token: str
    cut_off: int = 0
    put_off: list[Answer] = field(default_factory=list)

    def post(self, path: str, body: Any, key: str) -> Answer:
        headers = {
            "Authorization": f"Bearer {self.token}", "Content-Type": "application/json", "Idempotency-Key": key
        }  # fmt: skip
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self.server.ask(path, json.dumps(body).encode(), headers)
            except (OSError, HTTPException):
                self.cut_off += 1
            else:
                if answer.is_final:
                    return answer
                self.put_off.append(answer)
            time.sleep(random.uniform(0.01, 0.1))  # as long as no answer is there, like every client
        raise AssertionError(f"{key} was never answered")


@contextmanager
def server(log: Path, url: str, workers: int) -> Iterator[Server]:
    """A gunicorn in front of this database; what it says goes to the file ``log``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    command = [
        sys.executable, "-m", "gunicorn", "config.wsgi:application", "--preload", "--workers", str(workers),
        "--bind", f"127.0.0.1:{port}", "--log-level", "warning",
    ]  # fmt: skip
    environment = {"DEBUG": "false", "API_RATE": "1000000/1m", "LOG_LEVEL": "WARNING"}
    with log.open("ab") as file, started(command, file, url, environment) as process:
        found = Server(port, process)
        wait_until(lambda: len(found.workers()) == workers and _listens(port), alive=process)
        try:
            yield found
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except OSError:
        return False
    return True


def _is_alive(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] != "Z"  # pid (name) state …: the name may hold anything
