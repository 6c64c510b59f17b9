"""Single POSTs to the web service: gunicorn and PostgreSQL with fsync on, against a bare view that runs the same SQL.

What ours runs for one contact is recorded, and the bare view runs that for the others (``bare_posts``). Both serve
contacts of the same database in turn. ``BENCH_POSTS`` says how many (400). ``python -m benchmarks.posts`` runs it
alone.
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.measuring import Measurement
from benchmarks.serving import SAFELY, empty_register, run, server

POSTS = int(os.environ.get("BENCH_POSTS", "400"))
ROUNDS = 5
AT_ONCE = 4
TARGET = 0.6
NAMES = {"deactivate": "deactivations"}


def measure() -> Iterator[Measurement]:
    """What is promised of single changes. Needs a cluster of its own: the others do without fsync."""
    each = POSTS // ROUNDS
    with (
        TemporaryDirectory() as folder,
        empty_register(SAFELY, API_RATE="1000000/1m", BENCH_STATEMENTS=str(Path(folder) / "statements")) as environment,
    ):
        number = str(2 * (ROUNDS + 1) * each)
        made = json.loads(run("-m", "benchmarks.recording", number, environment=environment).splitlines()[-1])
        with (
            server("config.wsgi:application", environment) as port,
            server("benchmarks.bare_posts:application", environment) as bare,
        ):
            for what in NAMES:
                yield _compare(what, port, bare, made, each)


def _compare(what: str, port: int, bare: int, made: dict[str, Any], each: int) -> Measurement:
    ours, reference = [], []
    for number in range(ROUNDS + 1):
        some = made["contacts"][2 * number * each : 2 * (number + 1) * each]
        pair = _seconds(port, what, made["token"], some[:each]), _seconds(bare, what, made["token"], some[each:])
        if number:  # the first round warms up
            ours.append(pair[0] / each)
            reference.append(pair[1] / each)
    ratio = statistics.median(b / a for a, b in zip(ours, reference, strict=True))
    return Measurement(
        f"{NAMES[what]} per second by the web service, against a bare view (here: time for one)",
        statistics.median(ours), statistics.median(reference), ratio, TARGET, ratio >= TARGET, at_most=False,
    )  # fmt: skip


def request_for(what: str, contact: int) -> tuple[str, dict[str, Any]]:
    """Path and body of a POST about a contact."""
    if what == "deactivate":
        return f"/api/v1/contacts/{contact}/deactivate", {"reason": "written_request", "note": "Ticket 5512"}
    said = {"communication_type": "news", "channel": "email", "word": "granted", "evidence": {"page": "/checkout"}}
    return "/api/v1/consents", {"contact": contact, **said}


def _seconds(port: int, what: str, token: str, contacts: Sequence[int]) -> float:
    """How long it takes until a POST about each of these contacts is answered, some at once."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    wrong: list[Any] = []

    def send(some: Sequence[int]) -> None:
        for contact in some:
            path, body = request_for(what, contact)
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request("POST", path, json.dumps(body), headers)
                answer = connection.getresponse()
                text = answer.read()
                if answer.status not in (200, 201):
                    wrong.append((answer.status, text[:500]))

    threads = [threading.Thread(target=send, args=(contacts[number::AT_ONCE],)) for number in range(AT_ONCE)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    if wrong:
        raise RuntimeError(f"answered {wrong[0]}")
    return took


if __name__ == "__main__":
    for one in measure():
        print(f"{one.name}: {1 / one.ours:.0f}/s, bare {1 / one.reference:.0f}/s, ratio {one.ratio:.2f}")
