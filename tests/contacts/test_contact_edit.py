"""Correcting what is known of a contact."""

from __future__ import annotations

import html as markup
import re
import uuid
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.services.details import particulars_of
from contacts.services.register import Details, change_address, update_details
from contacts.vocabulary import Channel
from tests.factories import BlockFactory, ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="K-1", first_name="Ada", last_name="Lovelace", language="en", email="ada@example.org",
        notes="Likes\nmaps", attributes={"City": "London", "Address": "1 Street\n2nd floor"},
    )  # fmt: skip


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def edit_url(contact: Contact) -> str:
    return reverse("contacts:contact_edit", args=[contact.project.slug, contact.pk])


def shown(client: Client, contact: Contact) -> dict[str, str]:
    """The form as a browser would send it back."""
    page = client.get(edit_url(contact)).content.decode()
    form = page[page.index('<form method="post" class="mt-4"') :]
    fields = {
        markup.unescape(name): markup.unescape(value)
        for name, value in re.findall(r'<input[^>]*? name="([^"]*)"(?: value="([^"]*)")?', form)
    }
    texts = re.findall(r'<textarea name="([^"]*)"[^>]*>(.*?)</textarea>', form, re.S)
    return fields | {name: markup.unescape(text).removeprefix("\n").replace("\n", "\r\n") for name, text in texts}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_a_form_sent_back_as_it_was_changes_nothing(contact: Contact, as_editor: Client) -> None:
    before, entries = Contact.objects.values().get(), StatusHistory.objects.count()
    response = as_editor.post(edit_url(contact), shown(as_editor, contact))
    assert response.status_code == 302 and said(response) == ["There was nothing to change."]
    assert Contact.objects.values().get() == before and StatusHistory.objects.count() == entries


def test_an_editor_corrects_everything_at_once(contact: Contact, as_editor: Client, editor: User) -> None:
    form = shown(as_editor, contact) | {
        "key": "K-2", "last_name": "King", "language": "fr", "email": "ada@example.com", "sms": "+1 418 555 0137",
        "attribute_value_0": "", "attribute_name_2": "Plan", "attribute_value_2": "Gold",
    }  # fmt: skip
    response = as_editor.post(edit_url(contact), form)
    assert said(response) == ["The changes are saved."]
    contact.refresh_from_db()
    assert (contact.key, contact.last_name, contact.language) == ("K-2", "King", "fr")
    assert contact.attributes == {"Address": "1 Street\n2nd floor", "Plan": "Gold"}
    assert dict(ChannelStatus.objects.values_list("channel", "address")) == {
        "email": "ada@example.com", "sms": "+1 418-555-0137",
    }  # fmt: skip
    entries = StatusHistory.objects.exclude(reason="created").order_by("pk")
    assert [(e.aspect, e.channel, e.from_value, e.to_value, e.method, e.actor_number) for e in entries] == [
        ("key", "", "K-1", "K-2", "manual", editor.pk),
        ("address", "email", "ada@example.org", "ada@example.com", "manual", editor.pk),
        ("address", "sms", "", "+1 418-555-0137", "manual", editor.pk),
    ]


def test_an_address_is_removed_by_clearing_it(contact: Contact, as_editor: Client) -> None:
    as_editor.post(edit_url(contact), shown(as_editor, contact) | {"email": ""})
    assert ChannelStatus.objects.get().address == ""


def test_looking_changes_nothing(contact: Contact, as_editor: Client) -> None:
    before = StatusHistory.objects.count()
    assert as_editor.get(edit_url(contact)).status_code == as_editor.head(edit_url(contact)).status_code == 200
    assert StatusHistory.objects.count() == before


def test_the_same_request_twice_changes_once(contact: Contact, as_editor: Client) -> None:
    form = shown(as_editor, contact) | {"key": "K-2", "email": "ada@example.com"}
    first = as_editor.post(edit_url(contact), form)
    second = as_editor.post(edit_url(contact), form)
    assert first.status_code == second.status_code == 302
    assert StatusHistory.objects.exclude(reason="created").count() == 2


def test_only_those_who_may(
    client: Client, contact: Contact, viewer: User, stranger: User, other_project: Project
) -> None:
    for user, status in ((viewer, 403), (stranger, 404)):
        client.force_login(user)
        assert client.get(edit_url(contact)).status_code == status
        assert client.post(edit_url(contact), {"key": "stolen"}).status_code == status
    through = reverse("contacts:contact_edit", args=[other_project.slug, contact.pk])
    assert client.post(through, {"key": "stolen"}).status_code == 404
    contact.refresh_from_db()
    assert contact.key == "K-1"


