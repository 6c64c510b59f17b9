"""Reading a file into staged rows. Nothing of the register changes; a file with a fault leaves nothing behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from itertools import repeat

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.csv_reading import Reading, Table, UnreadableFile, open_table
from contacts.models import ImportJob, ImportRow
from contacts.models.imports import ImportKind, ImportState, RowOutcome
from contacts.services.bulk_rows import load_columns
from contacts.services.imports import jobs, planning
from contacts.services.imports.parsing import Taken, parse
from contacts.services.set_sql import database_clock, refresh_statistics

BATCH = 20_000

Progress = Callable[[ImportJob], None]


def stage(job: ImportJob, mine: uuid.UUID, table: Table | None = None, tell: Progress = lambda job: None) -> None:
    """Read the file of an import (or ``table``, which is open already), and find out what each row will do.

    Leaves the import ready to be checked, or failed with the reason. Raises jobs.Lost.
    """
    try:
        if table is None:
            table = open_again(job)
        _read(job, mine, table, tell)
        if job.rows > BATCH:
            refresh_statistics(ImportRow)
        planning.plan(job, mine)
        keep_cells(job, table)
    except UnreadableFile as error:
        _fail(job, mine, str(error))
        return
    with transaction.atomic():
        jobs.beat(job, mine, state=ImportState.READY, planned=job.planned, claim=None)


def open_again(job: ImportJob) -> Table:
    """The uploaded file, read as it was said to be. Raises UnreadableFile."""
    file = jobs.file_of(job)
    if file is None:
        raise UnreadableFile(_("The file is not kept any more."), remedy=_("Upload it again."))
    return open_table(file, reading=Reading.from_json(job.reading), name=job.file_name)


def taken_of(job: ImportJob, columns: list[str], *, fingerprints: bool = True) -> Taken:
    """How the rows of an import are taken."""
    options = job.options
    return Taken(
        columns=columns,
        targets=job.mapping["targets"],
        kind=job.kind,
        country=options.get("country", job.project.default_country),
        zone=job.project.zone,
        now=database_clock(),
        fingerprints=fingerprints,
        keeps_who_left=bool(options.get("as_contacts")),
        day_first=bool(options.get("day_first")),
    )


def _read(job: ImportJob, mine: uuid.UUID, table: Table, tell: Progress) -> None:
    forget_rows(job)
    finds_nobody = planning.finds_nobody(job)
    taken = taken_of(job, table.columns, fingerprints=finds_nobody or job.kind != ImportKind.CONTACTS)
    if len(taken.targets) != len(table.columns):
        raise UnreadableFile(_("The columns of the file are others than before."), remedy=_("Choose them again."))
    rows = last = 0
    for batch in table.batches(BATCH):
        staged = parse(batch, taken)
        rows += len(batch.lines)
        last = batch.lines[-1]
        columns = {"job_id": repeat(job.pk), **staged.filled()}
        if finds_nobody:
            columns |= planning.newcomers(staged)
        with transaction.atomic():
            load_columns(ImportRow, list(columns), list(columns.values()))
            jobs.beat(job, mine, rows=rows, last_line=last)
        tell(job)


def forget_rows(job: ImportJob) -> None:
    ImportRow.objects.filter(job=job)._raw_delete("default")


def _fail(job: ImportJob, mine: uuid.UUID, words: str) -> None:
    with transaction.atomic():
        jobs.beat(job, mine, state=ImportState.FAILED, error=words, rows=0, claim=None)
        forget_rows(job)


def keep_cells(job: ImportJob, table: Table | None) -> None:
    """Put beside each rejected row what stood in the file, for the list of rejected rows.

    Rows that are rejected after they were read (they come twice, or their mode leaves them out) have no cells yet.
    """
    lacking = ImportRow.objects.filter(job=job, outcome=RowOutcome.REJECTED, cells__isnull=True)
    wanted = set(lacking.values_list("line", flat=True)[:100_000])
    if not wanted or table is None:
        return
    found: dict[int, list[str]] = {}
    for batch in table.batches(BATCH):
        if wanted.isdisjoint(batch.lines):
            continue
        found = {line: cells for line, cells in zip(batch.lines, batch.cells, strict=True) if line in wanted}
        _write_cells(job, found)


def _write_cells(job: ImportJob, found: Mapping[int, list[str]]) -> None:
    from django.db import connection

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{ImportRow._meta.db_table}" SET cells = %s WHERE job_id = %s AND line = %s',
            [(json.dumps(cells), job.pk, line) for line, cells in found.items()],
        )
