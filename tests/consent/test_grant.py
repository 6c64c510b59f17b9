"""The page that grants a consent by hand, with its proof."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentHistory
from consent.services.consents import grant, withdraw
from consent.vocabulary import Basis, ImpliedBy, Word
from contacts.models import Contact, Project, User
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import Method, Reason, Weight
from tests.consent.saying import by_form
from tests.factories import CommunicationTypeFactory, ContactFactory, today
from tests.origins import asked, by_complaint, by_link

pytestmark = pytest.mark.django_db
PROOF = {"basis": "express", "source": "verbal", "reference": "Ticket 5521"}


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1", email="amelie@example.org")


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", slug="offers", accepts_implied=True)


def url(contact: Contact, topic: CommunicationType, channel: str = "email", *, action: str = "grant") -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/consents/{topic.pk}/{channel}/{action}/"


def proof(**fields: Any) -> dict[str, Any]:
    return {**PROOF, "obtained_on": today().isoformat(), **fields}


def consent(contact: Contact) -> Consent:
    return Consent.objects.get(contact=contact, channel="email")


def grants(contact: Contact) -> list[ConsentHistory]:
    return list(ConsentHistory.objects.filter(contact=contact, word=Word.GRANTED).order_by("pk"))


def test_editor_grants_express_consent(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    response = client.post(url(contact, offers), proof(note="On the telephone."))
    assert response.status_code == 302
    assert response["Location"] == f"{contact.get_absolute_url()}?tab=consents#tab"
    assert consent(contact).is_express
    [message] = get_messages(response.wsgi_request)
    assert "Express consent is recorded." in str(message)
    assert "/undo/" in str(message)
    assert "Amélie" not in str(message)


def test_history_names_who_when_why(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    day = today() - timedelta(days=3)
    client.post(url(contact, offers), proof(obtained_on=day.isoformat(), note="On the telephone."))
    [entry] = grants(contact)
    assert (entry.method, entry.reason, entry.weight) == (Method.MANUAL, Reason.AUTHORIZED, Weight.REPORTED)
    assert (entry.actor_label, entry.authorization_source, entry.authorization_on) == ("Edgar Editor", "verbal", day)
    assert (entry.detail.authorization_reference, entry.detail.note) == ("Ticket 5521", "On the telephone.")
    assert timezone.now() - entry.occurred_at < timedelta(minutes=1)


def test_implied_consent_says_when_it_ends(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    bought = today() - timedelta(days=10)
    response = client.post(
        url(contact, offers),
        {"basis": "implied", "implied_by": "purchase", "day": bought.isoformat(), "note": "Order 20418"},
    )
    assert response.status_code == 302
    [entry] = grants(contact)
    assert (entry.basis, entry.implied_by, entry.detail.note) == (Basis.IMPLIED, ImpliedBy.PURCHASE, "Order 20418")
    assert entry.implied_until is not None
    assert entry.implied_until.astimezone(contact.project.zone).year == bought.year + 2
    [message] = get_messages(response.wsgi_request)
    assert f"It ends on {bought.day} {bought:%B} {bought.year + 2}." in str(message)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"basis": "express"}, "Say how the contact said so."),
        ({"basis": "express"}, "Say where the proof can be found"),
        ({"basis": "express", "obtained_on": "2999-01-01"}, "in the future"),
        ({"basis": "maybe"}, "Choose one of these."),
        ({"basis": "implied"}, "Say what implies the consent."),
        ({"basis": "implied", "implied_by": "purchase"}, "Enter its date"),
        ({"basis": "implied", "implied_by": "purchase", "day": "2015-05-05", "note": "x"}, "ended on 5 May 2017"),
        ({"basis": "implied", "implied_by": "purchase", "day": "2999-05-05", "note": "x"}, "in the future"),
        ({"basis": "implied", "implied_by": "membership", "day": "9999-05-05", "note": "x"}, "too far away"),
        ({"basis": "implied", "implied_by": "other", "day": "2026-01-05", "note": "x"}, "Enter the last day of it"),
        ({"basis": "implied", "implied_by": "love", "day": "2026-01-05", "note": "x"}, "Choose one of these."),
        ({"basis": "express", "source": "verbal", "reference": "a\x00b"}, "characters"),
        ({"basis": "express", "source": "verbal", "reference": "x" * 501}, "500"),
    ],
)
def test_what_is_missing_or_wrong_is_told_at_its_field(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, fields: dict[str, str], complaint: str
) -> None:
    client.force_login(editor)
    response = client.post(url(contact, offers), fields)
    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert not grants(contact)


def test_emoji_and_other_scripts_are_kept(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    client.post(url(contact, offers), proof(reference="كتاب 🎟"))
    assert grants(contact)[0].detail.authorization_reference == "كتاب 🎟"


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, method: str
) -> None:
    client.force_login(editor)
    assert getattr(client, method)(url(contact, offers)).status_code == 200
    assert not ConsentHistory.objects.exists()
    assert not Consent.objects.exists()


def test_same_request_twice_adds_one_entry(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    client.force_login(editor)
    number = str(client.get(url(contact, offers)).context["form"]["request_id"].value())
    for _attempt in range(2):
        assert client.post(url(contact, offers), proof(request_id=number)).status_code == 302
    assert len(grants(contact)) == 1


def test_a_type_that_needs_express_consent_offers_nothing_else(
    client: Client, contact: Contact, project: Project, editor: User
) -> None:
    topic = CommunicationTypeFactory(project=project)
    client.force_login(editor)
    assert 'value="implied"' not in client.get(url(contact, topic)).content.decode()
    client.post(url(contact, topic), {"basis": "implied", "implied_by": "purchase", "day": "2026-11-01", "note": "x"})
    assert not grants(contact)


def test_editor_lifts_a_withdrawal_that_was_written_down(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=asked(note="No more offers."))
    client.force_login(editor)
    page = client.get(url(contact, offers))
    assert "This contact withdrew." in page.content.decode()
    assert "No more offers." in page.content.decode()
    assert 'value="implied"' not in page.content.decode()
    client.post(url(contact, offers), proof(shown=page.context["granting"].shown))
    assert not consent(contact).is_withdrawn
    assert consent(contact).is_express


def test_editor_may_not_lift_the_contacts_own_withdrawal(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, admin: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=by_link())
    client.force_login(editor)
    page = client.get(url(contact, offers)).content.decode()
    assert "Only an admin may lift this withdrawal" in page
    assert "Ask Ada Admin." in page
    refused = client.post(url(contact, offers), proof())
    assert refused.status_code == 403
    assert consent(contact).is_withdrawn
    assert not grants(contact)
    client.force_login(admin)
    shown = client.get(url(contact, offers)).context["granting"].shown
    assert client.post(url(contact, offers), proof(shown=shown)).status_code == 302
    assert not consent(contact).is_withdrawn


def test_only_an_admin_of_the_organization_lifts_a_complaint(
    client: Client, contact: Contact, offers: CommunicationType, admin: User, organization_admin: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=by_complaint())
    client.force_login(admin)
    page = client.get(url(contact, offers)).content.decode()
    assert "Only an admin of the organization may lift this withdrawal" in page
    assert "Ask Olga Owner." in page
    assert client.post(url(contact, offers), proof()).status_code == 403
    client.force_login(organization_admin)
    shown = client.get(url(contact, offers)).context["granting"].shown
    assert client.post(url(contact, offers), proof(shown=shown)).status_code == 302
    assert consent(contact).is_express


def test_a_withdrawal_that_came_after_the_look_is_not_lifted(
    client: Client, contact: Contact, offers: CommunicationType, admin: User
) -> None:
    client.force_login(admin)
    shown = client.get(url(contact, offers)).context["granting"].shown
    withdraw(contact.as_set(), offers, "email", origin=by_link())
    answer = client.post(url(contact, offers), proof(shown=shown))
    assert "Something changed since you looked." in answer.content.decode()
    assert consent(contact).is_withdrawn


def test_an_authorization_older_than_the_withdrawal_is_refused(
    client: Client, contact: Contact, offers: CommunicationType, admin: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=by_link())
    client.force_login(admin)
    shown = client.get(url(contact, offers)).context["granting"].shown
    answer = client.post(url(contact, offers), proof(obtained_on="2020-01-01", shown=shown))
    assert "The contact said no after that date." in answer.content.decode()
    assert consent(contact).is_withdrawn


def test_page_says_what_consent_does_not_change(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    opt_out(contact.as_set(), "email", origin=by_link())
    client.force_login(editor)
    page = client.get(url(contact, offers)).content.decode()
    assert "Opted out of email" in page
    assert "Consent alone does not lift these" in page


@pytest.mark.parametrize("action", ["grant", "withdraw"])
def test_nothing_of_administrative_archived_or_foreign_types(
    client: Client, contact: Contact, project: Project, other_project: Project, editor: User, action: str
) -> None:
    client.force_login(editor)
    receipts = CommunicationTypeFactory(project=project, administrative=True)
    archived = CommunicationTypeFactory(project=project, archived_at=timezone.now())
    foreign = CommunicationTypeFactory(project=other_project)
    by_email = CommunicationTypeFactory(project=project, channels=["email"])
    for topic in (receipts, archived, foreign):
        assert client.get(url(contact, topic, action=action)).status_code == 404
        assert client.post(url(contact, topic, action=action), proof()).status_code == 404
    assert client.get(url(contact, by_email, "sms", action=action)).status_code == 404
    assert client.get(url(contact, by_email, "pigeon", action=action)).status_code == 404
    assert not ConsentHistory.objects.exists()


def test_queries_do_not_grow(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    grant(contact.as_set(), offers, "email", origin=by_form())
    withdraw(contact.as_set(), offers, "email", origin=asked())
    with CaptureQueriesContext(
        connection,
    ) as few:
        client.get(url(contact, offers))
    for _more in range(3):
        grant(contact.as_set(), offers, "email", origin=by_form())
        withdraw(contact.as_set(), offers, "email", origin=asked())
    with CaptureQueriesContext(connection) as many:
        client.get(url(contact, offers))
    assert len(few) == len(many)
