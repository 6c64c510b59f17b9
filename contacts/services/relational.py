"""Rows of contacts in a project's own tables: one by one by hand, many at once by an import, and taken back."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.errors import ContactGone, RegisterError, StaleConfirmation
from contacts.models import Contact, RelationalRow, RelationalTable
from contacts.origin import Origin
from contacts.services.bulk_rows import load_rows
from contacts.services.locks import lock_contacts, lock_ids
from contacts.services.relational_tables import columns_of
from contacts.text import clean_text

VALUE_LENGTH = 2_000
_LOADED = ("table_id", "contact_id", "values", "request_id", "created_at")


class EmptyRow(RegisterError):
    code = "empty_row"
    message = _("A row needs a value.")
    remedy = _("Fill in at least one column.")


@dataclass(frozen=True, slots=True)
class NewRow:
    """A row for a contact, with values as ``clean_values`` gives them."""

    contact: int
    table: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """By contact: how many rows went, and how many stay because somebody changed them since."""

    removed: Mapping[int, int]
    kept: Mapping[int, int]


def as_text(value: object) -> str:
    """A value as it is shown and typed."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def clean_values(table: RelationalTable, typed: Mapping[str, str]) -> dict[str, str]:
    """What was typed, by column key, fit to be stored; empty values are left out, unknown columns too.

    Raises InvalidText, whose ``field`` is the column's key, and EmptyRow where nothing is left.
    """
    cleaned = {
        column.key: clean_text(typed.get(column.key, ""), max_length=VALUE_LENGTH, several_lines=True, field=column.key)
        for column in columns_of(table)
    }
    values = {key: text for key, text in cleaned.items() if text}
    if not values:
        raise EmptyRow
    return values


def columns_digest(table: RelationalTable) -> str:
    """What tells whether the table's columns are others meanwhile."""
    return _digest([table.pk, table.columns])


def row_digest(row: RelationalRow) -> str:
    """What tells whether somebody else changed the row, or its table's columns, meanwhile."""
    return _digest([columns_digest(row.table), sorted(row.values.items())])


@transaction.atomic
def add_row(
    contact: Contact, table: RelationalTable, typed: Mapping[str, str], *, seen: str, origin: Origin
) -> RelationalRow:
    """Add a row, to whom the contact was merged into if they were; the same request again is the row that it added.

    ``seen`` is the digest of the columns that were shown. Raises StaleConfirmation where they are others by now,
    InvalidText, EmptyRow, ContactGone.
    """
    person = next(iter(lock_contacts(contact.as_set())), None)
    if person is None:
        raise ContactGone
    before = RelationalRow.objects.filter(contact=person, request_id=origin.request_id).first()
    if before is not None:
        return before
    here = _locked([table.pk]).get(table.pk)
    if here is None or columns_digest(here) != seen:
        raise StaleConfirmation
    values = clean_values(here, typed)
    return RelationalRow.objects.create(table=here, contact_id=person, values=values, request_id=origin.request_id)


@transaction.atomic
def put_row(
    contact: Contact, table: RelationalTable, values: Mapping[str, str], *, natural_key: str = "", origin: Origin
) -> tuple[RelationalRow, bool]:
    """Add a row, or change the one that is it already, and tell whether it was added.

    It is the one with the same value in the column ``natural_key`` (else, with the same values in all), which then has
    these values and keeps those of columns that are not named; an empty one goes. Raises StaleConfirmation where the
    table is gone, InvalidText, EmptyRow, ContactGone.
    """
    person = next(iter(lock_contacts(contact.as_set())), None)
    if person is None:
        raise ContactGone
    here = _locked([table.pk]).get(table.pk)
    if here is None:
        raise StaleConfirmation
    cleaned = clean_values(here, values)
    identity = _Identity({here.pk: natural_key} if natural_key else {})
    wanted = identity.of(person, here.pk, cleaned)
    rows = RelationalRow.objects.filter(contact=person, table=here).order_by("pk")
    for row in rows.iterator():
        if identity.of(person, here.pk, row.values) == wanted:
            row.table = here
            put_values(row, values)
            return row, False
    added = RelationalRow.objects.create(table=here, contact_id=person, values=cleaned, request_id=origin.request_id)
    return added, True


@transaction.atomic
def put_values(row: RelationalRow, values: Mapping[str, str]) -> bool:
    """Change some values of a row, whatever the others are by now, and tell whether that changed anything.

    Raises StaleConfirmation where the row is gone, InvalidText, EmptyRow.
    """
    here = _row(row)
    held = {column.key: as_text(here.values.get(column.key)) for column in columns_of(here.table)}
    changed = change_row(here, {**held, **values}, seen=row_digest(here))
    row.refresh_from_db(fields=["values", "changed_at"])
    return changed


