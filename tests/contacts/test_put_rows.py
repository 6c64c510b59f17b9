"""Rows of many contacts at once, as an import adds them and takes them back."""

from __future__ import annotations

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.errors import RegisterError
from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.services.relational import (
    NewRow,
    add_row,
    change_row,
    clean_values,
    columns_digest,
    put_rows,
    row_digest,
    take_back,
)
from tests.contacts.tables import orders_of, put, values_of
from tests.factories import ContactFactory, RelationalTableFactory, by_the_system

pytestmark = pytest.mark.django_db

IMPORT = uuid.UUID(int=1)


@pytest.fixture
def table(project: Project) -> RelationalTable:
    return orders_of(project)


@pytest.fixture
def contacts(project: Project) -> list[Contact]:
    return ContactFactory.create_batch(3, project=project)


def of(contact: Contact, table: RelationalTable, **values: str) -> NewRow:
    return NewRow(contact.pk, table.pk, values)


def test_rows_are_added_and_counted_by_contact(contacts: list[Contact], table: RelationalTable) -> None:
    first, second, third = contacts
    rows = [of(first, table, item="Map"), of(first, table, item="Atlas", amount="5"), of(second, table, item="Map")]
    assert put_rows(rows, request_id=IMPORT) == {first.pk: 2, second.pk: 1}
    assert values_of(first) == [{"item": "Map"}, {"item": "Atlas", "amount": "5"}]
    assert values_of(second) == [{"item": "Map"}] and values_of(third) == []
    assert set(RelationalRow.objects.values_list("request_id", "changed_at")) == {(IMPORT, None)}


def test_the_same_again_adds_nothing(contacts: list[Contact], table: RelationalTable) -> None:
    first, second, _third = contacts
    put(first, table, item="Map", amount="5")
    rows = [of(first, table, amount="5", item="Map"), of(second, table, item="Map"), of(second, table, item="Map")]
    assert put_rows(rows, request_id=IMPORT) == {second.pk: 1}
    assert put_rows(rows, request_id=uuid.uuid4()) == {}
    assert RelationalRow.objects.count() == 2


def test_a_natural_key_tells_rows_from_each_other(
    contacts: list[Contact], project: Project, table: RelationalTable
) -> None:
    first, second, _third = contacts
    visits = RelationalTableFactory(project=project, columns=table.columns)
    put(first, table, item="A-1", amount="5")
    rows = [
        of(first, table, item="A-1", amount="6"), of(first, table, item="A-2"), of(second, table, item="A-1"),
        of(first, table, amount="7"), of(first, table, amount="8"), of(first, visits, item="A-1", amount="6"),
    ]  # fmt: skip
    keys = {table.pk: "item"}
    assert put_rows(rows, request_id=IMPORT, natural_keys=keys) == {first.pk: 4, second.pk: 1}
    assert put_rows(rows, request_id=IMPORT, natural_keys=keys) == {}
    assert values_of(first)[0] == {"item": "A-1", "amount": "5"}


def test_numbers_and_texts_that_read_the_same_are_the_same(contacts: list[Contact], table: RelationalTable) -> None:
    first = contacts[0]
    RelationalRow.objects.create(contact=first, table=table, values={"amount": 5, "item": None})
    assert put_rows([of(first, table, amount="5")], request_id=IMPORT) == {}


def test_what_is_no_longer_there_is_passed_over(contacts: list[Contact], table: RelationalTable) -> None:
    first, _second, third = contacts
    rows = [
        of(first, table, item="Map", former="x"), NewRow(2**62, table.pk, {"item": "Map"}),
        NewRow(third.pk, 2**62, {"item": "Map"}), of(third, table, former="x"), of(third, table, item=""),
    ]  # fmt: skip
    assert put_rows(rows, request_id=IMPORT) == {first.pk: 1}
    assert values_of(first) == [{"item": "Map"}]
    assert put_rows([], request_id=IMPORT) == {}


def test_rows_of_who_was_merged_come_to_whom_they_are_now(contacts: list[Contact], table: RelationalTable) -> None:
    first, merged, _third = contacts
    Contact.objects.filter(pk=merged.pk).update(merged_into=first)
    rows = [of(first, table, item="Map"), of(merged, table, item="Map"), of(merged, table, item="Atlas")]
    assert put_rows(rows, request_id=IMPORT) == {first.pk: 1, merged.pk: 1}
    add_row(merged, table, {"item": "Globe"}, seen=columns_digest(table), origin=by_the_system())
    assert values_of(first) == [{"item": "Map"}, {"item": "Atlas"}, {"item": "Globe"}] and values_of(merged) == []


def test_queries_do_not_grow_with_rows(project: Project, contacts: list[Contact], table: RelationalTable) -> None:
    with CaptureQueriesContext(connection) as few:
        put_rows([of(contacts[0], table, item="Map")], request_id=IMPORT)
    rows = [of(contact, table, item=f"{number}") for contact in contacts for number in range(50)]
    with CaptureQueriesContext(connection) as many:
        put_rows(rows, request_id=IMPORT)
    assert len(many) == len(few)


def test_an_import_is_taken_back_but_for_what_was_changed_since(
    contacts: list[Contact], table: RelationalTable
) -> None:
    first, second, third = contacts
    put(first, table, item="By hand")
    put_rows(
        [of(first, table, item="Map"), of(first, table, item="Atlas"), of(second, table, item="Map")], request_id=IMPORT
    )
    put_rows([of(third, table, item="Map")], request_id=uuid.uuid4())
    touched = RelationalRow.objects.get(contact=first, values__item="Atlas")
    assert change_row(touched, {"item": "World atlas"}, seen=row_digest(touched))

    back = take_back(IMPORT)

    assert (back.removed, back.kept) == ({first.pk: 1, second.pk: 1}, {first.pk: 1})
    assert values_of(first) == [{"item": "By hand"}, {"item": "World atlas"}]
    assert values_of(second) == [] and values_of(third) == [{"item": "Map"}]
    again = take_back(IMPORT)
    assert (again.removed, again.kept) == ({}, {first.pk: 1})


def test_an_import_is_taken_back_in_steps(contacts: list[Contact], table: RelationalTable) -> None:
    first, second, _third = contacts
    put_rows([of(first, table, item="Map"), of(second, table, item="Map")], request_id=IMPORT)
    assert take_back(IMPORT, contacts=[first.pk, 2**62]).removed == {first.pk: 1}
    assert values_of(second) == [{"item": "Map"}]
    assert take_back(IMPORT, contacts=[second.pk]).removed == {second.pk: 1}


def test_values_are_cleaned_by_column(table: RelationalTable) -> None:
    assert clean_values(table, {"item": " Cafe\u0301 ", "amount": "", "none": "x"}) == {"item": "Café"}
    for typed, code, field in (({"item": "a\x00"}, "invalid_text", "item"), ({"none": "x"}, "empty_row", "")):
        with pytest.raises(RegisterError) as refused:
            clean_values(table, typed)
        assert (refused.value.code, refused.value.field) == (code, field)
