"""A contact's rows of one table as a file."""

from __future__ import annotations

import csv
import io

import pytest
from django.http import StreamingHttpResponse
from django.test import Client
from python_calamine import CalamineWorkbook

from contacts.models import Contact, Export, Membership, Project, RelationalTable, User
from tests.contacts.tables import orders_of, put
from tests.factories import ContactFactory, RelationalRowFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    contact = ContactFactory(project=project, key="K-1")
    table = orders_of(project)
    put(contact, table, date="2026-01-02", item="=SUM(A1)\nü", amount="-5.00")
    put(contact, table, item="+1 418 555 0137")
    put(ContactFactory(project=project), table, item="Of somebody else")
    RelationalRowFactory(contact=contact)
    return contact


def url_of(contact: Contact, table: str = "orders") -> str:
    return f"/p/newsletter/contacts/{contact.pk}/tables/{table}/export/"


def rows_in(response: StreamingHttpResponse) -> list[list[str]]:
    text = b"".join(response).decode("utf-8-sig")  # type: ignore[arg-type]
    return list(csv.reader(io.StringIO(text, newline="")))


def test_the_file_holds_the_contacts_rows(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    response = client.post(url_of(contact))
    assert isinstance(response, StreamingHttpResponse)
    assert response["Content-Disposition"].startswith(f'attachment; filename="newsletter-orders-{contact.pk}-')
    assert rows_in(response) == [
        ["Key", "Date", "Item", "Amount"],
        ["K-1", "2026-01-02", "'=SUM(A1)\nü", "-5.00"],
        ["K-1", "", "+1 418 555 0137", ""],
    ]


def test_the_same_as_a_spreadsheet(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    response = client.post(url_of(contact), {"format": "xlsx"})
    assert response["Content-Disposition"].startswith(f'attachment; filename="newsletter-orders-{contact.pk}-')
    content = b"".join(response)  # type: ignore[arg-type]
    assert CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python() == [
        ["Key", "Date", "Item", "Amount"],
        ["K-1", "2026-01-02", "=SUM(A1)\nü", "-5.00"],
        ["K-1", "", "+1 418 555 0137", ""],
    ]
    assert Export.objects.get().rows == 2


def test_what_leaves_is_written_down(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    client.post(url_of(contact))
    export = Export.objects.get()
    assert (export.rows, export.actor_number, export.filters) == (2, admin.pk, ["contact", "table"])
    assert "relational rows" in client.get("/p/newsletter/settings/").content.decode()


def test_only_those_who_may_export(
    client: Client, contact: Contact, viewer: User, editor: User, stranger: User
) -> None:
    profile = f"{contact.get_absolute_url()}?table=orders"
    for user, status in ((viewer, 403), (editor, 403), (stranger, 404)):
        client.force_login(user)
        assert client.post(url_of(contact)).status_code == status
    assert not Export.objects.exists()
    client.force_login(editor)
    assert url_of(contact) not in client.get(profile).content.decode()
    Membership.objects.filter(user=editor).update(may_export=True)
    assert url_of(contact) in client.get(profile).content.decode()
    assert client.post(url_of(contact)).status_code == 200


def test_looking_exports_nothing(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    assert client.get(url_of(contact)).status_code == client.head(url_of(contact)).status_code == 405
    assert not Export.objects.exists()


def test_bad_id(client: Client, contact: Contact, other_project: Project, admin: User) -> None:
    RelationalTable.objects.create(project=other_project, slug="elsewhere", name="Elsewhere", columns=[])
    client.force_login(admin)
    for table in ("elsewhere", "none-such"):
        assert client.post(url_of(contact, table)).status_code == 404
    for number in (0, 2**63, 10**30):
        assert client.post(f"/p/newsletter/contacts/{number}/tables/orders/export/").status_code == 404
    assert not Export.objects.exists()
