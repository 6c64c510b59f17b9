"""A project's own tables: their names and columns, and what goes from the contacts' rows when one is removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError, StaleConfirmation
from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.services.json_keys import WithoutJsonKey
from contacts.services.locks import lock_contacts
from contacts.text import clean_text

MOST_TABLES, MOST_COLUMNS = 30, 30
NAME_LENGTH, LABEL_LENGTH, SLUG_LENGTH = 100, 100, 50


class TableNameTaken(RegisterError):
    code = "table_name_taken"
    message = _("The project has a table of this name already.")
    remedy = _("Use another name, or change that table.")
    field = "name"


class TooManyTables(RegisterError):
    code = "too_many_tables"
    message = _("The project has as many tables as it can have.")
    remedy = _("Remove one first, or add columns to one that is there.")


class ColumnsRefused(RegisterError):
    code = "columns_refused"
    message = _("A table needs a column.")
    remedy = _("Name one, for example “Date”.")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it should be: its label, and the key that it has; a new one has none."""

    label: str
    key: str = ""


@dataclass(frozen=True, slots=True)
class Loss:
    """A column that goes, and in how many rows something stands in it."""

    label: str
    rows: int


class ValuesWouldGo(RegisterError):
    """Columns that hold something would go. ``digest`` stands for what was shown, and confirms it."""

    code = "values_would_go"
    message = _("What stands in these columns would go for good.")
    remedy = _("Check how many rows it concerns, and confirm it.")

    def __init__(self, losses: Sequence[Loss], digest: str) -> None:
        self.losses, self.digest = tuple(losses), digest
        super().__init__()


@dataclass(frozen=True, slots=True)
class Removal:
    """What goes with a table: rows, of how many contacts. ``digest`` changes when anything of it does."""

    rows: int
    contacts: int
    digest: str


def columns_of(table: RelationalTable) -> list[Column]:
    """The table's columns in their order."""
    return [Column(str(column.get("label") or column["key"]), str(column["key"])) for column in table.columns]


def definition_digest(table: RelationalTable) -> str:
    """What tells whether somebody else changed the table meanwhile."""
    return _digest([table.pk, table.name, table.columns])


@transaction.atomic
def declare_table(project: Project, *, name: str, columns: Sequence[str]) -> RelationalTable:
    """Add a table with columns of these labels; the same again is the table that is there.

    Raises TableNameTaken, TooManyTables, ColumnsRefused, InvalidText.
    """
    name = clean_text(name, max_length=NAME_LENGTH, field="name")
    declared = _declared([Column(label) for label in columns], before=[])
    _lock(project)
    tables = RelationalTable.objects.filter(project=project)
    same = tables.filter(name__iexact=name).first()
    if same is not None:
        if (same.name, columns_of(same)) == (name, [Column(item["label"], item["key"]) for item in declared]):
            return same
        raise TableNameTaken
    slugs = set(tables.values_list("slug", flat=True))
    if len(slugs) >= MOST_TABLES:
        raise TooManyTables
    return RelationalTable.objects.create(
        project=project, slug=_free(name, slugs, "table"), name=name, columns=declared
    )


@transaction.atomic
def change_table(
    table: RelationalTable, *, name: str, columns: Sequence[Column], seen: str, confirmed: str = ""
) -> bool:
    """Give the table this name and these columns, in this order, and tell whether that changed anything.

    ``seen`` is the digest of the table as it was shown: raises StaleConfirmation where it no longer holds.
    Columns that are left out go with what stands in them: raises ValuesWouldGo unless ``confirmed`` is the digest
    of that. Raises TableNameTaken, ColumnsRefused, InvalidText as well.
    """
    name = clean_text(name, max_length=NAME_LENGTH, field="name")
    going = _left_out(table, columns)
    if going:
        lock_contacts(_holders(table))
    _lock(table.project)
    here = RelationalTable.objects.select_for_update(no_key=True).filter(pk=table.pk).first()
    if here is None:
        raise StaleConfirmation
    declared = _declared(columns, before=[column.key for column in columns_of(here)])
    if (here.name, here.columns) == (name, declared):
        return False
    if definition_digest(here) != seen:
        raise StaleConfirmation
    same = RelationalTable.objects.filter(project=here.project_id, name__iexact=name).exclude(pk=here.pk)
    if name != here.name and same.exists():
        raise TableNameTaken
    _take_values(here, going, confirmed)
    RelationalTable.objects.filter(pk=here.pk).update(name=name, columns=declared)
    return True


