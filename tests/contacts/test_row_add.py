"""Adding a row to a contact, in one of the project's tables."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Project, RelationalRow, RelationalTable, StatusHistory, User
from tests.contacts.tables import form_at, orders_of, put, text_of, values_of
from tests.factories import ContactFactory, RelationalTableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(project: Project) -> RelationalTable:
    return orders_of(project)


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1")


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def url_of(contact: Contact, table: RelationalTable) -> str:
    return f"/p/newsletter/contacts/{contact.pk}/tables/{table.slug}/add/"


def test_editor_adds(as_editor: Client, contact: Contact, table: RelationalTable) -> None:
    url = url_of(contact, table)
    entries = StatusHistory.objects.count()
    fields = {"column_date": "2026-01-02", "column_item": " خريطة 🙂 ", "column_amount": ""}
    response = as_editor.post(url, form_at(as_editor, url) | fields)
    assert response["Location"] == f"{contact.get_absolute_url()}?table=orders#tab"
    assert values_of(contact) == [{"date": "2026-01-02", "item": "خريطة 🙂"}]
    page = text_of(as_editor, response["Location"])
    assert "The row was added." in page and "خريطة 🙂" in page
    assert StatusHistory.objects.count() == entries


def test_looking_changes_nothing(as_editor: Client, contact: Contact, table: RelationalTable) -> None:
    url = url_of(contact, table)
    assert as_editor.get(url).status_code == as_editor.head(url).status_code == 200
    assert values_of(contact) == []


def test_the_same_form_twice_adds_one_row(as_editor: Client, contact: Contact, table: RelationalTable) -> None:
    url = url_of(contact, table)
    form = form_at(as_editor, url) | {"column_item": "Map"}
    assert [as_editor.post(url, form).status_code for _time in range(2)] == [302, 302]
    assert values_of(contact) == [{"item": "Map"}]
    as_editor.post(url, form_at(as_editor, url) | {"column_item": "Map"})
    assert values_of(contact) == [{"item": "Map"}, {"item": "Map"}]


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("stranger", 404), ("nobody", 404)])
def test_only_those_who_may(
    client: Client, contact: Contact, table: RelationalTable, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(url_of(contact, table)).status_code == status
    assert client.post(url_of(contact, table), {"column_item": "Map"}).status_code == status
    assert values_of(contact) == []


def test_bad_id(as_editor: Client, project: Project, other_project: Project, contact: Contact) -> None:
    orders_of(other_project)
    assert as_editor.get(f"/p/newsletter/contacts/{contact.pk}/tables/orders/add/").status_code == 404
    orders_of(project)
    for number in (ContactFactory(project=other_project).pk, 0, 2**63, 10**30):
        assert as_editor.post(f"/p/newsletter/contacts/{number}/tables/orders/add/").status_code == 404
    assert not RelationalRow.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "A row needs a value. Fill in at least one column."),
        ({"column_item": " \n "}, "A row needs a value."),
        ({"column_item": "M\x00p"}, "This text has characters that cannot be stored."),
        ({"column_item": "M\x07p"}, "This text has characters that cannot be stored."),
        ({"column_item": "m" * 2001, "column_date": "Kept as typed"}, "at most 2000 characters"),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_typed_stays(
    as_editor: Client, contact: Contact, table: RelationalTable, fields: dict[str, str], words: str
) -> None:
    url = url_of(contact, table)
    response = as_editor.post(url, form_at(as_editor, url) | fields)
    page = response.content.decode()
    assert response.status_code == 200 and words in page
    assert fields.get("column_date", "") in page
    assert values_of(contact) == []


def test_columns_that_changed_meanwhile_are_shown_first(
    as_editor: Client, contact: Contact, table: RelationalTable
) -> None:
    url = url_of(contact, table)
    form = form_at(as_editor, url) | {"column_item": "Map", "column_amount": "5.00"}
    RelationalTable.objects.update(columns=[{"key": "item", "label": "Item"}, {"key": "shop", "label": "Shop"}])
    page = as_editor.post(url, form).content.decode()
    assert "The table’s columns are others now." in page and "Map" in page
    assert values_of(contact) == []
    as_editor.post(url, form_at(as_editor, "", page) | {"column_shop": "Quay"})
    assert values_of(contact) == [{"item": "Map", "shop": "Quay"}]


def test_the_profile_leads_here(client: Client, contact: Contact, table: RelationalTable, viewer: User, editor: User):
    url, profile = url_of(contact, table), contact.get_absolute_url()
    client.force_login(viewer)
    assert url not in text_of(client, profile) and url not in text_of(client, f"{profile}?table=orders")
    client.force_login(editor)
    assert url in text_of(client, profile)
    put(contact, table, item="Map")
    assert url not in text_of(client, profile) and url in text_of(client, f"{profile}?table=orders")


def test_queries_of_the_profile_grow_with_neither_tables_nor_rows(
    as_editor: Client, project: Project, contact: Contact, table: RelationalTable
) -> None:
    url = f"{contact.get_absolute_url()}?table=orders"
    put(contact, table, item="Map")
    with CaptureQueriesContext(connection) as few:
        as_editor.get(url)
    for other in RelationalTableFactory.create_batch(5, project=project):
        put(contact, other, number="1")
    RelationalTableFactory.create_batch(5, project=project)
    for _row in range(10):
        put(contact, table, item="Map")
    with CaptureQueriesContext(connection) as many:
        as_editor.get(url)
    assert len(many) == len(few)
