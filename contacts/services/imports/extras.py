"""What a row holds beside the contact's own details: rows of the project's tables."""

from __future__ import annotations

from django.db.models import QuerySet

from contacts.models import ImportJob, ImportRow, RelationalTable
from contacts.services.relational import NewRow, put_rows


def put_extras(job: ImportJob, rows: QuerySet[ImportRow]) -> set[int]:
    """Add the relational rows that these staged rows say, and return the lines of those that added one."""
    found = list(rows.values_list("line", "contact_id", "extras"))
    if not found:
        return set()
    tables = dict(RelationalTable.objects.filter(project=job.project).values_list("slug", "pk"))
    new = [
        (line, NewRow(contact, tables[slug], values))
        for line, contact, extras in found
        for slug, values in extras.get("relational", {}).items()
        if slug in tables
    ]
    added = put_rows([row for _line, row in new], request_id=job.request_id)
    return {line for line, row in new if added.get(row.contact)}
