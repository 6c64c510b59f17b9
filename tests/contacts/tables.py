"""What the tests of relational tables and rows share."""

from __future__ import annotations

import html as markup
import re

from django.test import Client

from contacts.models import Contact, Project, RelationalRow, RelationalTable
from tests.factories import RelationalRowFactory, RelationalTableFactory

SETTINGS = "/p/newsletter/settings/"


def orders_of(project: Project, *labels: str) -> RelationalTable:
    """A table called Orders, with columns of these labels."""
    labels = labels or ("Date", "Item", "Amount")
    columns = [{"key": label.lower(), "label": label} for label in labels]
    return RelationalTableFactory(project=project, name="Orders", slug="orders", columns=columns)


def put(contact: Contact, table: RelationalTable, **values: str) -> RelationalRow:
    return RelationalRowFactory(contact=contact, table=table, values=values)


def values_of(contact: Contact) -> list[dict[str, str]]:
    return list(RelationalRow.objects.filter(contact=contact).order_by("pk").values_list("values", flat=True))


def text_of(client: Client, url: str) -> str:
    return markup.unescape(client.get(url).content.decode())


def form_at(client: Client, url: str, page: str = "") -> dict[str, str]:
    """The form of a page as a browser would send it back."""
    page = page or client.get(url).content.decode()
    form = page[page.index('<form method="post" class="mt-4"') :]
    inputs = {
        re.search(r' name="([^"]*)"', tag)[1]: (re.search(r' value="([^"]*)"', tag) or ["", ""])[1]  # type: ignore[index]
        for tag in re.findall(r"<input[^>]*>", form)
    }
    texts = re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.S)
    fields = inputs | {name: value.removeprefix("\n").replace("\r", "").replace("\n", "\r\n") for name, value in texts}
    return {markup.unescape(name): markup.unescape(value) for name, value in fields.items()}


def digest_at(client: Client, url: str) -> str:
    """The digest of what a page of confirmation shows."""
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', client.get(url).content.decode())
    assert found
    return found[1]
