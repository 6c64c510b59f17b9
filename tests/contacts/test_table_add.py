"""Adding a table to a project."""

from __future__ import annotations

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.errors import RegisterError
from contacts.models import Project, RelationalTable, User
from contacts.services.relational_tables import MOST_COLUMNS, MOST_TABLES, declare_table
from tests.contacts.tables import SETTINGS, orders_of, text_of
from tests.factories import ContactFactory, RelationalTableFactory

pytestmark = pytest.mark.django_db

URL = f"{SETTINGS}tables/add/"


def add(client: Client, user: User, name: str, *labels: str) -> HttpResponse:
    client.force_login(user)
    return client.post(URL, {"name": name, **{f"label_new_{place}": label for place, label in enumerate(labels)}})


def test_admin_adds(client: Client, project: Project, admin: User) -> None:
    response = add(client, admin, " Orders ", "Date", "", "Item", "Prix payé (CAD)")
    assert (response.status_code, response["Location"]) == (302, f"{SETTINGS}#tables")
    table = RelationalTable.objects.get()
    assert (table.project, table.slug, table.name) == (project, "orders", "Orders")
    assert table.columns == [
        {"key": "date", "label": "Date"},
        {"key": "item", "label": "Item"},
        {"key": "prix-paye-cad", "label": "Prix payé (CAD)"},
    ]
    page = text_of(client, SETTINGS)
    assert f'href="{SETTINGS}tables/{table.pk}/"' in page and "Date, Item, Prix payé (CAD)" in page


def test_looking_changes_nothing(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    assert client.get(URL).status_code == client.head(URL).status_code == 200
    assert not RelationalTable.objects.exists()


def test_the_same_form_twice_adds_one_table(client: Client, project: Project, admin: User) -> None:
    assert [add(client, admin, "Orders", "Date", "Item").status_code for _time in range(2)] == [302, 302]
    assert RelationalTable.objects.count() == 1


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_only_admins_come_here(
    client: Client, project: Project, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    user = request.getfixturevalue(role)
    client.force_login(user)
    assert client.get(URL).status_code == status
    assert add(client, user, "Orders", "Date").status_code == status
    assert not RelationalTable.objects.exists()


def test_names_of_any_script_become_short_names_that_nobody_has(client: Client, project: Project, admin: User) -> None:
    add(client, admin, "طلبات", "تاريخ", "مبلغ", "🙂")
    add(client, admin, "注文", "Column")
    add(client, admin, "Orders", "Amount", "Amount!")
    add(client, admin, "Orders!", "Amount")
    tables = {
        table.slug: [column["key"] for column in table.columns] for table in RelationalTable.objects.order_by("pk")
    }
    assert tables == {
        "table": ["column", "column-2", "column-3"], "table-2": ["column"],
        "orders": ["amount", "amount-2"], "orders-2": ["amount"],
    }  # fmt: skip
    contact = ContactFactory(project=project)
    for slug in tables:
        assert client.get(f"/p/newsletter/contacts/{contact.pk}/tables/{slug}/add/").status_code == 200


@pytest.mark.parametrize(
    ("name", "labels", "words"),
    [
        ("", ["Date"], "Enter a name, for example “Orders”."),
        ("Orders", [], "A table needs a column. Name one, for example “Date”."),
        ("Orders", ["Date", "date"], "Two columns are called “date”. Give one of them another name."),
        ("Or\x00ders", ["Date"], "This text has characters that cannot be stored."),
        ("Orders", ["Da\x07te"], "This text has characters that cannot be stored."),
        ("O" * 101, ["Date"], "at most 100 characters"),
        ("Orders", ["D" * 101], "at most 100 characters"),
        ("visits", ["Date"], "The project has a table of this name already."),
    ],
)
def test_what_cannot_be_is_refused_and_what_was_typed_stays(
    client: Client, project: Project, admin: User, name: str, labels: list[str], words: str
) -> None:
    RelationalTableFactory(project=project, name="Visits", slug="visits")
    response = add(client, admin, name, *labels)
    page = response.content.decode()
    assert response.status_code == 200 and words in page
    assert all(f'value="{label}"' in page for label in [name, *labels] if label.isprintable() and label)
    assert RelationalTable.objects.count() == 1


def test_another_projects_table_of_the_same_name_is_no_hindrance(
    client: Client, project: Project, other_project: Project, admin: User
) -> None:
    orders_of(other_project)
    assert add(client, admin, "Orders", "Date").status_code == 302
    assert RelationalTable.objects.filter(project=project, slug="orders").exists()


def test_there_is_an_end_to_tables_and_columns(client: Client, project: Project, admin: User) -> None:
    with pytest.raises(RegisterError, match="at most 30 columns"):
        declare_table(project, name="Wide", columns=[f"Column {number}" for number in range(MOST_COLUMNS + 1)])
    declare_table(project, name="Wide", columns=[f"Column {number}" for number in range(MOST_COLUMNS)])
    for number in range(MOST_TABLES - 1):
        declare_table(project, name=f"Table {number}", columns=["Date"])
    assert "as many tables as it can have" in add(client, admin, "One more", "Date").content.decode()
    assert RelationalTable.objects.count() == MOST_TABLES


def test_queries_of_the_settings_do_not_grow(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    with CaptureQueriesContext(connection) as few:
        client.get(SETTINGS)
    RelationalTableFactory.create_batch(10, project=project)
    with CaptureQueriesContext(connection) as many:
        client.get(SETTINGS)
    assert len(many) == len(few)
