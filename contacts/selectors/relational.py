"""Reading a contact's rows in the project's own tables: as they are shown, and as they are exported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from contacts.models import Contact, RelationalRow, RelationalTable
from contacts.services.relational import as_text
from contacts.services.relational_tables import columns_of

_ROWS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row holds in one column."""

    label: str
    value: str


def cells_of(row: RelationalRow, table: RelationalTable | None = None) -> list[Cell]:
    """The row's values in the order of the columns; columns in which it holds nothing are empty."""
    return [Cell(column.label, as_text(row.values.get(column.key))) for column in columns_of(table or row.table)]


def exported_header(table: RelationalTable) -> list[str]:
    """The contact's key, by which an import finds them again, and the columns."""
    return [_("Key"), *(column.label for column in columns_of(table))]


def exported_rows(contact: Contact, table: RelationalTable) -> Iterator[list[str]]:
    """The contact's rows, the oldest first."""
    rows = RelationalRow.objects.filter(contact=contact, table=table).order_by("pk")
    for row in rows.iterator(chunk_size=_ROWS_AT_ONCE):
        yield [contact.key, *(cell.value for cell in cells_of(row, table))]
