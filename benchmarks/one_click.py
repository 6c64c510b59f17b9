"""One-click opt-outs over HTTP: gunicorn and PostgreSQL with fsync on, against a bare view that runs the same SQL.

Both serve the same contacts of the same database in turn, each link once. ``BENCH_ONE_CLICKS`` says how many (400).
``python -m benchmarks.one_click`` runs it alone.
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
from typing import Any

from benchmarks.measuring import Measurement
from benchmarks.serving import SAFELY, empty_register, run, server

CLICKS = int(os.environ.get("BENCH_ONE_CLICKS", "400"))
ROUNDS = 5
AT_ONCE = 4
KEY = "a key of links that signs what is measured"
BODY = "List-Unsubscribe=One-Click"
HEADERS = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Mail 7"}
_MAKE = """
import django, json, sys
django.setup()
from django.db import connection
from consent.models import Centre
from consent.services.consents import grant
from consent.tokens import token_for
from contacts.models import ChannelStatus, Contact, Organization, Project
from contacts.origin import THE_CONTACT, Origin
from tests.imports import import_text
from contacts.vocabulary import Method, Reason
from consent.models import CommunicationType
number = int(sys.argv[1])
organization = Organization.objects.create(name="Bench", slug="bench")
project = Project.objects.create(organization=organization, name="Bench", slug="bench")
Centre.objects.create(project=project)
topic = CommunicationType.objects.create(project=project, slug="news", name="News")
origin = Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST)
import_text(project, "key,email\\n" + "".join(f"C-{n},reader{n}@example.org\\n" for n in range(number)))
grant(Contact.objects.in_project(project), topic, "email", origin=origin)
with connection.cursor() as cursor:
    cursor.execute("VACUUM ANALYZE")
rows = ChannelStatus.objects.filter(project=project).order_by("pk")
print(json.dumps([token_for(row, topic) for row in rows]))
"""


def measure() -> Iterator[Measurement]:
    """All that is promised of opt-out links. Needs a cluster of its own: the others do without fsync."""
    with empty_register(SAFELY, LINK_KEYS=KEY) as environment:
        each = CLICKS // ROUNDS
        made = run("-c", _MAKE, str(2 * (ROUNDS + 1) * each), environment=environment)
        tokens = json.loads(made.splitlines()[-1])
        ours, reference = [], []
        with (
            server("config.wsgi:application", environment) as port,
            server("benchmarks.bare_one_click:application", environment) as bare,
        ):
            for number in range(ROUNDS + 1):
                some = tokens[2 * number * each : 2 * (number + 1) * each]
                pair = _seconds(port, some[:each]), _seconds(bare, some[each:])
                if number:  # the first round warms up
                    ours.append(pair[0] / each)
                    reference.append(pair[1] / each)
    ratio = statistics.median(b / a for a, b in zip(ours, reference, strict=True))
    yield Measurement(
        "one-click opt-outs per second over HTTP, against a bare view (here: time for one)",
        statistics.median(ours), statistics.median(reference), ratio, 0.7, ratio >= 0.7, at_most=False,
    )  # fmt: skip


def _seconds(port: int, tokens: Sequence[str]) -> float:
    """How long it takes until each of these links was used, some at once."""
    wrong: list[Any] = []

    def press(some: Sequence[str]) -> None:
        for token in some:
            with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
                connection.request("POST", f"/u/{token}", BODY, HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    wrong.append(answer.status)

    threads = [threading.Thread(target=press, args=(tokens[number::AT_ONCE],)) for number in range(AT_ONCE)]
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
