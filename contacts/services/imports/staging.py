"""Reading a file into staged rows. Nothing of the register changes; a file with a fault leaves nothing behind."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from itertools import islice, repeat

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.csv_reading import Reading, Table, UnreadableFile, open_table
from contacts.models import ImportJob, ImportRow
from contacts.models.imports import ImportKind, ImportState, RowOutcome
from contacts.services.bulk_rows import load_columns
from contacts.services.imports import jobs, planning
from contacts.services.imports.cells import CHANNELS, Staged, Taken
from contacts.services.imports.parsing import parse
from contacts.services.set_sql import database_clock, refresh_statistics

FEW = 1_000  # of more rows PostgreSQL must know, or it plans for none: statistics know other imports alone
BATCH, AT_ONCE = 2_000, 10  # rows that are parsed while they are in the processor's cache; batches in a transaction

# What rows are looked for by.
_ASKED = (
    "job", "line", "outcome", "contact", "key", "noes", "extras",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("_key", "_fingerprint")),
)  # fmt: skip

Progress = Callable[[ImportJob], None]


def stage(job: ImportJob, mine: uuid.UUID, table: Table | None = None, tell: Progress = lambda job: None) -> None:
    """Read the file of an import (or ``table``, which is open already), and find out what each row will do.

    Leaves the import ready to be checked, or failed with the reason. Raises jobs.Lost.
    """
    try:
        if table is None:
            table = open_again(job)
        _read(job, mine, table, tell)
        if job.rows > FEW:
            refresh_statistics(ImportRow, columns=_ASKED)
        planning.plan(job, mine)
        keep_cells(job, mine, table)
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
    batches = table.batches(BATCH)
    while some := list(islice(batches, AT_ONCE)):
        with transaction.atomic():
            for batch in some:
                _load(job, parse(batch, taken), finds_nobody)
                rows += len(batch.lines)
                last = batch.lines[-1]
            jobs.beat(job, mine, rows=rows, last_line=last)
        tell(job)


def _load(job: ImportJob, staged: Staged, finds_nobody: bool) -> None:
    columns = {"job_id": repeat(job.pk), **staged.filled()}
    if finds_nobody:
        columns |= planning.newcomers(staged)
    load_columns(ImportRow, list(columns), list(columns.values()))


def forget_rows(job: ImportJob) -> None:
    ImportRow.objects.filter(job=job)._raw_delete("default")


def _fail(job: ImportJob, mine: uuid.UUID, words: str) -> None:
    with transaction.atomic():
        jobs.beat(job, mine, state=ImportState.FAILED, error=words, rows=0, claim=None)
        forget_rows(job)


def keep_cells(job: ImportJob, mine: uuid.UUID, table: Table | None) -> None:
    """Put beside each rejected row what stood in the file, for the list of rejected rows.

    Rows that are rejected after they were read (they come twice, or their mode leaves them out) have no cells yet.
    Those of who was erased since have none any more: they lack a reason of their own. Raises jobs.Lost.
    """
    lacking = ImportRow.objects.filter(job=job, outcome=RowOutcome.REJECTED, cells__isnull=True)
    lacking = lacking.exclude(error="").exclude(error_code="erased")
    if table is None or not lacking.exists():
        return
    for batch in table.batches(BATCH * AT_ONCE):
        here = lacking.filter(line__gte=batch.lines[0], line__lte=batch.lines[-1])
        wanted = set(here.values_list("line", flat=True))
        if wanted:
            pairs = zip(batch.lines, batch.cells, strict=True)
            _write_cells(job, mine, {line: cells for line, cells in pairs if line in wanted})


def _write_cells(job: ImportJob, mine: uuid.UUID, found: Mapping[int, list[str]]) -> None:
    from django.db import connection

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(
            f'UPDATE "{ImportRow._meta.db_table}" SET cells = %s '
            "WHERE job_id = %s AND line = %s AND error <> '' AND error_code <> 'erased'",
            [(json.dumps(cells), job.pk, line) for line, cells in found.items()],
        )
        jobs.beat(job, mine)
