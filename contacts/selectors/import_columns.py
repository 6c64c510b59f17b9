"""An uploaded file as it is looked at before its rows are read: its columns, what they probably are, some rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from contacts.csv_columns import Suspicion, guess_targets, header_digest, registered_targets, suspicion
from contacts.csv_guard import unguarded
from contacts.csv_reading import open_table
from contacts.models import ImportJob, ImportMapping, RelationalTable
from contacts.services.imports import jobs
from contacts.tables import Reading, Table

LOOKED_AT = 1_000
SHOWN = 3
LONGEST_SAMPLE = 80


@dataclass(frozen=True, slots=True)
class Sample:
    """A file that was opened. ``examples`` are for each column the first cells in which something stands;
    ``suspicion`` says that it looks like a list of people who left; ``is_remembered``: its columns were known."""

    table: Table
    targets: list[str]
    tables: list[RelationalTable]
    examples: list[list[str]]
    suspicion: Suspicion | None
    is_remembered: bool


def sample_of(job: ImportJob, reading: Reading) -> Sample | None:
    """Open the file of an import; None where it is not kept any more. Raises UnreadableFile."""
    file = jobs.file_of(job)
    if file is None:
        return None
    table = open_table(file, reading=reading, name=job.file_name)
    batch = next(table.batches(LOOKED_AT), None)
    rows = batch.cells if batch is not None else []
    tables = list(RelationalTable.objects.filter(project=job.project).order_by("name", "pk"))
    targets, is_remembered = _targets(job, table, tables, rows)
    found = suspicion(table.columns, targets, rows, file_name=job.file_name)
    examples = [_examples(rows, place) for place in range(len(table.columns))]
    return Sample(table, targets, tables, examples, found, is_remembered)


def _targets(
    job: ImportJob, table: Table, tables: Sequence[RelationalTable], rows: Sequence[Sequence[str]]
) -> tuple[list[str], bool]:
    """As they were chosen for this import before, else for such a file the last time, else guessed."""
    mapping = job.mapping
    if mapping.get("columns") != table.columns:
        mapping = {}
        known = ImportMapping.objects.filter(project=job.project, header=header_digest(table.columns)).first()
        if known is not None:
            mapping = known.mapping
    remembered = mapping.get("targets")
    registered = registered_targets(job.project)
    found = guess_targets(table.columns, tables=tables, registered=registered, remembered=remembered, rows=rows)
    return found, bool(remembered)


def _examples(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    cells = (unguarded(row[place]).strip() for row in rows)
    found: list[str] = []
    for cell in cells:
        if cell and cell not in found:
            found.append(cell if len(cell) <= LONGEST_SAMPLE else f"{cell[:LONGEST_SAMPLE]}…")
            if len(found) == SHOWN:
                break
    return found