@transaction.atomic
def change_row(row: RelationalRow, typed: Mapping[str, str], *, seen: str) -> bool:
    """Make the row what was typed, and tell whether that changed anything.

    ``seen`` is the digest of the row as it was shown: raises StaleConfirmation where it no longer holds.
    Raises InvalidText, EmptyRow as well.
    """
    here = _row(row)
    values = clean_values(here.table, typed)
    shown = ((column.key, as_text(here.values.get(column.key))) for column in columns_of(here.table))
    held = {key: text for key, text in shown if text}
    if values == held:
        return False
    if row_digest(here) != seen:
        raise StaleConfirmation
    kept = {key: here.values[key] if held.get(key) == text else text for key, text in values.items()}
    RelationalRow.objects.filter(pk=here.pk).update(values=kept, changed_at=timezone.now())
    return True


@transaction.atomic
def remove_row(row: RelationalRow, *, seen: str) -> None:
    """Remove the row. Raises StaleConfirmation when it is no longer as it was shown."""
    here = _row(row)
    if row_digest(here) != seen:
        raise StaleConfirmation
    RelationalRow.objects.filter(pk=here.pk)._raw_delete("default")


@transaction.atomic
def put_rows(
    rows: Iterable[NewRow], *, request_id: uuid.UUID, natural_keys: Mapping[int, str] | None = None
) -> dict[int, int]:
    """Add rows to many contacts at once (or to whom they were merged into), and return how many were added for each.

    A row is left out where the contact has one with the same values already, so that the same again adds nothing;
    of a table in ``natural_keys`` (table id to column key), where they have one with the same value in that column.
    Contacts, tables and columns that are no longer there are passed over.
    """
    wanted = list(rows)
    persons = _persons({row.contact for row in wanted})
    tables = _locked({row.table for row in wanted})
    columns = {number: {column.key for column in columns_of(table)} for number, table in tables.items()}
    identity = _Identity(natural_keys or {})
    held = RelationalRow.objects.filter(contact_id__in_set=set(persons.values()), table__in=list(tables)).order_by()
    known = {identity.of(*row) for row in held.values_list("contact_id", "table_id", "values").iterator()}
    now, new, added = timezone.now(), [], Counter[int]()
    for row in wanted:
        person = persons.get(row.contact)
        if person is None or row.table not in tables:
            continue
        values = {key: text for key, text in row.values.items() if text and key in columns[row.table]}
        mark = identity.of(person, row.table, values)
        if values and mark not in known:
            known.add(mark)
            new.append((row.table, person, values, request_id, now))
            added[row.contact] += 1
    load_rows(RelationalRow, _LOADED, new)
    return dict(added)


@transaction.atomic
def take_back(request_id: uuid.UUID, *, contacts: Iterable[int] | None = None) -> TakenBack:
    """Remove the rows that a request added (of these contacts, or of all), but for those that were changed since."""
    rows = RelationalRow.objects.filter(request_id=request_id)
    numbers = set(rows.order_by().values_list("contact_id", flat=True).distinct()) if contacts is None else contacts
    rows = rows.filter(contact_id__in_set=lock_ids(numbers))
    touched = _by_contact(rows.filter(changed_at__isnull=False))
    untouched = rows.filter(changed_at__isnull=True)
    removed = _by_contact(untouched)
    untouched._raw_delete("default")
    return TakenBack(removed, touched)


@dataclass(frozen=True, slots=True)
class _Identity:
    """What makes two rows of a contact the same."""

    natural_keys: Mapping[int, str]

    def of(self, contact: int, table: int, values: Mapping[str, Any]) -> tuple[Any, ...]:
        key = self.natural_keys.get(table)
        if key and (text := as_text(values.get(key))):
            return contact, table, text
        return contact, table, frozenset((name, text) for name, value in values.items() if (text := as_text(value)))


def _persons(contacts: Iterable[int]) -> dict[int, int]:
    """By id, who these contacts are by now, locked; those who are gone are left out."""
    those = Contact.objects.filter(pk__in_set=list(contacts))
    locked = set(lock_contacts(those))
    found = ((number, person or number) for number, person in those.values_list("pk", "merged_into_id"))
    return {number: person for number, person in found if person in locked}


def _row(row: RelationalRow) -> RelationalRow:
    """The row as it is, its contact and its table locked. Raises StaleConfirmation where it is gone."""
    lock_ids([row.contact_id])
    table = _locked([row.table_id]).get(row.table_id)
    here = RelationalRow.objects.filter(pk=row.pk, contact=row.contact_id).first() if table else None
    if here is None or table is None:
        raise StaleConfirmation
    here.table = table
    return here


def _locked(tables: Iterable[int]) -> dict[int, RelationalTable]:
    """Tables whose columns stay as they are, and that stay, until the transaction ends."""
    rows = RelationalTable.objects.filter(pk__in=set(tables)).order_by("pk")
    return {table.pk: table for table in rows.select_for_update(no_key=True)}


def _by_contact(rows: Any) -> dict[int, int]:
    return dict(rows.order_by().values("contact_id").annotate(number=Count("pk")).values_list("contact_id", "number"))


def _digest(content: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest()
