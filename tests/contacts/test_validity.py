"""The page that says that an address is not valid, or is after all."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.services.register import set_validity
from contacts.vocabulary import Aspect, Channel, Method
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, email="amelie@example.org")


def url(contact: Contact, channel: str = "email") -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/channels/{channel}/validity/"


def is_valid(contact: Contact) -> bool:
    return ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL).is_valid


def entries(contact: Contact) -> list[StatusHistory]:
    return list(StatusHistory.objects.filter(contact=contact, aspect=Aspect.VALIDITY).order_by("pk"))


def test_editor_marks_an_address_as_not_valid_and_back(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"becomes": "invalid"}, follow=True)
    assert response.redirect_chain == [(contact.get_absolute_url(), 302)]
    assert "The address is marked as not valid." in response.content.decode()
    assert not is_valid(contact)

    assert "as valid?" in client.get(url(contact)).content.decode()
    client.post(url(contact), {"becomes": "valid"})
    assert is_valid(contact)


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact), {"becomes": "invalid", "note": "Misspelled by the caller."})

    [entry] = entries(contact)
    assert (entry.method, entry.actor_number, entry.to_value) == (Method.MANUAL, editor.pk, "invalid")
    assert entry.detail.note == "Misspelled by the caller."


def test_confirmation_changes_nothing(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    assert "Mark amelie@example.org as not valid?" in client.get(url(contact)).content.decode()
    assert client.head(url(contact)).status_code == 200
    assert is_valid(contact) and entries(contact) == []


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, editor: User) -> None:
    """The second click says what the first one said, and does not turn it back."""
    client.force_login(editor)
    once = {"becomes": "invalid", "request_id": str(uuid.uuid4())}
    assert [client.post(url(contact), once).status_code for _click in range(2)] == [302, 302]
    assert len(entries(contact)) == 1 and not is_valid(contact)


@pytest.mark.parametrize(
    "sent",
    [{}, {"becomes": "maybe"}, {"becomes": "invalid", "note": "a\x00"}, {"becomes": "invalid", "note": "é" * 2_001}],
)
def test_bad_input_changes_nothing(client: Client, contact: Contact, editor: User, sent: dict[str, str]) -> None:
    client.force_login(editor)
    page = client.post(url(contact), sent)
    assert page.status_code == 200 and 'role="alert"' in page.content.decode()
    assert is_valid(contact) and entries(contact) == []


def test_without_an_address_there_is_no_page(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    assert client.get(url(contact, "sms")).status_code == 404
    assert client.post(url(contact, "sms"), {"becomes": "invalid"}).status_code == 404


def test_viewer_is_refused(client: Client, contact: Contact, viewer: User) -> None:
    set_validity(contact, Channel.EMAIL, False, origin=by_the_system())
    client.force_login(viewer)
    assert client.get(url(contact)).status_code == 403
    assert client.post(url(contact), {"becomes": "valid"}).status_code == 403
    assert not is_valid(contact)


def test_stranger_and_bad_ids_find_nothing(client: Client, contact: Contact, stranger: User, editor: User) -> None:
    client.force_login(stranger)
    assert client.get(url(contact)).status_code == 404
    client.force_login(editor)
    assert client.get(f"/p/newsletter/contacts/{2**63}/channels/email/validity/").status_code == 404
    assert client.get(url(contact, "pigeon")).status_code == 404
