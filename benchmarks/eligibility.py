"""May I send to these 10,000 addresses? Over HTTP, against a bare view that runs the same SQL, among many contacts.

``BENCH_ELIGIBILITY_CONTACTS`` says among how many (1,000,000). ``python -m benchmarks.eligibility`` runs it alone.
"""

from __future__ import annotations

import json
import os
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from benchmarks.measuring import Measurement
from benchmarks.serving import empty_register, run, server

CONTACTS = int(os.environ.get("BENCH_ELIGIBILITY_CONTACTS", "1000000"))
ADDRESSES = 10_000
ROUNDS = 15
KEYS = "bench:a key of fingerprints with which addresses are measured"
TARGET = 0.6


def measure() -> Iterator[Measurement]:
    """What is promised of the answer for many addresses at once."""
    with empty_register(FINGERPRINT_KEYS=KEYS, API_RATE="1000000/1m") as environment:
        made = json.loads(run("-m", "benchmarks.many_contacts", str(CONTACTS), environment=environment))
        with (
            server("config.wsgi:application", environment) as port,
            server("benchmarks.bare_eligibility:application", environment) as bare,
        ):
            pairs = [_ask_both(port, bare, made, number) for number in range(ROUNDS + 2)][2:]  # the first ones warm up
    ratio = statistics.median(theirs / ours for ours, theirs in pairs)
    yield Measurement(
        f"eligibility of {ADDRESSES:,} addresses among {CONTACTS:,} contacts, against a bare view",
        statistics.median(ours for ours, _theirs in pairs), statistics.median(theirs for _ours, theirs in pairs),
        ratio, TARGET, ratio >= TARGET, at_most=False,
    )  # fmt: skip


def _ask_both(port: int, bare: int, made: dict[str, Any], number: int) -> tuple[float, float]:
    """The seconds of both for the same question. They have to give the same answer."""
    body = json.dumps({"channel": "email", "communication_type": "news", "addresses": _addresses(number)})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {made['token']}"}
    ports = (port, bare) if number % 2 else (bare, port)
    answers = {each: _post(each, body, headers) for each in ports}
    if _verdicts(answers[port][1]) != _verdicts(answers[bare][1]):
        raise RuntimeError("ours and the bare view do not agree")
    return answers[port][0], answers[bare][0]


def _addresses(number: int) -> Sequence[str]:
    """Known ones and strangers, some of them blocked, some written with capital letters, some twice."""
    chance = random.Random(number)
    found = [f"reader{chance.randrange(CONTACTS)}@example.org" for _each in range(ADDRESSES * 7 // 10)]
    found += [f"Reader{chance.randrange(CONTACTS)}@Example.org" for _each in range(ADDRESSES // 10)]
    found += [f"stranger{chance.randrange(50_000)}@example.com" for _each in range(ADDRESSES - len(found))]
    chance.shuffle(found)
    return found


def _post(port: int, body: str, headers: dict[str, str]) -> tuple[float, Any]:
    with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        started = time.perf_counter()
        connection.request("POST", "/api/v1/eligibility", body, headers)
        answer = connection.getresponse()
        text = answer.read()
        took = time.perf_counter() - started
    if answer.status != 200:
        raise RuntimeError(f"answered {answer.status}: {text[:500]!r}")
    return took, json.loads(text)


def _verdicts(answer: dict[str, Any]) -> list[tuple[bool, bool]]:
    return [(result["known"], result["sendable"]) for result in answer["results"]]


if __name__ == "__main__":
    for one in measure():
        print(f"{one.name}: {one.ours * 1000:.0f} ms, bare {one.reference * 1000:.0f} ms, ratio {one.ratio:.2f}")
