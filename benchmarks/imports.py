"""Imports against hand-written SQL for the same, against the usual row at a time, and against themselves when larger.

Each import is a process of its own, into an empty project of an empty database, as ``import_contacts`` runs it.
``BENCH_IMPORT_ROWS`` (10000,100000,1000000) says how many rows the lists have.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from benchmarks import import_limit, lists
from benchmarks.measuring import Measurement
from tests.postgresql import Cluster

SIZES = [int(size) for size in os.environ.get("BENCH_IMPORT_ROWS", "10000,100000,1000000").split(",")]
USUAL_ROWS = min(20_000, max(SIZES))
AT_ONCE = 10_000
PROJECT = "bench"
MEGABYTES = 300
_EMPTY, _OURS, _LIMIT = "bench_empty", "bench_ours", "bench_limit"
_SAME = """
SELECT (SELECT count(*) FROM contacts_statushistory), count(*),
    sum(hashtextextended(concat_ws('|', c.key, c.first_name, c.last_name, c.attributes, e.address, e.fingerprint), 0))
FROM contacts_contact c JOIN contacts_channelstatus e ON e.contact_id = c.id
"""


@dataclass
class Taken:
    """Seconds of one size, run by run, and the most memory of a process of ours."""

    ours: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    ours_again: list[float] = field(default_factory=list)
    limit_again: list[float] = field(default_factory=list)
    megabytes: float = 0


def measure(cluster: Cluster) -> Iterator[Measurement]:
    """All that is promised of imports."""
    _make_empty(cluster)
    taken: dict[int, Taken] = {}
    with tempfile.TemporaryDirectory() as folder:
        for rows in SIZES:
            file = lists.write(Path(folder) / f"{rows}.csv", rows)
            prepared = Path(folder) / "prepared"
            import_limit.prepare(file, prepared)
            taken[rows] = Taken()
            for _run in range(_runs(rows)):
                _one_run(cluster, file, prepared, rows, taken[rows])
            yield from _against_the_limit(rows, taken[rows])
            file.unlink()
        yield _against_the_usual(cluster, lists.write(Path(folder) / "usual.csv", USUAL_ROWS))
    for smaller, larger in pairwise(SIZES[1:]):
        yield _growth(smaller, larger, taken)
    for name in (_OURS, _LIMIT, _EMPTY):
        _admin(cluster, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def _runs(rows: int) -> int:
    return 5 if rows <= 20_000 else 3 if rows <= 200_000 else 1


def _one_run(cluster: Cluster, file: Path, prepared: Path, rows: int, taken: Taken) -> None:
    """The limit and ours in turn, first into nothing, then the same again."""
    _renew(cluster, _LIMIT)
    with _connected(cluster, _LIMIT) as connection:
        project = _project_in(connection)
        taken.limit.append(import_limit.first_import(connection, prepared, project, rows, AT_ONCE))
    _renew(cluster, _OURS)
    first = _ours(cluster, file)
    assert first["created"] == rows, first
    taken.ours.append(first["seconds"])
    written = _what_there_is(cluster, _OURS)
    assert written == _what_there_is(cluster, _LIMIT)
    for name in (_LIMIT, _OURS):
        with _connected(cluster, name) as connection:
            connection.execute("VACUUM ANALYZE")
    with _connected(cluster, _LIMIT) as connection:
        taken.limit_again.append(import_limit.again(connection, prepared, project))
    again = _ours(cluster, file)
    assert again["unchanged"] == rows, again
    assert _what_there_is(cluster, _OURS) == written
    taken.ours_again.append(again["seconds"])
    taken.megabytes = max(taken.megabytes, first["megabytes"], again["megabytes"])


def _against_the_limit(rows: int, taken: Taken) -> Iterator[Measurement]:
    yield _share(f"import of {rows:,} contacts, as a share of the limit by bare SQL", taken.ours, taken.limit, 0.6)
    yield _share(f"the same {rows:,} again, which changes nothing", taken.ours_again, taken.limit_again, 0.3)
    yield Measurement(
        f"memory of an import of {rows:,} contacts, in MB", taken.megabytes, MEGABYTES, taken.megabytes / MEGABYTES, 1,
        met=taken.megabytes < MEGABYTES, unit="MB",
    )  # fmt: skip


def _against_the_usual(cluster: Cluster, file: Path) -> Measurement:
    _renew(cluster, _LIMIT)
    usual = _process(cluster, _LIMIT, "benchmarks.import_usual", file)
    assert usual["created"] == USUAL_ROWS
    ours = []
    for _run in range(3):
        _renew(cluster, _OURS)
        ours.append(_ours(cluster, file)["seconds"])
    return _share(
        f"import of {USUAL_ROWS:,} contacts, times as fast as django-import-export", ours, [usual["seconds"]], 20
    )


def _growth(smaller: int, larger: int, taken: dict[int, Taken]) -> Measurement:
    """The rate at the larger size as a share of that at the smaller one; the two columns are seconds for a row."""
    small, large = (statistics.median(taken[rows].ours) / rows for rows in (smaller, larger))
    return _share(f"rate that is kept from {smaller:,} to {larger:,} contacts", [large], [small], 0.8)


def _share(name: str, ours: list[float], reference: list[float], target: float) -> Measurement:
    mine, theirs = statistics.median(ours), statistics.median(reference)
    return Measurement(name, mine, theirs, theirs / mine, target, theirs / mine >= target, at_most=False)


def _ours(cluster: Cluster, file: Path) -> dict[str, Any]:
    return _process(cluster, _OURS, "benchmarks.import_ours", file)


def _process(cluster: Cluster, database: str, module: str, file: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", module, str(file), PROJECT],
        env={**os.environ, "DATABASE_URL": f"postgres://sendable@/{cluster.folder}/{database}"},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _make_empty(cluster: Cluster) -> None:
    """A database with the tables, an organization and a project, to be copied for each run."""
    _admin(cluster, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_EMPTY)))
    environment = {**os.environ, "DATABASE_URL": f"postgres://sendable@/{cluster.folder}/{_EMPTY}"}
    for arguments in (
        ("migrate", "--verbosity", "0"),
        ("create_organization", "Bench", "--project", PROJECT, "--admin", "bench@example.org", "--admin-name", "Bench"),
    ):
        command = [sys.executable, "manage.py", *arguments]
        subprocess.run(
            command, env=environment, check=True, stdout=subprocess.DEVNULL, input=b"a long enough passphrase"
        )


def _renew(cluster: Cluster, name: str) -> None:
    _admin(cluster, sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    _admin(cluster, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(_EMPTY)))
    _admin(cluster, sql.SQL("CHECKPOINT"))


def _what_there_is(cluster: Cluster, name: str) -> Any:
    with _connected(cluster, name) as connection:
        return connection.execute(_SAME).fetchone()


def _project_in(connection: psycopg.Connection[Any]) -> int:
    found = connection.execute("SELECT id FROM contacts_project WHERE slug = %s", [PROJECT]).fetchone()
    assert found is not None
    return int(found[0])


def _admin(cluster: Cluster, statement: sql.SQL | sql.Composed) -> None:
    with _connected(cluster, "postgres") as connection:
        connection.execute(statement)


def _connected(cluster: Cluster, database: str) -> psycopg.Connection[Any]:
    return psycopg.connect(host=str(cluster.folder), user="sendable", dbname=database, autocommit=True)
