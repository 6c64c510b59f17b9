"""One import by the command, in a process of its own: prints what it took as one line of JSON.

    DATABASE_URL=… python -m benchmarks.import_ours FILE PROJECT

``BENCH_PHASES=1`` adds what each phase and each kind of statement cost to standard error, in seconds of processor time
of this process and of its server process, so that it means something while others use the machine.
"""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main(file: str, project: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ["DEBUG"] = "false"
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection

    connection.ensure_connection()
    spent = _watch() if os.environ.get("BENCH_PHASES") else {}
    out = io.StringIO()
    started = time.perf_counter()
    call_command("import_contacts", file, "--project", project, stdout=out)
    seconds = time.perf_counter() - started
    if spent:
        for name, (count, took) in sorted(spent.items(), key=lambda item: -item[1][1])[:40]:
            print(f"{took:8.3f}s {count:5} {name}", file=sys.stderr)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    counts = dict(pair.split("=") for pair in out.getvalue().strip().splitlines()[-1].split())
    print(json.dumps({"seconds": seconds, "megabytes": memory, **{k: int(v) for k, v in counts.items()}}))
    return 0


def _cost(server: int) -> float:
    """Seconds of processor time of this process and of a server process."""
    parts = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    return time.process_time() + (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def _watch() -> dict[str, list[Any]]:
    """Cost and calls by phase and by statement, as they come to be."""
    from django.db import connection, connections

    from contacts.services.imports import planning, running, staging, work

    spent: dict[str, list[Any]] = defaultdict(lambda: [0, 0.0])

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = cursor.fetchone()[0]

    def note(name: str, started: float) -> None:
        spent[name][0] += 1
        spent[name][1] += _cost(server) - started

    def timed(module: Any, name: str) -> None:
        function: Callable[..., Any] = getattr(module, name)

        def run(*args: Any, **kwargs: Any) -> Any:
            started = _cost(server)
            try:
                return function(*args, **kwargs)
            finally:
                note(f"== {module.__name__.rpartition('.')[2]}.{name}", started)

        setattr(module, name, run)

    for module, names in (
        (work, ("work_on",)),
        (staging, ("_read", "keep_cells", "parse", "load_columns", "refresh_statistics", "forget_rows")),
        (planning, ("plan", "_name_twins", "decide", "settle", "left_alone", "totals", "_name_twins_by_contact")),
        (running, ("run", "_write", "decide", "settle", "_add", "_change", "totals", "refresh_statistics")),
    ):
        for name in names:
            if hasattr(module, name):
                timed(module, name)

    def statement(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        started = _cost(server)
        try:
            return execute(sql, params, many, context)
        finally:
            note(re.sub(r"\s+", " ", sql)[:400], started)

    connection.execute_wrappers.append(statement)
    wrapper: Any = type(connections["default"])
    commit = wrapper._commit

    def committed(self: Any) -> Any:
        started = _cost(server)
        try:
            return commit(self)
        finally:
            note("COMMIT", started)

    wrapper._commit = committed
    return spent


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
