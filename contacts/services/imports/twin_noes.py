"""Lists of noes in which an address stands more than once: the latest date counts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from contacts.models import ImportJob, ImportRow
from contacts.models.imports import RowOutcome
from contacts.services.bulk_rows import update_columns
from contacts.services.imports.cells import CHANNELS
from contacts.services.imports.comparing import own_rows


def name_twins(job: ImportJob) -> list[int]:
    """Of rows with one address the latest date counts, and one without a date; the others say on which line it
    stands, and ask for nothing any more. Returns the lines of the pairs that are left."""
    pairs: set[int] = set()
    rows = own_rows(job).exclude(outcome=RowOutcome.REJECTED).filter(noes__isnull=False)
    for channel in CHANNELS:
        having = rows.exclude(**{f"{channel}_key": ""})
        pairs |= _leave_the_latest(job, having, f"{channel}_key", [channel])
    nameless = rows.filter(**{f"{channel}_key": "" for channel in CHANNELS}).exclude(key="")
    pairs |= _leave_the_latest(job, nameless, "key", list(CHANNELS))
    return sorted(pairs)


def _leave_the_latest(job: ImportJob, rows: QuerySet[ImportRow], name: str, channels: Sequence[str]) -> set[int]:
    twice = rows.order_by().values(name).annotate(n=Count("line")).filter(n__gt=1).values(name)
    latest: dict[tuple[str, str, bool], tuple[str, int]] = {}
    doubles = rows.filter(**{f"{name}__in": twice})

    def places() -> Iterator[tuple[int, str, Mapping[str, Any]]]:
        for line, mark, noes in doubles.order_by("line").values_list("line", name, "noes"):
            for no in noes or ():
                if no["channel"] in channels:
                    yield line, mark, no

    found = list(places())
    for line, mark, no in found:
        place, on = (mark, no["channel"], no["on"] is None), no["on"] or ""
        if place not in latest or _is_later(on, latest[place][0]):
            latest[place] = (on, line)
    losing: dict[int, tuple[set[str], int]] = {}
    for line, mark, no in found:
        winner = latest[mark, no["channel"], no["on"] is None][1]
        if winner != line:
            losing.setdefault(line, (set(), winner))[0].add(no["channel"])
    _take_away(job, losing)
    return {line for (mark, channel, undated), (_on, line) in latest.items() if (mark, channel, not undated) in latest}


def _take_away(job: ImportJob, losing: Mapping[int, tuple[set[str], int]]) -> None:
    """Take noes from rows, by line: on these channels, since the line named beside them says the same."""
    silent: list[int] = []
    fewer: list[tuple[str, int, int]] = []
    for line, noes in own_rows(job).filter(line__in_set=list(losing)).values_list("line", "noes"):
        left = [no for no in noes or () if no["channel"] not in losing[line][0]]
        if left:
            fewer.append((json.dumps(left), job.pk, line))
        else:
            silent.append(line)
    with connection.cursor() as cursor:
        table = connection.ops.quote_name(ImportRow._meta.db_table)
        cursor.executemany(f"UPDATE {table} SET noes = %s WHERE job_id = %s AND line = %s", fewer)
    own_rows(job).filter(line__in_set=silent).update(noes=None, error_code="duplicate")
    words = [_the_same(losing[line][1]) for line in silent]
    update_columns(ImportRow, {"error": words}, by={"line": silent}, job_id=job.pk)


def _is_later(on: str, other: str) -> bool:
    return bool(on) and datetime.fromisoformat(on) > datetime.fromisoformat(other)


def _the_same(line: int) -> str:
    return _("The same address stands on line %(line)s.") % {"line": line}
