"""The page that takes an entry back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from contacts.access import access_for
from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Authorization, Origin
from contacts.services.opt_outs import opt_out
from contacts.services.status import activate, deactivate
from contacts.vocabulary import Aspect, AuthorizationSource, Method, Reason
from tests.factories import ContactFactory, by_the_system


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", key="HM-1", email="amelie@example.org")


def slip(contact: Contact, user: User, **fields: Any) -> StatusHistory:
    """The entry of a deactivation that this user clicked."""
    origin = access_for(user, contact.project.slug).origin(**{"reason": Reason.VERBAL_REQUEST, **fields})
    deactivate(contact.as_set(), origin=origin)
    return StatusHistory.objects.get(request_id=origin.request_id)


def url(entry: StatusHistory) -> str:
    assert entry.project is not None
    return f"/p/{entry.project.slug}/history/{entry.pk}/undo/"


def is_active(contact: Contact) -> bool:
    return Contact.objects.get(pk=contact.pk).is_active


def voids(entry: StatusHistory) -> int:
    return StatusHistory.objects.filter(voids=entry.pk).count()


def test_editor_takes_back_their_slip(client: Client, contact: Contact, editor: User) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    response = client.post(url(entry))
    assert response["Location"] == contact.get_absolute_url()
    assert is_active(contact)
    [message] = map(str, get_messages(response.wsgi_request))
    assert message == "Taken back. Both entries stay in the status history."


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    client.post(url(entry), {"note": "The wrong Amélie"})
    void = StatusHistory.objects.get(voids=entry.pk)
    assert (void.actor_number, void.method, void.reason) == (editor.pk, Method.MANUAL, Reason.SLIP)
    assert void.detail.note == "The wrong Amélie"
    assert (void.from_value, void.to_value) == ("inactive", "active")


def test_admin_takes_back_what_an_editor_did(client: Client, contact: Contact, editor: User, admin: User) -> None:
    entry = slip(contact, editor)
    client.force_login(admin)
    client.post(url(entry))
    assert is_active(contact)


def test_page_shows_the_entry_and_what_holds_afterwards(client: Client, contact: Contact, editor: User) -> None:
    entry = slip(contact, editor, note="Rang on Monday")
    client.force_login(editor)
    page = client.get(url(entry)).content.decode()
    assert f"Undo entry {entry.pk}?" in page
    assert "Rang on Monday" in page
    assert "The contact is active." in page


def test_page_says_when_another_no_stands(client: Client, contact: Contact, editor: User) -> None:
    deactivate(contact.as_set(), origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    entry = slip(contact, editor)
    client.force_login(editor)
    assert "The contact is inactive: an earlier no stands." in client.get(url(entry)).content.decode()
    client.post(url(entry))
    assert not is_active(contact)


def test_an_activation_is_taken_back_with_the_opt_outs_that_it_covered(
    client: Client, contact: Contact, admin: User
) -> None:
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    deactivate(contact.as_set(), origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    origin = access_for(admin, contact.project.slug).origin(reason=Reason.AUTHORIZED)
    today = timezone.now().astimezone(contact.project.zone).date()
    covering = Authorization(AuthorizationSource.VERBAL, "Ticket 5521", today, frozenset({"email"}))
    activate(contact.as_set(), origin=origin, authorization=covering)
    assert is_active(contact)
    entry = StatusHistory.objects.get(request_id=origin.request_id, aspect=Aspect.ACTIVE)
    client.force_login(admin)
    page = client.get(url(entry)).content.decode()
    assert "These 2 entries of the same click are taken back" in page
    assert "The contact is opted out of email." in page
    client.post(url(entry))
    assert not is_active(contact)
    assert ChannelStatus.objects.get(contact=contact, channel="email").opted_out


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(client: Client, contact: Contact, editor: User, method: str) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    assert getattr(client, method)(url(entry)).status_code == 200
    assert not is_active(contact)
    assert not voids(entry)


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, editor: User) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    number = str(client.get(url(entry)).context["form"]["request_id"].value())
    for _attempt in range(2):
        assert client.post(url(entry), {"request_id": number}).status_code == 302
    assert voids(entry) == 1


def refused(client: Client, entry: StatusHistory, words: str) -> None:
    page = client.get(url(entry))
    assert page.status_code == 200
    assert words in page.content.decode()
    assert 'type="submit" class="btn' not in page.content.decode()
    answer = client.post(url(entry))
    assert answer.status_code == 403
    assert words in answer.content.decode()


def test_taken_back_already(client: Client, contact: Contact, editor: User) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    client.post(url(entry))
    void = StatusHistory.objects.get(voids=entry.pk)
    refused(client, entry, f"This was taken back already, by entry {void.pk}.")
    refused(client, void, "An entry that takes another one back cannot be taken back itself.")
    assert voids(entry) == 1


def test_the_contacts_own_act(client: Client, contact: Contact, admin: User) -> None:
    origin = Origin(Method.OPT_OUT_LINK, THE_CONTACT)
    deactivate(contact.as_set(), origin=origin)
    client.force_login(admin)
    refused(client, StatusHistory.objects.get(request_id=origin.request_id), "The contact, or a server that answered")
    assert not is_active(contact)


def test_somebody_elses_slip(client: Client, contact: Contact, editor: User, admin: User) -> None:
    entry = slip(contact, admin)
    client.force_login(editor)
    refused(client, entry, "Only who did this or an admin may take it back.")
    assert not is_active(contact)


def test_values_are_changed_again_instead(client: Client, contact: Contact, admin: User) -> None:
    client.force_login(admin)
    for aspect in (Aspect.ADDRESS, Aspect.ACTIVE):  # the address, and the contact's creation
        entry = StatusHistory.objects.get(contact=contact, aspect=aspect)
        refused(client, entry, "Only a change of status can be taken back.")


def test_after_24_hours_it_is_too_late(client: Client, contact: Contact, editor: User) -> None:
    long_ago = timezone.now() - timedelta(hours=24, minutes=1)
    entry = StatusHistory.objects.get(pk=_written_at(slip(contact, editor), long_ago))
    client.force_login(editor)
    refused(client, entry, "This is more than 24 hours old.")


def _written_at(entry: StatusHistory, moment: Any) -> int:
    """The number of a copy of the entry that was recorded at another moment: entries themselves never change."""
    entry.pk = None
    entry.request_id = by_the_system().request_id
    entry.occurred_at = entry.recorded_at = moment
    entry.save(force_insert=True)
    return entry.pk


def test_viewer_is_refused(client: Client, contact: Contact, editor: User, viewer: User) -> None:
    entry = slip(contact, editor)
    client.force_login(viewer)
    assert client.get(url(entry)).status_code == 403
    assert client.post(url(entry)).status_code == 403
    assert not is_active(contact)


def test_stranger_finds_nothing(
    client: Client, contact: Contact, editor: User, stranger: User, other_project: Project
) -> None:
    entry = slip(contact, editor)
    client.force_login(stranger)
    assert client.get(url(entry)).status_code == 404
    assert client.post(url(entry)).status_code == 404
    assert client.post(f"/p/{other_project.slug}/history/{entry.pk}/undo/").status_code == 404
    assert not is_active(contact)


@pytest.mark.parametrize("number", ["0", str(2**62), str(2**63), "9" * 40])
def test_bad_id(client: Client, project: Project, admin: User, number: str) -> None:
    client.force_login(admin)
    assert client.get(f"/p/{project.slug}/history/{number}/undo/").status_code == 404
    assert client.post(f"/p/{project.slug}/history/{number}/undo/").status_code == 404


def test_viewer_finds_nothing_where_there_is_nothing(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(f"/p/{project.slug}/history/{2**62}/undo/").status_code == 404


@pytest.mark.parametrize("note", ["a\x00b", "x" * 2001])
def test_a_note_that_cannot_be_stored(client: Client, contact: Contact, editor: User, note: str) -> None:
    entry = slip(contact, editor)
    client.force_login(editor)
    response = client.post(url(entry), {"note": note})
    assert response.status_code == 200
    assert "Error:" in response.content.decode()
    assert not voids(entry)


def test_undo_of_an_erased_contacts_entry_is_not_found(client: Client, contact: Contact, admin: User) -> None:
    from contacts.services.erasure import erase

    entry = slip(contact, admin)
    client.force_login(admin)
    erase(contact.as_set(), origin=by_the_system(), requested_by_contact=False)
    assert client.get(url(entry)).status_code == 404


def test_queries_do_not_grow(client: Client, contact: Contact, editor: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    entry = slip(contact, editor)
    client.force_login(editor)
    with django_assert_max_num_queries(30) as few:
        client.get(url(entry))
    for _times in range(20):
        slip(contact, editor)
    with django_assert_max_num_queries(len(few)):
        client.get(url(entry))
