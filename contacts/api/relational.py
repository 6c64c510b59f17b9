"""A project's own tables (orders, tickets, …), and the rows that contacts have in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils.translation import gettext_lazy as _
from ninja import Field, Query, Router, Schema, Status

from contacts.api.door import ApiRequest, Scoped
from contacts.api.paging import Paged, listed
from contacts.api.reading import LARGEST_NUMBER, text, values_by_name
from contacts.api.shapes import Listed
from contacts.errors import RegisterError
from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.services.relational import VALUE_LENGTH, as_text, put_row, put_values, remove_row, row_digest
from contacts.services.relational_tables import columns_of
from contacts.vocabulary import ApiScope

router = Router(tags=["Relational rows"])


class ColumnOut(Schema):
    key: str = Field(examples=["number"])
    label: str = Field(examples=["Number"])


class TableOut(Schema):
    slug: str = Field(examples=["orders"])
    name: str = Field(examples=["Orders"])
    columns: list[ColumnOut]


class RowOut(Schema):
    id: int = Field(examples=[301])
    contact: int = Field(examples=[4711])
    table: str = Field(examples=["orders"])
    values: dict[str, str] = Field(examples=[{"number": "A-77", "total": "19.90"}])
    created_at: datetime
    changed_at: datetime | None


class RowFilters(Paged):
    table: text(50) | None = Field(None, min_length=1, description="The slug of a table.")  # type: ignore[valid-type]


class RowIn(Schema, extra="forbid"):
    table: text(50) = Field(examples=["orders"])  # type: ignore[valid-type]
    values: values_by_name(100, VALUE_LENGTH) = Field(  # type: ignore[valid-type]
        examples=[{"number": "A-77", "total": 19.9}],
        description="By the keys of columns. Text, numbers, true, false or null, kept as text. Nothing nested.",
    )
    match: text(100) | None = Field(  # type: ignore[valid-type]
        None,
        min_length=1,
        examples=["number"],
        description="The key of a column whose value tells rows apart: one with the same value there is changed. "
        "Without it, one with the same values in all columns is left as it is.",
    )


class RowChangeIn(Schema, extra="forbid"):
    values: values_by_name(100, VALUE_LENGTH) = Field(  # type: ignore[valid-type]
        examples=[{"total": "24.90"}], description="What is not named stays; null takes a value out."
    )


class UnknownTable(RegisterError):
    code = "unknown_table"
    message = _("The project has no such table.")
    field = "table"


class UnknownColumn(RegisterError):
    code = "unknown_column"
    message = _("The table has no such column.")


@router.get("tables", response=Listed[TableOut], auth=Scoped(ApiScope.READ), operation_id="list_tables")
def tables(request: ApiRequest, paged: Query[Paged]) -> object:
    """The project's own tables, with the keys of their columns."""

    def show(found: Sequence[RelationalTable]) -> list[dict[str, Any]]:
        return [{"slug": table.slug, "name": table.name, "columns": table.columns} for table in found]

    return listed(RelationalTable.objects.filter(project=request.api.project), paged, show, order=["name", "id"])


@router.get(
    "contacts/{int:contact_id}/rows", response=Listed[RowOut], auth=Scoped(ApiScope.READ), operation_id="list_rows"
)
def rows(request: ApiRequest, contact_id: int, filters: Query[RowFilters]) -> object:
    """The rows of a contact, in one table or in all, the newest first."""
    found = _rows(request.api.contact(contact_id))
    if filters.table is not None:
        found = found.filter(table=_table(request.api.project, filters.table))
    return listed(found, filters, rows_out, order=["-id"])


@router.post(
    "contacts/{int:contact_id}/rows", response={200: RowOut, 201: RowOut}, auth=Scoped(ApiScope.WRITE),
    operation_id="put_row",
)  # fmt: skip
def put(request: ApiRequest, contact_id: int, sent: RowIn) -> object:
    """Add a row to a contact (201), or change the one that is it already (200)."""
    contact = request.api.contact(contact_id)
    table = _table(request.api.project, sent.table)
    values = _known(table, sent.values)
    if sent.match is not None:
        _known(table, {sent.match: None}, field="match")
        if not values.get(sent.match):
            raise UnknownColumn(_("The row has no value in the column by which it is matched."), field="match")
    row, is_new = put_row(contact, table, values, natural_key=sent.match or "", origin=request.api.origin())
    return Status(201 if is_new else 200, rows_out([row])[0])


@router.get(
    "contacts/{int:contact_id}/rows/{int:row_id}", response=RowOut, auth=Scoped(ApiScope.READ), operation_id="get_row"
)
def get(request: ApiRequest, contact_id: int, row_id: int) -> object:
    """One row of a contact."""
    return rows_out([_row(request.api.contact(contact_id), row_id)])[0]


@router.patch(
    "contacts/{int:contact_id}/rows/{int:row_id}", response=RowOut, auth=Scoped(ApiScope.WRITE),
    operation_id="update_row",
)  # fmt: skip
def change(request: ApiRequest, contact_id: int, row_id: int, sent: RowChangeIn) -> object:
    """Change some values of a row."""
    row = _row(request.api.contact(contact_id), row_id)
    put_values(row, _known(row.table, sent.values))
    return rows_out([row])[0]


@router.delete(
    "contacts/{int:contact_id}/rows/{int:row_id}", response={204: None}, auth=Scoped(ApiScope.WRITE),
    operation_id="delete_row",
)  # fmt: skip
def delete(request: ApiRequest, contact_id: int, row_id: int) -> object:
    """Remove a row."""
    row = _row(request.api.contact(contact_id), row_id)
    remove_row(row, seen=row_digest(row))
    return Status(204, None)


def rows_out(found: Sequence[RelationalRow]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.pk, "contact": row.contact_id, "table": row.table.slug,
            "values": {name: as_text(value) for name, value in row.values.items()},
            "created_at": row.created_at, "changed_at": row.changed_at,
        }
        for row in found
    ]  # fmt: skip


def _known(table: RelationalTable, sent: Mapping[str, str | None], *, field: str = "values") -> dict[str, str]:
    """The values by column, an empty text where there is none. Raises UnknownColumn."""
    keys = [column.key for column in columns_of(table)]
    for name in sent:
        if name not in keys:
            remedy = _("Its columns are %(keys)s.") % {"keys": ", ".join(keys)}
            raise UnknownColumn(remedy=remedy, field=f"{field}.{name}" if field == "values" else field)
    return {name: value or "" for name, value in sent.items()}


def _table(project: Project, slug: str) -> RelationalTable:
    found = RelationalTable.objects.filter(project=project, slug=slug).first()
    if found is None:
        raise UnknownTable
    return found


def _rows(contact: Contact) -> QuerySet[RelationalRow]:
    return RelationalRow.objects.filter(contact=contact).select_related("table")


def _row(contact: Contact, row_id: int) -> RelationalRow:
    found = _rows(contact).filter(pk=row_id).first() if row_id <= LARGEST_NUMBER else None
    if found is None:
        raise Http404
    return found
