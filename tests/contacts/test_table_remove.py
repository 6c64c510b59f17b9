"""Removing a table with all that contacts have in it."""

from __future__ import annotations

import pytest
from django.test import Client

from contacts.models import Contact, Project, RelationalRow, RelationalTable, StatusHistory, User
from contacts.services.verify import differences
from tests.contacts.tables import SETTINGS, digest_at, orders_of, put, text_of
from tests.factories import ContactFactory, RelationalRowFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(project: Project) -> RelationalTable:
    table = orders_of(project)
    first, second = ContactFactory(project=project), ContactFactory(project=project)
    for contact in (first, first, second):
        put(contact, table, item="Map")
    RelationalRowFactory(contact=first)
    return table


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def url_of(table: RelationalTable) -> str:
    return f"{SETTINGS}tables/{table.pk}/remove/"


def test_admin_removes_what_the_page_says(as_admin: Client, table: RelationalTable) -> None:
    page = text_of(as_admin, url_of(table))
    assert "Remove the table and 3 rows" in page and "<dt>Of contacts</dt><dd>2</dd>" in page
    before = Contact.objects.count(), StatusHistory.objects.count()
    response = as_admin.post(url_of(table), {"digest": digest_at(as_admin, url_of(table))})
    assert response["Location"] == f"{SETTINGS}#tables"
    assert RelationalTable.objects.count() == RelationalRow.objects.count() == 1
    assert (Contact.objects.count(), StatusHistory.objects.count()) == before
    assert list(differences()) == []


def test_a_table_without_rows(as_admin: Client, project: Project) -> None:
    table = orders_of(project)
    assert "No contact has a row in it." in text_of(as_admin, url_of(table))
    assert as_admin.post(url_of(table), {"digest": digest_at(as_admin, url_of(table))}).status_code == 302
    assert not RelationalTable.objects.exists()


def test_looking_changes_nothing(as_admin: Client, table: RelationalTable) -> None:
    assert as_admin.get(url_of(table)).status_code == as_admin.head(url_of(table)).status_code == 200
    assert RelationalRow.objects.count() == 4


def test_nothing_goes_that_was_not_shown(as_admin: Client, table: RelationalTable) -> None:
    digest = digest_at(as_admin, url_of(table))
    put(ContactFactory(project=table.project), table, item="Catalogue")
    for sent in (digest, "", "0" * 64, "x" * 1000, "\x00"):
        response = as_admin.post(url_of(table), {"digest": sent})
        assert response.status_code == 200
    assert "Remove the table and 4 rows" in response.content.decode()
    assert RelationalRow.objects.filter(table=table).count() == 4


def test_columns_that_changed_meanwhile_are_shown_first(as_admin: Client, table: RelationalTable) -> None:
    digest = digest_at(as_admin, url_of(table))
    RelationalTable.objects.filter(pk=table.pk).update(columns=[{"key": "item", "label": "Article"}])
    page = as_admin.post(url_of(table), {"digest": digest}).content.decode()
    assert "Something changed since you looked." in page and "Article" in page
    assert RelationalTable.objects.filter(pk=table.pk).exists()


def test_the_same_request_twice(as_admin: Client, table: RelationalTable) -> None:
    digest = digest_at(as_admin, url_of(table))
    assert [as_admin.post(url_of(table), {"digest": digest}).status_code for _time in range(2)] == [302, 404]
    assert RelationalTable.objects.count() == 1
