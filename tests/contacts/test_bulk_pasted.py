"""A pasted list of keys and addresses: whom it means, and that nothing is dropped silently."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Membership, Project, StatusHistory, User
from tests.contacts.bulk import confirm, url
from tests.factories import ContactFactory


def paste(client: Client, project: Project, text: str) -> Any:
    return client.post(url("pasted", project), {"text": text})


@pytest.fixture
def reader(project: Project) -> Contact:
    return ContactFactory(project=project, key="HM-1", last_name="Roy", email="Roy@Example.org", sms="+14165550137")


@pytest.mark.parametrize("text", [
    "HM-1", "  HM-1  \r\n\r\n", "roy@example.org", "ROY@EXAMPLE.ORG", "+1 416-555-0137", "nobody@example.org;HM-1",
    "x,HM-1\ty", "HM-1\nHM-1",
])  # fmt: skip
def test_finds_by_key_and_then_by_address(
    client: Client, project: Project, editor: User, reader: Contact, text: str
) -> None:
    client.force_login(editor)
    response = paste(client, project, text)
    assert response.context["found"].selection.ids == (reader.pk,)
    assert "Roy" in response.content.decode()


def test_unknown_lines_are_named(client: Client, project: Project, editor: User, reader: Contact) -> None:
    client.force_login(editor)
    found = paste(client, project, "HM-1\nHM-2\nghost@example.org, 😀; مريم\nHM-2").context["found"]
    assert found.unknown == ("HM-2", "ghost@example.org", "😀", "مريم")
    many = "\n".join(f"X{number}" for number in range(400))
    html = paste(client, project, many).content.decode()
    assert "400 entries mean nobody." in html and "X399" in html


def test_a_key_with_a_comma_is_one_key(client: Client, project: Project, editor: User) -> None:
    contact = ContactFactory(project=project, key="Roy, Amélie; the elder")
    client.force_login(editor)
    found = paste(client, project, "Roy, Amélie; the elder").context["found"]
    assert found.selection.ids == (contact.pk,) and found.unknown == ()


def test_shared_addresses_mean_all_who_have_them(client: Client, project: Project, editor: User) -> None:
    family = [ContactFactory(project=project, email="family@example.org") for _number in range(2)]
    client.force_login(editor)
    response = paste(client, project, "family@example.org")
    assert set(response.context["found"].selection.ids) == {person.pk for person in family}
    assert "1 address belongs to several contacts" in response.content.decode()


def test_repeats_are_said(client: Client, project: Project, editor: User, reader: Contact) -> None:
    client.force_login(editor)
    assert (
        "1 entry names a contact who was named before."
        in paste(client, project, "HM-1\nroy@example.org").content.decode()
    )


def test_another_projects_contacts_mean_nobody(
    client: Client, project: Project, other_project: Project, editor: User
) -> None:
    ContactFactory(project=other_project, key="HM-9", email="other@example.org")
    client.force_login(editor)
    found = paste(client, project, "HM-9\nother@example.org").context["found"]
    assert found.selection.ids == () and len(found.unknown) == 2


@pytest.mark.parametrize(("text", "words"), [
    ("", "Paste at least one key or address"), (" \n,;\t\n", "Paste at least one key or address"),
    ("a\x00b", "cannot be stored"), ("\n".join("x" for _line in range(10_001)), "Paste at most 10,000 at a time"),
])  # fmt: skip
def test_bad_lists_are_refused_in_words(client: Client, project: Project, editor: User, text: str, words: str) -> None:
    client.force_login(editor)
    response = paste(client, project, text)
    assert response.status_code == 200 and words in response.content.decode()
    assert response.context["found"] is None


def test_leads_to_the_action(client: Client, project: Project, editor: User, reader: Contact) -> None:
    client.force_login(editor)
    numbers = paste(client, project, "HM-1").context["found"].selection.numbers
    page = client.post(url("deactivate", project), {"contacts": numbers})
    confirm(client, project, "deactivate", page, reason="other", note="Moved away.")
    reader.refresh_from_db()
    assert not reader.is_active


def test_changes_nothing(client: Client, project: Project, editor: User, reader: Contact) -> None:
    before = StatusHistory.objects.count()
    client.force_login(editor)
    assert client.get(url("pasted", project)).status_code == 200
    assert client.head(url("pasted", project)).status_code == 200
    paste(client, project, "HM-1")
    assert StatusHistory.objects.count() == before


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("editor", 200), ("stranger", 404), ("nobody", 404)])
def test_who_may(client: Client, project: Project, who: str, status: int, request: pytest.FixtureRequest) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.get(url("pasted", project)).status_code == status


def test_who_may_only_delete_is_offered_that_alone(
    client: Client, project: Project, viewer: User, reader: Contact
) -> None:
    Membership.objects.filter(user=viewer).update(may_delete=True)
    client.force_login(viewer)
    html = paste(client, project, "HM-1").content.decode()
    assert url("delete", project) in html and url("deactivate", project) not in html


def test_queries_do_not_grow(client: Client, project: Project, editor: User) -> None:
    for number in range(300):
        ContactFactory(project=project, key=f"K{number}", email=f"k{number}@example.org")
    client.force_login(editor)
    counts = []
    for size in (2, 300):
        text = "\n".join(f"K{number}" if number % 2 else f"k{number}@example.org" for number in range(size))
        with CaptureQueriesContext(connection) as queries:
            paste(client, project, text)
        counts.append(len(queries))
    assert counts[0] == counts[1]
