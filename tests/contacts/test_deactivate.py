"""The page that deactivates a contact."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.utils import timezone

from contacts.models import Contact, Project, StatusHistory, User
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect, Channel, Method, Reason, Weight
from tests.factories import ContactFactory, by_the_system


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project,
        first_name="Amélie",
        last_name="Roy",
        key="HM-1",
        email="amelie@example.org",
        sms="+14185550137",
    )


def url(contact: Contact) -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/deactivate/"


def noes(contact: Contact) -> list[StatusHistory]:
    return list(StatusHistory.objects.filter(contact=contact, aspect=Aspect.ACTIVE, says="no").order_by("pk"))


def test_editor_deactivates(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"reason": "verbal_request"})
    assert response.status_code == 302
    assert response["Location"] == contact.get_absolute_url()
    contact.refresh_from_db()
    assert not contact.is_active
    assert not contact.channel_statuses.filter(contact_active=True).exists()


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact), {"reason": "written_request", "note": "Letter of 3 May", "requested_on": "2020-05-03"})
    [entry] = noes(contact)
    assert (entry.method, entry.reason, entry.weight) == (Method.MANUAL, Reason.WRITTEN_REQUEST, Weight.REPORTED)
    assert (entry.actor_number, entry.actor_label) == (editor.pk, "Edgar Editor")
    assert entry.requested_on == date(2020, 5, 3)
    assert entry.detail.note == "Letter of 3 May"
    assert timezone.now() - entry.occurred_at < timedelta(minutes=1)


def test_date_of_the_request_is_today_in_the_projects_zone(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact), {"reason": "verbal_request"})
    assert noes(contact)[0].requested_on == timezone.now().astimezone(contact.project.zone).date()


def test_our_own_decision_weighs_nothing_and_has_no_date_of_a_request(
    client: Client, contact: Contact, editor: User
) -> None:
    client.force_login(editor)
    client.post(url(contact), {"reason": "other", "note": "Wrong person."})
    [entry] = noes(contact)
    assert (entry.weight, entry.requested_on, entry.detail.note) == (Weight.OURS, None, "Wrong person.")


def test_our_own_decision_needs_a_note(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"reason": "other", "note": "  "})
    assert response.status_code == 200
    assert "Say why, for example" in response.content.decode()
    assert not noes(contact)


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(client: Client, contact: Contact, editor: User, method: str) -> None:
    client.force_login(editor)
    assert getattr(client, method)(url(contact)).status_code == 200
    contact.refresh_from_db()
    assert contact.is_active
    assert not noes(contact)


def test_confirmation_says_what_happens(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    assert "Deactivate Amélie Roy?" in page
    assert "Nothing is sent to this contact any more, on any channel, of any type." in page
    assert "Keep active" in page


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    number = str(client.get(url(contact)).context["form"]["request_id"].value())
    for _attempt in range(2):
        sent = client.post(url(contact), {"reason": "verbal_request", "request_id": number})
        assert sent.status_code == 302
    assert len(noes(contact)) == 1


def test_two_pages_are_two_requests(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    first, second = (client.get(url(contact)).context["form"]["request_id"].value() for _page in range(2))
    assert first != second


def test_a_further_request_of_an_inactive_contact_is_recorded(client: Client, contact: Contact, editor: User) -> None:
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.OTHER))
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    assert "This contact is inactive already." in page
    assert "Record the request" in page
    client.post(url(contact), {"reason": "verbal_request"})
    assert [entry.weight for entry in noes(contact)] == [Weight.OURS, Weight.REPORTED]


def test_message_offers_undo_and_names_nobody(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"reason": "verbal_request"})
    [entry] = noes(contact)
    [message] = map(str, get_messages(response.wsgi_request))
    way_back = f'<a href="/p/newsletter/history/{entry.pk}/undo/">Undo</a>'
    assert message == f"Deactivated. You can take it back within 24 hours. {way_back}"
    assert message in client.get(f"/p/newsletter/history/{entry.pk}/undo/").content.decode()


def test_blocks_and_opt_outs_stay(client: Client, contact: Contact, editor: User) -> None:
    before = list(contact.channel_statuses.order_by("pk").values("address", "opted_out", "suppressed", "quarantined"))
    client.force_login(editor)
    client.post(url(contact), {"reason": "verbal_request"})
    after = list(contact.channel_statuses.order_by("pk").values("address", "opted_out", "suppressed", "quarantined"))
    assert after == before


def test_viewer_is_refused(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(url(contact)).status_code == 403
    assert client.post(url(contact), {"reason": "verbal_request"}).status_code == 403
    contact.refresh_from_db()
    assert contact.is_active


def test_stranger_finds_nothing(client: Client, contact: Contact, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(url(contact)).status_code == 404
    assert client.post(url(contact), {"reason": "verbal_request"}).status_code == 404
    contact.refresh_from_db()
    assert contact.is_active


def test_contact_of_another_project_is_not_found(
    client: Client, contact: Contact, stranger: User, other_project: Project
) -> None:
    client.force_login(stranger)
    response = client.post(f"/p/{other_project.slug}/contacts/{contact.pk}/deactivate/", {"reason": "verbal_request"})
    assert response.status_code == 404
    contact.refresh_from_db()
    assert contact.is_active


@pytest.mark.parametrize("number", ["0", str(2**62), str(2**63), "9" * 40])
def test_bad_id(client: Client, project: Project, editor: User, number: str) -> None:
    client.force_login(editor)
    assert client.get(f"/p/{project.slug}/contacts/{number}/deactivate/").status_code == 404


def test_nobody_logged_in_goes_to_the_log_in(client: Client, contact: Contact) -> None:
    assert client.get(url(contact))["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("verb", ["put", "delete", "patch"])
def test_other_verbs_are_refused(client: Client, contact: Contact, editor: User, verb: str) -> None:
    client.force_login(editor)
    assert getattr(client, verb)(url(contact)).status_code == 405


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Say whether the contact asked for it."),
        ({"reason": "complaint"}, "Choose one of these reasons."),
        ({"reason": "own_request"}, "Choose one of these reasons."),
        ({"reason": "verbal_request", "note": "a\x00b"}, "characters that cannot be stored"),
        ({"reason": "verbal_request", "note": "a\x07b"}, "characters that cannot be stored"),
        ({"reason": "verbal_request", "note": "x" * 2001}, "This is too long"),
        ({"reason": "verbal_request", "requested_on": "yesterday"}, "Enter a date like"),
        ({"reason": "verbal_request", "requested_on": "0001-01-01"}, "Enter a date like"),
        ({"reason": "verbal_request", "requested_on": "9999-12-31"}, "This date is in the future."),
    ],
)
def test_bad_input_is_said_at_its_field(
    client: Client, contact: Contact, editor: User, fields: dict[str, str], words: str
) -> None:
    client.force_login(editor)
    response = client.post(url(contact), fields)
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not noes(contact)


def test_what_was_typed_stays_when_something_is_refused(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    fields = {"reason": "other", "note": "שלום 🕊 ‮abc", "requested_on": "9999-12-31"}
    page = client.post(url(contact), fields).content.decode()
    assert "שלום 🕊" in page
    assert 'value="other" id="id_reason_2" checked' in page
    assert 'value="9999-12-31"' in page


def test_tomorrow_in_the_projects_zone_is_the_future(client: Client, contact: Contact, editor: User) -> None:
    tomorrow = timezone.now().astimezone(contact.project.zone).date() + timedelta(days=1)
    client.force_login(editor)
    page = client.post(url(contact), {"reason": "verbal_request", "requested_on": tomorrow.isoformat()})
    assert "This date is in the future." in page.content.decode()
    assert not noes(contact)


def test_emoji_and_right_to_left_are_kept(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact), {"reason": "other", "note": "שלום 🕊"})
    assert noes(contact)[0].detail.note == "שלום 🕊"


def test_a_name_is_escaped(client: Client, project: Project, editor: User) -> None:
    contact = ContactFactory(project=project, first_name="<b>Bobby</b>")
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    assert "<b>Bobby" not in page
    assert "&lt;b&gt;Bobby" in page


def test_queries_do_not_grow(client: Client, contact: Contact, editor: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    client.force_login(editor)
    for _times in range(2):
        deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    with django_assert_max_num_queries(100) as few:
        client.get(url(contact))
    for _times in range(30):
        deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    with django_assert_max_num_queries(len(few)):
        client.get(url(contact))


def test_nothing_is_sendable_afterwards(client: Client, contact: Contact, editor: User) -> None:
    from contacts.eligibility import Question, explain

    client.force_login(editor)
    client.post(url(contact), {"reason": "verbal_request"})
    for channel in Channel.values:
        verdict = explain(contact, Question(channel))
        assert verdict is not None
        assert not verdict.sendable
