"""``make bench``: prints a table and writes ``var/bench.json``. Exit 1 when a target is missed."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from benchmarks.measuring import Measurement
from tests.postgresql import find_binaries, new_cluster

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
        return run()
    finally:
        cluster.stop()


def run() -> int:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from benchmarks.register import measure
    from contacts.services.demo import seed_demo

    call_command("migrate", verbosity=0)
    print(f"A project with {CONTACTS:,} contacts and their history …", flush=True)
    project = seed_demo(CONTACTS).project
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    found = []
    print(f"{'':72} {'ours':>9} {'reference':>9} {'ratio':>6} {'target':>6}")
    for one in measure(project):
        found.append(one)
        print(_line(one), flush=True)
    connection.close()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps([one.as_json() for one in found], indent=2) + "\n")
    return 0 if all(one.met for one in found) else 1


def _line(one: Measurement) -> str:
    times = f"{one.ours * 1000:7.1f}ms {one.reference * 1000:7.1f}ms"
    return f"{one.name:72} {times} {one.ratio:6.2f} {one.target:6.2f}{'' if one.met else '  missed'}"


if __name__ == "__main__":
    sys.exit(main())
