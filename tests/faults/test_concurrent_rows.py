"""Relational rows and tables that several change at once: nothing twice, nothing of a column that went, no deadlock."""

from __future__ import annotations

import uuid
from functools import partial

import pytest
from django.db import connection

from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.services.erasure import erase
from contacts.services.relational import NewRow, add_row, columns_digest, put_rows
from contacts.services.relational_tables import (
    ValuesWouldGo,
    change_table,
    columns_of,
    declare_table,
    definition_digest,
    removal_of,
    remove_table,
)
from contacts.services.verify import differences
from tests.factories import ContactFactory, OrganizationFactory, ProjectFactory, by_the_system
from tests.faults.test_concurrency import at_once

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]

ROUNDS = 5


@pytest.fixture
def project() -> Project:
    return ProjectFactory(organization=OrganizationFactory())


@pytest.fixture
def table(project: Project) -> RelationalTable:
    return declare_table(project, name="Orders", columns=["Item", "Amount"])


def test_one_request_sent_twice_at_once_adds_one_row(project: Project, table: RelationalTable) -> None:
    contact = ContactFactory(project=project)
    for number in range(1, ROUNDS + 1):
        origin = by_the_system()
        seen = columns_digest(table)
        at_once(*[partial(add_row, contact, table, {"item": "Map"}, seen=seen, origin=origin)] * 2)
        assert RelationalRow.objects.count() == number


def test_two_imports_of_one_list_add_each_row_once(project: Project, table: RelationalTable) -> None:
    contacts = ContactFactory.create_batch(5, project=project)
    for number in range(1, ROUNDS + 1):
        rows = [NewRow(contact.pk, table.pk, {"item": f"{number}"}) for contact in contacts]
        added = at_once(
            partial(put_rows, rows, request_id=uuid.uuid4()), partial(put_rows, rows[::-1], request_id=uuid.uuid4())
        )
        assert sum(sum(of.values()) for of in added) == len(contacts)
        assert RelationalRow.objects.count() == number * len(contacts)


def test_no_value_of_a_column_is_left_when_it_goes_while_rows_come(project: Project) -> None:
    contacts = ContactFactory.create_batch(5, project=project)
    for number in range(ROUNDS):
        table = declare_table(project, name=f"Orders {number}", columns=["Item", "Amount"])
        put_rows([NewRow(contacts[0].pk, table.pk, {"item": "Map", "amount": "5"})], request_id=uuid.uuid4())
        kept, seen = columns_of(table)[:1], definition_digest(table)
        with pytest.raises(ValuesWouldGo) as asked:
            change_table(table, name=table.name, columns=kept, seen=seen)
        rows = [NewRow(contact.pk, table.pk, {"item": "Map", "amount": "7"}) for contact in contacts]
        confirmed = asked.value.digest
        at_once(
            partial(change_table, table, name=table.name, columns=kept, seen=seen, confirmed=confirmed),
            partial(put_rows, rows, request_id=uuid.uuid4()),
        )
        table.refresh_from_db()
        declared = {column.key for column in columns_of(table)}
        for values in RelationalRow.objects.filter(table=table).values_list("values", flat=True):
            assert set(values) <= declared


def test_a_table_goes_while_its_contacts_do(project: Project) -> None:
    for number in range(ROUNDS):
        table = declare_table(project, name=f"Orders {number}", columns=["Item"])
        contacts = ContactFactory.create_batch(5, project=project)
        rows = [NewRow(contact.pk, table.pk, {"item": f"{place}"}) for contact in contacts for place in range(20)]
        put_rows(rows[::-1], request_id=uuid.uuid4())
        those = Contact.objects.filter(pk__in=[contact.pk for contact in contacts])
        digest = removal_of(table).digest
        at_once(
            partial(remove_table, table, expected=digest),
            partial(erase, those, origin=by_the_system(), requested_by_contact=False),
        )
        assert not RelationalRow.objects.exists()
    assert [str(difference) for difference in differences()] == []
