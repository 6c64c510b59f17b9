"""The page that withdraws a consent by hand."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.consents import grant, withdraw
from consent.vocabulary import Word
from contacts.models import Contact, Project, User
from contacts.vocabulary import Method, Reason, Weight
from tests.consent.saying import by_form
from tests.consent.test_grant import url
from tests.factories import CommunicationTypeFactory, ContactFactory, today
from tests.origins import by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1", email="amelie@example.org")


@pytest.fixture
def offers(project: Project, contact: Contact) -> CommunicationType:
    topic: CommunicationType = CommunicationTypeFactory(project=project, name="Offers", slug="offers")
    grant(contact.as_set(), topic, "email", origin=by_form())
    return topic


def noes(contact: Contact) -> list[ConsentHistory]:
    return list(ConsentHistory.objects.filter(contact=contact, word=Word.WITHDRAWN).order_by("pk"))


def page_of(contact: Contact, offers: CommunicationType) -> str:
    return url(contact, offers, action="withdraw")


def test_editor_withdraws(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    response = client.post(page_of(contact, offers), {"reason": "verbal_request"})
    assert response["Location"] == f"{contact.get_absolute_url()}?tab=consents#tab"
    assert Consent.objects.get(contact=contact).is_withdrawn
    [message] = get_messages(response.wsgi_request)
    assert "/undo/" in str(message)


def test_history_names_who_when_why(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    fields = {"reason": "written_request", "note": "Letter of 3 May", "requested_on": "2020-05-03"}
    client.post(page_of(contact, offers), fields)
    [entry] = noes(contact)
    assert (entry.method, entry.reason, entry.weight) == (Method.MANUAL, Reason.WRITTEN_REQUEST, Weight.REPORTED)
    assert (entry.actor_label, entry.requested_on) == ("Edgar Editor", date(2020, 5, 3))
    assert entry.detail.note == "Letter of 3 May"


def test_date_of_the_request_is_today_where_none_is_given(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    client.post(page_of(contact, offers), {"reason": "verbal_request"})
    assert noes(contact)[0].requested_on == today()


def test_a_mistake_needs_a_note_and_still_weighs_as_a_withdrawal(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    assert "Say what went wrong" in client.post(page_of(contact, offers), {"reason": "corrected"}).content.decode()
    assert not noes(contact)
    client.post(page_of(contact, offers), {"reason": "corrected", "note": "The wrong Roy."})
    [entry] = noes(contact)
    assert (entry.reason, entry.weight, entry.requested_on) == (Reason.CORRECTED, Weight.REPORTED, None)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({}, "Say whether the contact asked for it."),
        ({"reason": "mood"}, "Choose one of these reasons."),
        ({"reason": "verbal_request", "requested_on": "2999-01-01"}, "in the future"),
        ({"reason": "verbal_request", "requested_on": "yesterday"}, "Enter a date like 2026-11-24."),
        ({"reason": "verbal_request", "note": "a\x00b"}, "characters"),
    ],
)
def test_what_is_wrong_is_told(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, fields: dict[str, str], complaint: str
) -> None:
    client.force_login(editor)
    response = client.post(page_of(contact, offers), fields)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not noes(contact)


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, method: str
) -> None:
    client.force_login(editor)
    assert getattr(client, method)(page_of(contact, offers)).status_code == 200
    assert not noes(contact)


def test_same_request_twice_adds_one_entry(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    number = str(client.get(page_of(contact, offers)).context["form"]["request_id"].value())
    for _attempt in range(2):
        client.post(page_of(contact, offers), {"reason": "verbal_request", "request_id": number})
    assert len(noes(contact)) == 1


def test_another_request_is_recorded_and_its_page_says_what_stands(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=by_link(evidence={"message": "Spring offers"}))
    client.force_login(editor)
    page = client.get(page_of(contact, offers)).content.decode()
    assert "This contact withdrew already." in page
    assert "Spring offers" in page
    client.post(page_of(contact, offers), {"reason": "verbal_request"})
    assert len(noes(contact)) == 2


def test_who_never_agreed_can_say_no_as_well(
    client: Client, project: Project, offers: CommunicationType, editor: User
) -> None:
    other = ContactFactory(project=project, email="other@example.org")
    client.force_login(editor)
    client.post(page_of(other, offers), {"reason": "verbal_request"})
    assert Consent.objects.get(contact=other).is_withdrawn
    assert today() - noes(other)[0].occurred_at.date() <= timedelta(days=1)
