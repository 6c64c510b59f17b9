"""Adding a contact on the page."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Channel
from tests.factories import BlockFactory, ContactFactory, OrganizationFactory, ProjectFactory, by_the_system

pytestmark = pytest.mark.django_db


def add_url(project: Project) -> str:
    return reverse("contacts:contact_add", args=[project.slug])


@pytest.fixture
def as_editor(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def typed(**fields: Any) -> dict[str, Any]:
    return {"key": "K-1", "request_id": str(uuid.uuid4()), **fields}


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_an_editor_adds_a_contact(project: Project, as_editor: Client) -> None:
    response = as_editor.post(
        add_url(project),
        typed(
            key=" HM-1 ", first_name="Zoë", last_name="O’Leary 🦊", language="fr-CA", email="Zoe@Example.org",
            sms="+1 418 555 0137", push="device", notes="One\r\nTwo",
            attribute_name_0="City", attribute_value_0="Québec", attribute_name_2="Plan", attribute_value_2="Gold",
        ),
    )  # fmt: skip
    contact = Contact.objects.get()
    assert response.status_code == 302 and response["Location"] == contact.get_absolute_url()
    assert (contact.key, contact.first_name, contact.last_name, contact.language, contact.notes, contact.is_active) == (
        "HM-1", "Zoë", "O’Leary 🦊", "fr-CA", "One\nTwo", True,
    )  # fmt: skip
    assert contact.attributes == {"City": "Québec", "Plan": "Gold"}
    assert dict(ChannelStatus.objects.values_list("channel", "address_key")) == {
        "email": "zoe@example.org", "sms": "+14185550137", "push": "device",
    }  # fmt: skip
    assert said(response) == ["The contact was added."]


def test_the_history_names_who_added_whom(project: Project, as_editor: Client, editor: User) -> None:
    as_editor.post(add_url(project), typed(email="zoe@example.org"))
    entries = StatusHistory.objects.order_by("pk")
    assert [(entry.aspect, entry.reason, entry.method, entry.actor_number) for entry in entries] == [
        ("active", "created", "manual", editor.pk),
        ("address", "created", "manual", editor.pk),
    ]


def test_looking_changes_nothing(project: Project, as_editor: Client) -> None:
    assert as_editor.get(add_url(project)).status_code == as_editor.head(add_url(project)).status_code == 200
    assert not Contact.objects.exists()


def test_the_same_request_twice_adds_one(project: Project, as_editor: Client) -> None:
    form = typed(email="zoe@example.org")
    first, second = as_editor.post(add_url(project), form), as_editor.post(add_url(project), form)
    assert first["Location"] == second["Location"]
    assert Contact.objects.count() == 1 and StatusHistory.objects.count() == 2


def test_only_those_who_may(client: Client, project: Project, viewer: User, stranger: User, nobody: User) -> None:
    for user, status in ((viewer, 403), (stranger, 404), (nobody, 404)):
        client.force_login(user)
        assert client.get(add_url(project)).status_code == status
        assert client.post(add_url(project), typed()).status_code == status
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"key": ""}, "Enter a key, for example a customer number."),
        ({"key": "x" * 255}, "at most 254 characters"),
        ({"key": "a\x00b"}, "characters that cannot be stored"),
        ({"last_name": "\x1b[31m"}, "characters that cannot be stored"),
        ({"last_name": "x" * 151}, "at most 150 characters"),
        ({"language": "French"}, "for example fr or en-CA"),
        ({"email": "zoe@"}, "Write it like name@example.org."),
        ({"email": "a" * 400 + "@example.org"}, "at most 320 characters"),
        ({"sms": "call me"}, "like +1 418 555 0137"),
        ({"sms": "418 555 0137"}, "like +1 418 555 0137"),
        ({"push": "a\x07"}, "characters that cannot be stored"),
        ({"attribute_name_0": "", "attribute_value_0": "Québec"}, "Give this value a name, for example “City”."),
        (
            {f"attribute_{part}_{place}": "City" for part in ("name", "value") for place in (0, 1)},
            "This name is there twice.",
        ),
        ({"attribute_name_0": "n" * 101, "attribute_value_0": "v"}, "at most 100 characters"),
        ({"notes": "n" * 10_001}, "at most 10000 characters"),
    ],
)  # fmt: skip
def test_bad_input_is_named_at_its_field_and_what_was_typed_stays(
    project: Project, as_editor: Client, fields: dict[str, str], words: str
) -> None:
    response = as_editor.post(add_url(project), typed(first_name="Stays here", **{"request_id": "x", **fields}))
    html = response.content.decode()
    assert response.status_code == 200
    assert words in html.replace("10,000", "10000"), re.findall(r"field-error.*?</p>", html, re.S)
    assert "Error:" in html and "Stays here" in html
    assert not Contact.objects.exists() and not StatusHistory.objects.exists()


def test_a_taken_key_is_said_at_the_key(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, key="K-1")
    html = as_editor.post(add_url(project), typed(email="zoe@example.org")).content.decode()
    assert "Another contact of this project has this key already." in html and "zoe@example.org" in html
    assert Contact.objects.count() == 1


def test_a_key_of_another_project_is_free(project: Project, other_project: Project, as_editor: Client) -> None:
    ContactFactory(project=other_project, key="K-1")
    assert as_editor.post(add_url(project), typed()).status_code == 302


def test_more_pairs_than_shown_are_kept(project: Project, as_editor: Client) -> None:
    pairs = {f"attribute_{part}_{n}": f"{part}{n}" for n in range(250) for part in ("name", "value")}
    as_editor.post(add_url(project), typed(**pairs))
    assert len(Contact.objects.get().attributes) == 200


def test_known_blocks_are_said_at_once(project: Project, as_editor: Client) -> None:
    BlockFactory(organization=project.organization, address="zoe@example.org")
    opted_out = ContactFactory(project=project, key="before", sms="+14185550137")
    opt_out(opted_out.as_set(), Channel.SMS, origin=by_the_system())
    response = as_editor.post(add_url(project), typed(email="Zoe@example.org", sms="+1 418 555 0137"))
    words = said(response)
    [listed] = [text for text in words if text.startswith("Email: this address is on the suppression list since ")]
    assert listed.endswith("Nothing will be sent to it.")
    assert any(text.startswith("SMS: somebody opted this address out on ") for text in words)
    assert "SMS: another contact of this project has the same address. Blocks on it hold for both." in words
    assert not any("zoe" in text.lower() or "before" in text or "555" in text for text in words)
    assert ChannelStatus.objects.get(contact__key="K-1", channel="email").suppressed


def test_an_inactive_contact_with_the_address_is_said_first(project: Project, as_editor: Client) -> None:
    ContactFactory(project=project, key="partner", email="zoe@example.org")
    silent = ContactFactory(project=project, key="before", email="zoe@example.org")
    deactivate(silent.as_set(), origin=by_the_system())
    words = said(as_editor.post(add_url(project), typed(email="Zoe@example.org")))
    assert (
        "Email: an inactive contact of this project has the same address. If it is the same person, "
        "deactivate this one as well."
    ) in words


def test_known_blocks_are_said_on_a_form_that_is_shown_again(project: Project, as_editor: Client) -> None:
    BlockFactory(organization=project.organization, address="zoe@example.org")
    other = ContactFactory(project=project, last_name="Namesake", email="zoe@example.org")
    html = as_editor.post(add_url(project), typed(key="", email="zoe@example.org")).content.decode()
    assert "Email: this address is on the suppression list since" in html
    assert "another contact of this project has the same address" in html
    assert f'href="{other.get_absolute_url()}">Namesake</a>' in html


def test_nothing_is_told_of_other_projects_and_organizations(project: Project, as_editor: Client) -> None:
    sister = ProjectFactory(organization=project.organization)
    there = ContactFactory(project=sister, email="zoe@example.org")
    opt_out(there.as_set(), Channel.EMAIL, origin=by_the_system())
    BlockFactory(organization=OrganizationFactory(), address="zoe@example.org")
    BlockFactory(organization=project.organization, project=sister, address="zoe@example.org")
    response = as_editor.post(add_url(project), typed(email="zoe@example.org"))
    assert said(response) == ["The contact was added."]
