"""``make bench``: prints a table and writes ``var/bench.json``. Exit 1 when a target is missed."""

from __future__ import annotations

import json
import os
import sys
from itertools import chain
from pathlib import Path

from benchmarks.measuring import Measurement
from tests.postgresql import Cluster, find_binaries, new_cluster

CONTACTS = int(os.environ.get("BENCH_CONTACTS", "200000"))
RESULTS = Path(__file__).resolve().parent.parent / "var" / "bench.json"


def main() -> int:
    binaries = find_binaries()
    if binaries is None:
        print("PostgreSQL is needed to measure: apt-get install postgresql")
        return 2
    cluster = new_cluster(binaries)
    try:
        cluster.start()
        os.environ["DATABASE_URL"] = cluster.url
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        os.environ.setdefault("LOG_LEVEL", "WARNING")
        return run(cluster)
    finally:
        cluster.stop()


def run(cluster: Cluster) -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks import eligibility, imports, one_click, posts, register
    from contacts.services.demo import seed_demo

    call_command("migrate", verbosity=0)
    print(f"A project with {CONTACTS:,} contacts and their history …", flush=True)
    project = seed_demo(CONTACTS).project
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    found = []
    print(f"{'':75} {'ours':>10} {'reference':>10} {'ratio':>6} {'target':>7}")
    connection.close()
    alone = (one_click.measure(), posts.measure(), eligibility.measure())  # each with a cluster of its own
    for one in chain(register.measure(project), imports.measure(cluster), *alone):
        found.append(one)
        print(_line(one), flush=True)
    connection.close()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([one.as_json() for one in found], indent=2) + "\n")
    return 0 if all(one.met for one in found) else 1


def _line(one: Measurement) -> str:
    target = f"{'≤' if one.at_most else '≥'}{one.target:6.2f}{'' if one.met else '  missed'}"
    return f"{one.name:75} {_amount(one, one.ours)} {_amount(one, one.reference)} {one.ratio:6.2f} {target}"


def _amount(one: Measurement, value: float) -> str:
    if one.unit == "MB":
        return f"{value:7,.0f} MB"
    return f"{value * 1000:8,.1f}ms" if value < 10 else f"{value:8,.1f}s "


if __name__ == "__main__":
    sys.exit(main())
