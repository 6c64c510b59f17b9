"""Removing a row of a contact."""

from __future__ import annotations

import pytest
from django.test import Client

from contacts.models import Contact, Project, RelationalRow, StatusHistory, User
from tests.contacts.tables import digest_at, orders_of, put, text_of, values_of
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(project: Project) -> RelationalRow:
    contact = ContactFactory(project=project, key="K-1")
    table = orders_of(project)
    put(contact, table, item="Catalogue")
    return put(contact, table, date="2026-01-02", item="Map")


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def url_of(row: RelationalRow) -> str:
    return f"/p/newsletter/contacts/{row.contact_id}/rows/{row.pk}/remove/"


def test_editor_removes_what_was_shown(as_editor: Client, row: RelationalRow) -> None:
    page = text_of(as_editor, url_of(row))
    assert "2026-01-02" in page and "Map" in page
    before = Contact.objects.count(), StatusHistory.objects.count()
    response = as_editor.post(url_of(row), {"digest": digest_at(as_editor, url_of(row))})
    assert response["Location"] == f"{row.contact.get_absolute_url()}?table=orders#tab"
    assert values_of(row.contact) == [{"item": "Catalogue"}]
    assert "The row was removed." in text_of(as_editor, response["Location"])
    assert (Contact.objects.count(), StatusHistory.objects.count()) == before


def test_looking_changes_nothing(as_editor: Client, row: RelationalRow) -> None:
    assert as_editor.get(url_of(row)).status_code == as_editor.head(url_of(row)).status_code == 200
    assert RelationalRow.objects.count() == 2


def test_a_row_that_changed_meanwhile_is_shown_first(as_editor: Client, row: RelationalRow) -> None:
    digest = digest_at(as_editor, url_of(row))
    RelationalRow.objects.filter(pk=row.pk).update(values={"item": "Atlas"})
    for sent in (digest, "", "0" * 64, "\x00", "x" * 1000):
        response = as_editor.post(url_of(row), {"digest": sent})
        assert response.status_code == 200
    assert "Something changed since you looked." in as_editor.post(url_of(row), {"digest": digest}).content.decode()
    assert "Atlas" in response.content.decode()
    assert RelationalRow.objects.count() == 2


def test_the_same_request_twice_removes_one(as_editor: Client, row: RelationalRow) -> None:
    digest = digest_at(as_editor, url_of(row))
    assert [as_editor.post(url_of(row), {"digest": digest}).status_code for _time in range(2)] == [302, 404]
    assert RelationalRow.objects.count() == 1


def test_after_the_last_row_the_profile_shows_the_history(as_editor: Client, row: RelationalRow) -> None:
    RelationalRow.objects.exclude(pk=row.pk).delete()
    response = as_editor.post(url_of(row), {"digest": digest_at(as_editor, url_of(row))}, follow=True)
    page = response.content.decode()
    assert response.status_code == 200 and "Contact created" in page and "/tables/orders/add/" in page