@pytest.mark.parametrize("number", [0, 999_999, 2**63, 10**30])
def test_unknown_contacts_are_not_found(project: Project, as_editor: Client, number: int) -> None:
    assert as_editor.get(f"/p/{project.slug}/contacts/{number}/edit/").status_code == 404


def test_a_taken_key_leaves_everything_as_it_was(contact: Contact, project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, key="K-2")
    entries = StatusHistory.objects.count()
    response = as_editor.post(
        edit_url(contact), shown(as_editor, contact) | {"key": "K-2", "last_name": "King", "email": "new@example.org"}
    )
    assert "Another contact of this project has this key already." in response.content.decode()
    contact.refresh_from_db()
    assert (contact.key, contact.last_name) == ("K-1", "Lovelace")
    assert ChannelStatus.objects.get(contact=contact).address == "ada@example.org"
    assert StatusHistory.objects.count() == entries


@pytest.mark.parametrize("is_address", [True, False])
def test_a_change_of_somebody_else_meanwhile_is_shown_and_what_was_typed_stays(
    contact: Contact, as_editor: Client, is_address: bool
) -> None:
    form = shown(as_editor, contact) | {"last_name": "King"}
    if is_address:
        change_address(contact, Channel.EMAIL, "meanwhile@example.org", origin=by_the_system())
    else:
        update_details(contact, Details(first_name="Meanwhile", last_name="Lovelace"))
    response = as_editor.post(edit_url(contact), form)
    page = response.content.decode()
    assert "Something changed since you looked." in page and "King" in page
    assert ("<dd>meanwhile@example.org</dd>" if is_address else "<dd>Meanwhile</dd>") in page
    contact.refresh_from_db()
    assert contact.last_name == "Lovelace"
    digest = re.search(r'name="digest" value="(\w+)"', page)
    assert digest and digest[1] == particulars_of(contact).digest
    assert as_editor.post(edit_url(contact), form | {"digest": digest[1]}).status_code == 302
    contact.refresh_from_db()
    assert (contact.first_name, contact.last_name) == ("Ada", "King")
    assert ChannelStatus.objects.get().address == "ada@example.org"


@pytest.mark.parametrize("digest", ["", "x" * 64, "x" * 5_000, "\x00"])
def test_a_form_without_its_digest_saves_nothing(contact: Contact, as_editor: Client, digest: str) -> None:
    response = as_editor.post(edit_url(contact), shown(as_editor, contact) | {"last_name": "King", "digest": digest})
    assert response.status_code == 200
    contact.refresh_from_db()
    assert contact.last_name == "Lovelace"


def test_a_block_on_a_new_address_is_said_and_on_the_old_one_not_again(
    contact: Contact, project: Project, as_editor: Client
) -> None:
    BlockFactory(organization=project.organization, address="listed@example.org")
    form = shown(as_editor, contact) | {"email": "listed@example.org"}
    changed, *warnings = said(as_editor.post(edit_url(contact), form))
    assert changed == "The changes are saved."
    assert [text.partition(" since ")[0] for text in warnings] == ["Email: this address is on the suppression list"]
    again = shown(as_editor, contact) | {"last_name": "King", "request_id": str(uuid.uuid4())}
    assert said(as_editor.post(edit_url(contact), again))[-1] == "The changes are saved."


def test_what_is_held_and_would_not_be_taken_today_stays(contact: Contact, as_editor: Client) -> None:
    Contact.objects.update(language="Anglais", attributes={"Tags": ["a", "b"]})
    ChannelStatus.objects.update(address="not an address", address_key="not an address")
    form = shown(as_editor, contact) | {"first_name": "Augusta"}
    assert as_editor.post(edit_url(contact), form).status_code == 302
    contact.refresh_from_db()
    assert (contact.first_name, contact.language) == ("Augusta", "Anglais")


def test_names_cannot_write_the_page(project: Project, as_editor: Client) -> None:
    contact = ContactFactory(project=project, last_name='"><script>alert(1)</script>', notes="</textarea><b>")
    page = as_editor.get(edit_url(contact)).content.decode()
    assert "<script>alert" not in page and "</textarea><b>" not in page
