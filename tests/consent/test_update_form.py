"""An update form, which a contact comes to by the link in a message."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client

from consent.models import CommunicationType, ConsentHistory, MailedLink
from consent.tokens import token_for
from consent.vocabulary import FormKind, Word
from contacts.eligibility import Question, verdicts
from contacts.models import ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.services.erasure import erase
from contacts.services.register import change_address
from contacts.services.status import return_themselves
from contacts.vocabulary import Channel, Method, Reason
from tests.consent.forms import form_of, submission
from tests.factories import CommunicationTypeFactory, ContactFactory

pytestmark = pytest.mark.django_db
PAGE = "/f/our-news/"


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project, email="ada@example.org", first_name="Adah", last_name="Lovelace", language="en"
    )


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Newsletter")


@pytest.fixture
def quick(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Quick", double_opt_in=False)


def token_of(contact: Contact) -> str:
    return token_for(ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL))


def update_form(project: Project, *topics: CommunicationType) -> dict[str, object]:
    version = form_of(project, *topics, kind=FormKind.UPDATE)
    return submission(version, email=None)


def test_it_shows_nothing_of_the_contact(client: Client, project: Project, contact: Contact) -> None:
    update_form(project)
    page = client.get(f"{PAGE}?t={token_of(contact)}").text

    assert "First name" in page and "Stop everything" in page
    for secret in ("Adah", "Lovelace", "ada@example.org"):
        assert secret not in page
    assert f'name="t" value="{token_of(contact)}"' in page
    assert f"?t={token_of(contact)}&amp;lang=fr" in page


@pytest.mark.parametrize("way", ["none", "cut", "other_project", "moved", "erased", "garbage"])
def test_it_needs_the_link_of_who_has_the_address(
    client: Client, project: Project, other_project: Project, contact: Contact, way: str
) -> None:
    sent = update_form(project)
    token = token_of(contact)
    if way == "none":
        token = ""
    elif way == "cut":
        token = token[:-3]
    elif way == "other_project":
        token = token_of(ContactFactory(project=other_project, email="ada@example.org"))
    elif way == "garbage":
        token = "\0é" * 400
    elif way == "moved":
        origin = Origin(Method.MANUAL, THE_CONTACT, Reason.CORRECTED)
        change_address(contact, Channel.EMAIL, "new@example.org", origin=origin)
    else:
        erase(contact.as_set(), origin=Origin(Method.MANUAL, THE_CONTACT), requested_by_contact=False)

    assert "needs to know who you are" in client.get(PAGE, {"t": token}).text
    response = client.post(PAGE, {**sent, "t": token, "first_name": "Ada"})
    assert response.status_code == 400 and "needs to know who you are" in response.text
    assert not Contact.objects.filter(first_name="Ada").exists()


def test_details_are_replaced_by_what_was_typed(client: Client, project: Project, contact: Contact) -> None:
    sent = update_form(project)
    response = client.post(PAGE, {**sent, "t": token_of(contact), "first_name": "Ada", "language": "fr"})

    contact.refresh_from_db()
    assert response.status_code == 200 and "Saved" in response.text
    assert (contact.first_name, contact.last_name, contact.language) == ("Ada", "Lovelace", "fr")
    assert "Lovelace" not in response.text


def test_what_needs_a_confirmation_is_asked_of_the_address(
    client: Client, project: Project, contact: Contact, newsletter: CommunicationType, quick: CommunicationType
) -> None:
    sent = update_form(project, newsletter, quick)
    boxes = {f"send-{topic.pk}-email": "on" for topic in (newsletter, quick)}
    client.post(PAGE, {**sent, "t": token_of(contact), **boxes})

    words = dict(ConsentHistory.objects.values_list("communication_type", "word"))
    assert words == {newsletter.pk: Word.PENDING, quick.pk: Word.GRANTED}
    assert MailedLink.objects.get().contact == contact
    question = Question(Channel.EMAIL, communication_type=quick)
    assert verdicts([contact.pk], question)[contact.pk].sendable


def test_it_stops_everything(client: Client, project: Project, contact: Contact) -> None:
    sent = {**update_form(project), "t": token_of(contact), "stop": "yes", "request_id": str(uuid.uuid4())}
    response = client.post(PAGE, {**sent, "language": "nonsense"})
    entries = StatusHistory.objects.count()
    client.post(PAGE, {**sent, "language": "nonsense"})

    contact.refresh_from_db()
    assert "Stopped" in response.text and not contact.is_active
    assert StatusHistory.objects.count() == entries
    entry = StatusHistory.objects.filter(aspect="active", says="no").get()
    assert (entry.method, entry.weight, entry.actor_kind) == ("form", 2, "contact")
    assert entry.detail.evidence["version"] == 1


def test_a_page_of_before_stops_everything_again_for_who_came_back(
    client: Client, project: Project, contact: Contact
) -> None:
    sent = {**update_form(project), "t": token_of(contact), "stop": "yes", "request_id": str(uuid.uuid4())}
    client.post(PAGE, sent)
    return_themselves(contact.as_set(), ["email"], origin=Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST))
    client.post(PAGE, sent)

    contact.refresh_from_db()
    assert not contact.is_active


def test_nothing_typed(client: Client, project: Project, contact: Contact) -> None:
    sent = update_form(project)
    response = client.post(PAGE, {**sent, "t": token_of(contact)})

    assert response.status_code == 400 and "Type or tick what you would like to change." in response.text


def test_looking_changes_nothing(client: Client, project: Project, contact: Contact) -> None:
    update_form(project)
    before = StatusHistory.objects.count()
    for method in (client.get, client.head):
        method(PAGE, {"t": token_of(contact), "stop": "yes", "first_name": "Ada"})

    contact.refresh_from_db()
    assert contact.is_active and contact.first_name == "Adah" and StatusHistory.objects.count() == before
