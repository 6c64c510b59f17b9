"""One entry of the opt-in history with its proof, and taking it back."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType, Consent, ConsentHistory, Form
from consent.services.consents import grant, withdraw
from consent.services.undo import undo
from consent.vocabulary import Word
from contacts.models import Contact, Project, User
from contacts.origin import Actor, Said
from contacts.services.merging import merge
from contacts.vocabulary import ActorKind
from tests.consent.saying import by_form, by_import
from tests.factories import CommunicationTypeFactory, ContactFactory
from tests.origins import ADMIN, asked, by, days_ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1", email="amelie@example.org")


@pytest.fixture
def offers(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, name="Offers", slug="offers", accepts_implied=True)


def last(contact: Contact) -> ConsentHistory:
    return ConsentHistory.objects.filter(contact=contact).latest("pk")


def url(entry: ConsentHistory, action: str = "") -> str:
    return f"/p/newsletter/contacts/{entry.contact_id}/consents/entries/{entry.pk}/{action}"


def clicked(user: User) -> Actor:
    return Actor(ActorKind.USER, user.pk, user.get_full_name(), 1)


def test_a_viewer_sees_all_of_the_proof(
    client: Client, contact: Contact, offers: CommunicationType, project: Project, viewer: User
) -> None:
    form = Form.objects.create(project=project, slug="join", name="Join us")
    evidence = {
        "form": form.pk, "version": 3, "wording": "I agree to offers.", "language": "fr",
        "page": "https://museum.example.org/join", "ip": "198.51.100.7", "user_agent": "Firefox/145",
    }  # fmt: skip
    grant(contact.as_set(), offers, "email", origin=by_form(evidence=evidence))
    client.force_login(viewer)
    page = client.get(url(last(contact))).content.decode()
    for shown in ("Join us", "I agree to offers.", "198.51.100.7", "Firefox/145", "museum.example.org/join"):
        assert shown in page
    assert "Agreed to Offers by email" in page
    assert "From “No consent” to “Express consent”." in page
    assert "/undo/" not in page


def test_both_clocks_stand_there(client: Client, contact: Contact, offers: CommunicationType, viewer: User) -> None:
    said = {contact.pk: Said(occurred_at=days_ago(400), line=12)}
    grant(contact.as_set(), offers, "email", origin=by_import(), said=said)
    client.force_login(viewer)
    page = client.get(url(last(contact))).content.decode()
    day = timezone.localtime(days_ago(400), contact.project.zone)
    assert f"{day.day} {day:%B} {day.year}" in page
    assert "Recorded" in page


def test_a_grant_that_lifts_nothing_says_so(
    client: Client, contact: Contact, offers: CommunicationType, viewer: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=asked())
    grant(contact.as_set(), offers, "email", origin=by_import())
    client.force_login(viewer)
    assert "Kept, and changed nothing: a withdrawal stands." in client.get(url(last(contact))).content.decode()


def test_a_withdrawal_that_came_too_late_says_so(
    client: Client, contact: Contact, offers: CommunicationType, viewer: User
) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    said = {contact.pk: Said(occurred_at=days_ago(400), line=12)}
    withdraw(contact.as_set(), offers, "email", origin=by_import(), said=said)
    client.force_login(viewer)
    page = client.get(url(last(contact))).content.decode()
    assert "Late" in page
    assert "a later word is newer" in page


@pytest.mark.parametrize("number", [0, 10**9, 2**63])
def test_bad_id(client: Client, contact: Contact, editor: User, number: int) -> None:
    client.force_login(editor)
    for action in ("", "undo/"):
        address = f"/p/newsletter/contacts/{contact.pk}/consents/entries/{number}/{action}"
        assert client.get(address).status_code == 404


def test_an_entry_of_another_contact_is_not_found_here(
    client: Client, contact: Contact, project: Project, offers: CommunicationType, viewer: User
) -> None:
    other = ContactFactory(project=project, email="other@example.org")
    grant(other.as_set(), offers, "email", origin=by_form())
    client.force_login(viewer)
    address = f"/p/newsletter/contacts/{contact.pk}/consents/entries/{last(other).pk}/"
    assert client.get(address).status_code == 404


def test_an_entry_of_a_merged_contact_is_found_under_the_one_who_stayed(
    client: Client, contact: Contact, project: Project, offers: CommunicationType, viewer: User
) -> None:
    other = ContactFactory(project=project, first_name="Emily", email="other@example.org")
    grant(other.as_set(), offers, "email", origin=by_form())
    before = last(other)
    merge(contact, other, origin=by(ADMIN))
    client.force_login(viewer)
    address = f"/p/newsletter/contacts/{contact.pk}/consents/entries/{before.pk}/"
    assert "Emily" in client.get(address).content.decode()
    tab = client.get(f"/p/newsletter/contacts/{contact.pk}/?tab=consents").content.decode()
    assert f"said of a merged contact in entry {before.pk}" in tab


def test_editor_takes_back_a_slip_of_theirs(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    withdraw(contact.as_set(), offers, "email", origin=asked(clicked(editor)))
    entry = last(contact)
    client.force_login(editor)
    page = client.get(url(entry, "undo/")).content.decode()
    assert f"Undo opt-in entry {entry.pk}?" in page
    assert "No consent" in page
    assert Consent.objects.get(contact=contact).is_withdrawn
    number = "7a1b2f6e-6f3a-4a58-9d55-0d3a5a3c9f10"
    for _attempt in range(2):
        client.post(url(entry, "undo/"), {"note": "The wrong Roy.", "request_id": number})
    assert not Consent.objects.get(contact=contact).is_withdrawn
    [void] = ConsentHistory.objects.filter(word=Word.VOID)
    assert (void.voids, void.detail.note, void.actor_label) == (entry.pk, "The wrong Roy.", "Edgar Editor")


def test_undo_says_what_holds_afterwards(
    client: Client, contact: Contact, offers: CommunicationType, editor: User
) -> None:
    grant(contact.as_set(), offers, "email", origin=by_form())
    withdraw(contact.as_set(), offers, "email", origin=asked(clicked(editor)))
    client.force_login(editor)
    assert client.get(url(last(contact), "undo/")).context["undoing"].after == "Express consent"


def test_what_cannot_be_taken_back_says_why(
    client: Client, contact: Contact, offers: CommunicationType, editor: User, admin: User
) -> None:
    client.force_login(editor)

    def told() -> str:
        answer = client.get(url(last(contact), "undo/"))
        assert client.post(url(last(contact), "undo/")).status_code == 403
        return answer.context["undoing"].refusal

    grant(contact.as_set(), offers, "email", origin=by_form())
    assert "through a door of their own" in told()
    withdraw(contact.as_set(), offers, "email", origin=asked(clicked(admin)))
    assert told() == "Only who did this or an admin may take it back."
    withdraw(contact.as_set(), offers, "email", origin=asked(clicked(editor)))
    entry = last(contact)
    undo(ConsentHistory.objects.filter(pk=entry.pk), origin=by(ADMIN))
    assert "cannot be taken back itself" in told()
    client.force_login(editor)
    assert "taken back already" in client.get(url(entry, "undo/")).context["undoing"].refusal


def test_queries_do_not_grow(client: Client, contact: Contact, offers: CommunicationType, editor: User) -> None:
    client.force_login(editor)
    grant(contact.as_set(), offers, "email", origin=by_form())
    sizes = []
    for _more in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(url(last(contact)))
        sizes.append(len(queries))
        for _entry in range(4):
            grant(contact.as_set(), offers, "email", origin=by_form())
    assert sizes[0] == sizes[1]
