"""Changing a row of a contact."""

from __future__ import annotations

import pytest
from django.test import Client

from contacts.models import Project, RelationalRow, RelationalTable, User
from tests.contacts.tables import form_at, orders_of, put, values_of
from tests.factories import ContactFactory, RelationalRowFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(project: Project) -> RelationalRow:
    contact = ContactFactory(project=project, key="K-1")
    return put(contact, orders_of(project), date="2026-01-02", item="Map\nfolded")


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def url_of(row: RelationalRow) -> str:
    return f"/p/newsletter/contacts/{row.contact_id}/rows/{row.pk}/"


def test_editor_changes(as_editor: Client, row: RelationalRow) -> None:
    form = form_at(as_editor, url_of(row)) | {"column_amount": "5.00", "column_date": ""}
    response = as_editor.post(url_of(row), form)
    assert response["Location"] == f"{row.contact.get_absolute_url()}?table=orders#tab"
    row.refresh_from_db()
    assert row.values == {"item": "Map\nfolded", "amount": "5.00"}
    assert row.changed_at is not None


def test_a_form_sent_back_as_it_was_changes_nothing(as_editor: Client, row: RelationalRow) -> None:
    response = as_editor.post(url_of(row), form_at(as_editor, url_of(row)), follow=True)
    assert "There was nothing to change." in response.content.decode()
    row.refresh_from_db()
    assert row.changed_at is None and row.values == {"date": "2026-01-02", "item": "Map\nfolded"}


def test_values_that_are_no_text_stay_what_they_are(as_editor: Client, row: RelationalRow) -> None:
    RelationalRow.objects.update(values={"date": None, "item": 7, "amount": 2.5})
    as_editor.post(url_of(row), form_at(as_editor, url_of(row)) | {"column_amount": "3"})
    assert values_of(row.contact) == [{"item": 7, "amount": "3"}]


def test_looking_changes_nothing(as_editor: Client, row: RelationalRow) -> None:
    before = list(RelationalRow.objects.values())
    assert as_editor.get(url_of(row)).status_code == as_editor.head(url_of(row)).status_code == 200
    assert list(RelationalRow.objects.values()) == before


def test_the_same_request_twice_changes_once(as_editor: Client, row: RelationalRow) -> None:
    form = form_at(as_editor, url_of(row)) | {"column_amount": "5.00"}
    as_editor.post(url_of(row), form)
    row.refresh_from_db()
    once = row.changed_at
    assert as_editor.post(url_of(row), form).status_code == 302
    row.refresh_from_db()
    assert row.changed_at == once


def test_what_somebody_else_changed_meanwhile_is_shown_and_what_was_typed_stays(
    as_editor: Client, row: RelationalRow
) -> None:
    form = form_at(as_editor, url_of(row)) | {"column_amount": "5.00"}
    RelationalRow.objects.update(values={"date": "2026-02-03", "item": "Map\nfolded"})
    page = as_editor.post(url_of(row), form).content.decode()
    assert "Something changed since you looked." in page
    assert "<dt>Date</dt><dd>2026-02-03</dd>" in page and "<dt>Item</dt>" not in page
    assert "5.00" in page
    assert values_of(row.contact) == [{"date": "2026-02-03", "item": "Map\nfolded"}]
    assert as_editor.post(url_of(row), form_at(as_editor, "", page)).status_code == 302
    assert values_of(row.contact) == [{"date": "2026-01-02", "item": "Map\nfolded", "amount": "5.00"}]


def test_columns_that_changed_meanwhile_are_shown_first(as_editor: Client, row: RelationalRow) -> None:
    form = form_at(as_editor, url_of(row)) | {"column_item": "Catalogue"}
    RelationalTable.objects.update(columns=[*row.table.columns, {"key": "shop", "label": "Shop"}])
    page = as_editor.post(url_of(row), form).content.decode()
    assert "Something changed since you looked." in page and 'name="column_shop"' in page
    assert values_of(row.contact) == [{"date": "2026-01-02", "item": "Map\nfolded"}]


@pytest.mark.parametrize("digest", ["", "0" * 64, "x" * 1000])
def test_a_form_that_saw_nothing_changes_nothing(as_editor: Client, row: RelationalRow, digest: str) -> None:
    as_editor.post(url_of(row), {"digest": digest, "column_item": "Stolen"})
    assert values_of(row.contact) == [{"date": "2026-01-02", "item": "Map\nfolded"}]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"column_date": "", "column_item": ""}, "A row needs a value."),
        ({"column_item": "M\x00p"}, "cannot be stored"),
        ({"column_item": "m" * 2001}, "at most 2000 characters"),
    ],
)
def test_what_cannot_be_is_refused(as_editor: Client, row: RelationalRow, fields: dict[str, str], words: str) -> None:
    response = as_editor.post(url_of(row), form_at(as_editor, url_of(row)) | fields)
    assert response.status_code == 200 and words in response.content.decode()
    assert values_of(row.contact) == [{"date": "2026-01-02", "item": "Map\nfolded"}]


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("stranger", 404), ("nobody", 404)])
def test_only_those_who_may(
    client: Client, row: RelationalRow, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    client.force_login(request.getfixturevalue(role))
    for path in (url_of(row), f"{url_of(row)}remove/"):
        assert client.get(path).status_code == status
        assert client.post(path, {"column_item": "Stolen"}).status_code == status
    assert values_of(row.contact) == [{"date": "2026-01-02", "item": "Map\nfolded"}]


def test_bad_id(as_editor: Client, row: RelationalRow, other_project: Project) -> None:
    other = RelationalRowFactory(contact=ContactFactory(project=row.contact.project))
    elsewhere = RelationalRowFactory(contact=ContactFactory(project=other_project))
    for number in (other.pk, elsewhere.pk, 0, 2**63, 10**30):
        for path in (f"rows/{number}/", f"rows/{number}/remove/"):
            url = f"/p/newsletter/contacts/{row.contact_id}/{path}"
            assert as_editor.get(url).status_code == 404
            assert as_editor.post(url, {"column_number": "Stolen"}).status_code == 404
    assert RelationalRow.objects.count() == 3


def test_the_profile_leads_here(client: Client, row: RelationalRow, viewer: User, editor: User) -> None:
    profile = f"{row.contact.get_absolute_url()}?table=orders"
    client.force_login(viewer)
    assert url_of(row) not in client.get(profile).content.decode()
    client.force_login(editor)
    page = client.get(profile).content.decode()
    assert f'href="{url_of(row)}"' in page and f'href="{url_of(row)}remove/"' in page