def removal_of(table: RelationalTable) -> Removal:
    """Count what ``remove_table`` would take."""
    rows = RelationalRow.objects.filter(table=table)
    number, holders = rows.count(), rows.order_by().values("contact").distinct().count()
    newest = rows.order_by("-pk").values_list("pk", flat=True).first()
    return Removal(number, holders, _digest([definition_digest(table), number, holders, newest]))


@transaction.atomic
def remove_table(table: RelationalTable, *, expected: str) -> int:
    """Remove the table with all its rows, and return how many those were.

    ``expected`` is the digest of the removal that was shown: raises StaleConfirmation when a recount differs.
    """
    lock_contacts(_holders(table))
    here = RelationalTable.objects.select_for_update().filter(pk=table.pk).first()
    if here is None or removal_of(here).digest != expected:
        raise StaleConfirmation
    number = RelationalRow.objects.filter(table=here)._raw_delete("default")
    RelationalTable.objects.filter(pk=here.pk).delete()
    return number


def _take_values(table: RelationalTable, going: Iterable[Column], confirmed: str) -> None:
    rows = RelationalRow.objects.filter(table=table)
    counted = [(column, rows.filter(values__has_key=column.key).count()) for column in going]
    counted = [(column, number) for column, number in counted if number]
    if not counted:
        return
    digest = _digest([table.pk, [(column.key, number) for column, number in counted]])
    if confirmed != digest:
        raise ValuesWouldGo([Loss(column.label, number) for column, number in counted], digest)
    for column, _number in counted:
        rows.filter(values__has_key=column.key).update(values=WithoutJsonKey("values", column.key))


def _left_out(table: RelationalTable, columns: Iterable[Column]) -> list[Column]:
    kept = {column.key for column in columns}
    return [column for column in columns_of(table) if column.key not in kept]


def _declared(columns: Sequence[Column], *, before: Sequence[str]) -> list[dict[str, str]]:
    """The columns as they are stored; new ones get a key that none has and none had until now."""
    keys, kept = set(before), set(before)
    declared: list[dict[str, str]] = []
    for column in columns:
        label = clean_text(column.label, max_length=LABEL_LENGTH)
        if not label:
            raise ColumnsRefused(_("A column needs a name."), remedy=_("Name it, or leave it out."))
        if any(label.casefold() == other["label"].casefold() for other in declared):
            message = _("Two columns are called “%(label)s”.") % {"label": label}
            raise ColumnsRefused(message, remedy=_("Give one of them another name."))
        key = column.key if column.key in kept else _free(label, keys, "column")
        keys.add(key)
        kept.discard(key)
        declared.append({"key": key, "label": label})
    if not declared:
        raise ColumnsRefused
    if len(declared) > MOST_COLUMNS:
        message = _("A table has at most %(number)d columns.") % {"number": MOST_COLUMNS}
        raise ColumnsRefused(message, remedy=_("Leave some out."))
    return declared


def _free(name: str, taken: set[str], otherwise: str) -> str:
    """A short name that follows from a name and that is not taken."""
    stem = slugify(name)[: SLUG_LENGTH - 5].strip("-_") or otherwise
    numbered = (stem if number == 1 else f"{stem}-{number}" for number in range(1, len(taken) + 2))
    return next(slug for slug in numbered if slug not in taken)


def _holders(table: RelationalTable) -> Any:
    return Contact.objects.filter(pk__in=RelationalRow.objects.filter(table=table).values("contact"))


def _lock(project: Project) -> None:
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
