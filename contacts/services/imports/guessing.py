"""What a file is likely to be, before anybody said: its columns, and whether it is a list of people who left."""

from __future__ import annotations

from itertools import islice

from django.utils.translation import gettext as _

from contacts.csv_columns import check_targets, guess_targets, header_digest, registered_targets, suspicion
from contacts.csv_reading import Table, UnreadableFile
from contacts.models import ImportJob, ImportMapping, Project, RelationalTable
from contacts.models.imports import ImportKind

LOOKED_AT = 1_000


class PeopleWhoLeft(UnreadableFile):
    """The file is another tool's list of people who are not to be written to."""

    code = "people_who_left"


def first_rows(table: Table, number: int = LOOKED_AT) -> list[list[str]]:
    """The cells of the first rows."""
    return [cells for batch in islice(table.batches(number), 1) for cells in batch.cells]


def targets_of(
    project: Project,
    table: Table,
    *,
    key: str = "",
    kind: str = ImportKind.CONTACTS,
    is_sure: bool = False,
    file_name: str = "",
) -> list[str]:
    """What the columns are, by what this project said of the same header before, or by their names.

    Unless ``is_sure``, a list of people who left raises PeopleWhoLeft. Raises UnreadableFile.
    """
    rows = first_rows(table)
    targets = likely_targets(project, table, rows, key=key)
    check_targets(table.columns, targets, kind=kind)
    if kind == ImportKind.CONTACTS and not is_sure:
        found = suspicion(table.columns, targets, rows, file_name=file_name)
        if found:
            raise PeopleWhoLeft(found.words, remedy=_("Nothing was imported."))
    return targets


def likely_targets(project: Project, table: Table, rows: list[list[str]], *, key: str = "") -> list[str]:
    remembered = None
    if not key:
        before = ImportMapping.objects.filter(project=project, header=header_digest(table.columns)).first()
        remembered = before.mapping.get("targets") if before else None
    tables = list(RelationalTable.objects.filter(project=project).order_by("name"))
    return guess_targets(
        table.columns, key=key, tables=tables, registered=registered_targets(project), remembered=remembered, rows=rows
    )


def key_column(job: ImportJob) -> str:
    """The name of the column by which contacts are told apart."""
    targets, columns = job.mapping["targets"], job.mapping["columns"]
    for wanted in ("key", "email", "sms", "push"):
        if wanted in targets:
            return str(columns[targets.index(wanted)])
    return ""
