"""Changing a table: its name, and its columns, of which those that hold something go only when that was shown."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from contacts.models import Contact, Project, RelationalRow, RelationalTable, User
from contacts.services.relational_tables import ValuesWouldGo, change_table, columns_of, definition_digest
from tests.contacts.tables import SETTINGS, form_at, orders_of, put, text_of, values_of
from tests.factories import ContactFactory, RelationalTableFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def table(project: Project) -> RelationalTable:
    return orders_of(project)


@pytest.fixture
def contact(project: Project, table: RelationalTable) -> Contact:
    contact = ContactFactory(project=project)
    put(contact, table, date="2026-01-02", item="Map", amount="5.00")
    put(contact, table, date="2026-01-03", item="Catalogue")
    return contact


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def url_of(table: RelationalTable) -> str:
    return f"{SETTINGS}tables/{table.pk}/"


def save(client: Client, table: RelationalTable, **fields: str) -> HttpResponse:
    return client.post(url_of(table), form_at(client, url_of(table)) | fields)


def labels(table: RelationalTable) -> list[str]:
    return [column.label for column in columns_of(RelationalTable.objects.get(pk=table.pk))]


def test_columns_are_renamed_moved_and_added_and_rows_keep_their_values(
    as_admin: Client, table: RelationalTable, contact: Contact
) -> None:
    before = values_of(contact)
    response = save(
        as_admin, table, name="Purchases", label_of_item="Article", place_of_amount="1", place_of_date="2",
        place_of_item="3", label_new_0="Shop", label_new_1="Item",
    )  # fmt: skip
    assert response["Location"] == f"{SETTINGS}#tables"
    table.refresh_from_db()
    assert (table.name, table.slug) == ("Purchases", "orders")
    assert table.columns == [
        {"key": "amount", "label": "Amount"}, {"key": "date", "label": "Date"}, {"key": "item", "label": "Article"},
        {"key": "shop", "label": "Shop"}, {"key": "item-2", "label": "Item"},
    ]  # fmt: skip
    assert values_of(contact) == before
    page = text_of(as_admin, f"{contact.get_absolute_url()}?table=orders")
    assert 'data-label="Article"><span class="lines">Catalogue' in page


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ({"place_new_0": "1"}, ["No", "Date", "Item", "Amount"]),
        ({"place_new_0": ""}, ["Date", "Item", "Amount", "No"]),
        ({"place_of_amount": "1"}, ["Amount", "Date", "Item", "No"]),
        ({"place_of_date": "3"}, ["Item", "Amount", "Date", "No"]),
        ({"place_of_date": "", "place_new_0": "2"}, ["No", "Item", "Amount", "Date"]),
    ],
)
def test_a_column_goes_to_the_place_that_is_named(
    as_admin: Client, table: RelationalTable, places: dict[str, str], order: list[str]
) -> None:
    save(as_admin, table, label_new_0="No", **places)
    assert labels(table) == order


def test_looking_changes_nothing(as_admin: Client, table: RelationalTable, contact: Contact) -> None:
    before = definition_digest(table), values_of(contact)
    assert as_admin.get(url_of(table)).status_code == as_admin.head(url_of(table)).status_code == 200
    table.refresh_from_db()
    assert (definition_digest(table), values_of(contact)) == before


def test_a_form_sent_back_as_it_was_changes_nothing(as_admin: Client, table: RelationalTable) -> None:
    response = as_admin.post(url_of(table), form_at(as_admin, url_of(table)), follow=True)
    assert "There was nothing to change." in response.content.decode()


def test_a_column_that_holds_nothing_goes_at_once(as_admin: Client, table: RelationalTable) -> None:
    assert save(as_admin, table, label_of_amount="").status_code == 302
    assert labels(table) == ["Date", "Item"]


def test_a_column_that_holds_something_goes_after_the_rows_were_shown(
    as_admin: Client, project: Project, table: RelationalTable, contact: Contact
) -> None:
    other = put(ContactFactory(project=project), RelationalTableFactory(project=project), item="Stays", number="1")
    first = save(as_admin, table, label_of_item="", label_of_amount="")
    page = first.content.decode()
    assert first.status_code == 200
    assert "Item: values in 2 rows" in page and "Amount: a value in 1 row" in page
    assert "Save, and remove the values" in page
    assert labels(table) == ["Date", "Item", "Amount"] and values_of(contact)[0]["item"] == "Map"

    second = as_admin.post(url_of(table), form_at(as_admin, "", page))
    assert second.status_code == 302
    assert labels(table) == ["Date"]
    assert values_of(contact) == [{"date": "2026-01-02"}, {"date": "2026-01-03"}]
    other.refresh_from_db()
    assert other.values == {"item": "Stays", "number": "1"}


def test_counts_that_changed_meanwhile_are_shown_again(
    as_admin: Client, table: RelationalTable, contact: Contact
) -> None:
    page = save(as_admin, table, label_of_amount="").content.decode()
    put(contact, table, amount="7.00")
    response = as_admin.post(url_of(table), form_at(as_admin, "", page))
    again = response.content.decode()
    assert response.status_code == 200
    assert "Something changed since you looked." in again and "Amount: values in 2 rows" in again
    assert labels(table) == ["Date", "Item", "Amount"]
    assert as_admin.post(url_of(table), form_at(as_admin, "", again)).status_code == 302
    assert labels(table) == ["Date", "Item"]


def test_a_forged_confirmation_confirms_nothing(as_admin: Client, table: RelationalTable, contact: Contact) -> None:
    for confirmed in ("0" * 64, "1"):
        assert save(as_admin, table, label_of_amount="", confirmed=confirmed).status_code == 200
    assert labels(table) == ["Date", "Item", "Amount"]
    with pytest.raises(ValuesWouldGo):
        change_table(table, name="Orders", columns=columns_of(table)[:2], seen=definition_digest(table))


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(as_admin: Client, table: RelationalTable) -> None:
    form = form_at(as_admin, url_of(table)) | {"label_of_item": "Article"}
    save(as_admin, table, label_new_0="Shop")
    page = as_admin.post(url_of(table), form).content.decode()
    assert "Something changed since you looked." in page and "Date, Item, Amount, Shop" in page
    assert labels(table) == ["Date", "Item", "Amount", "Shop"]
    assert as_admin.post(url_of(table), form_at(as_admin, "", page)).status_code == 302
    assert labels(table) == ["Date", "Article", "Amount", "Shop"]


def test_the_same_form_twice(as_admin: Client, table: RelationalTable) -> None:
    form = form_at(as_admin, url_of(table)) | {"label_of_item": "Article"}
    assert [as_admin.post(url_of(table), form).status_code for _time in range(2)] == [302, 302]
    assert labels(table) == ["Date", "Article", "Amount"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": ""}, "Enter a name"),
        ({"name": "VISITS"}, "The project has a table of this name already."),
        ({"label_of_item": "date"}, "Two columns are called"),
        ({"label_of_item": "a\x00"}, "cannot be stored"),
        ({"place_of_item": "first"}, "Enter a number from 1 to 99."),
        ({"place_of_item": "9" * 5000}, "Enter a number from 1 to 99."),
        ({"label_of_date": "", "label_of_item": "", "label_of_amount": ""}, "A table needs a column."),
    ],
)
def test_what_cannot_be_is_refused(
    as_admin: Client, project: Project, table: RelationalTable, fields: dict[str, str], words: str
) -> None:
    RelationalTableFactory(project=project, name="Visits", slug="visits")
    response = save(as_admin, table, **fields)
    assert response.status_code == 200 and words in response.content.decode()
    assert labels(table) == ["Date", "Item", "Amount"]


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_only_admins_come_here(
    client: Client, table: RelationalTable, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    client.force_login(request.getfixturevalue(role))
    for path in (url_of(table), f"{url_of(table)}remove/"):
        assert client.get(path).status_code == status
        assert client.post(path, {"name": "Taken", "label_of_date": ""}).status_code == status
    assert labels(table) == ["Date", "Item", "Amount"]


def test_bad_id(as_admin: Client, project: Project, other_project: Project) -> None:
    elsewhere = orders_of(other_project)
    for number in (elsewhere.pk, 0, 2**63, 10**30):
        for path in (f"{SETTINGS}tables/{number}/", f"{SETTINGS}tables/{number}/remove/"):
            assert as_admin.get(path).status_code == 404
            assert as_admin.post(path, {"name": "Taken"}).status_code == 404
    assert RelationalTable.objects.get().name == "Orders"
    assert not RelationalRow.objects.exists()
