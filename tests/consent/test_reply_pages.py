"""The pages of replies: what waits, what was done, and deciding."""

from __future__ import annotations

import html
from typing import Any

import pytest
from django.test import Client

from consent.models import InboundReply
from contacts.models import Contact, Project, StatusHistory, User
from contacts.services.erasure import erase
from tests.consent.links import row_of
from tests.consent.texts import NUMBER, text_from, waiting_reply
from tests.factories import ContactFactory
from tests.origins import asked

pytestmark = pytest.mark.django_db
PAGE = "/p/newsletter/replies/"
REQUEST = {"request_id": "b1b0a9d2-3c53-4f7a-8a6b-6f5d5e0f0a11"}


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Ann", last_name="Archer", sms=NUMBER)


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return html.unescape(answer.content.decode())


def test_what_waits_stands_above_what_was_done(client: Client, project: Project, ann: Contact, viewer: User) -> None:
    waiting_reply(project, "please stop it")
    text_from(project, "STOP")
    client.force_login(viewer)

    page = read(client, PAGE)

    assert page.index("please stop it") < page.index("All others") < page.index("“STOP”")
    assert "Ann Archer" in page
    assert "accept/" not in page


def test_an_empty_page_says_how_to_begin(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)

    assert "No replies yet" in read(client, PAGE)


def test_an_editor_stops(client: Client, project: Project, ann: Contact, editor: User) -> None:
    reply = waiting_reply(project)
    client.force_login(editor)

    answer = client.post(f"{PAGE}{reply.pk}/accept/", REQUEST)

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert row_of(ann, "sms").suppressed
    page = read(client, f"{PAGE}{reply.pk}/")
    assert "Stopped" in page
    assert "Edgar Editor" in page
    assert "SMS number suppressed" in page


def test_an_editor_dismisses(client: Client, project: Project, ann: Contact, editor: User) -> None:
    reply = waiting_reply(project)
    client.force_login(editor)

    assert client.post(f"{PAGE}{reply.pk}/dismiss/", REQUEST).status_code == 302

    reply.refresh_from_db()
    assert (reply.outcome, reply.decided_by) == ("dismissed", "Edgar Editor")
    assert not row_of(ann, "sms").suppressed


@pytest.mark.parametrize("action", ["accept", "dismiss"])
def test_confirmation_changes_nothing(
    client: Client, project: Project, ann: Contact, editor: User, action: str
) -> None:
    reply = waiting_reply(project)
    client.force_login(editor)

    for method in (client.get, client.head):
        assert method(f"{PAGE}{reply.pk}/{action}/").status_code == 200
    reply.refresh_from_db()
    assert reply.outcome == "waiting"


def test_the_same_request_twice_adds_one_entry(client: Client, project: Project, ann: Contact, editor: User) -> None:
    reply = waiting_reply(project)
    client.force_login(editor)

    for _time in range(2):
        assert client.post(f"{PAGE}{reply.pk}/accept/", REQUEST).status_code == 302

    assert StatusHistory.objects.filter(aspect="suppression").count() == 1


@pytest.mark.parametrize("action", ["accept", "dismiss"])
def test_who_comes_too_late_is_told_what_was_decided(
    client: Client, project: Project, ann: Contact, editor: User, admin: User, action: str
) -> None:
    reply = waiting_reply(project)
    client.force_login(editor)
    client.post(f"{PAGE}{reply.pk}/accept/")
    client.force_login(admin)

    answer = client.post(f"{PAGE}{reply.pk}/{action}/")

    assert answer.status_code == 200
    assert "Edgar Editor decided this reply" in answer.content.decode()
    assert StatusHistory.objects.filter(aspect="suppression").count() == 1


@pytest.mark.parametrize("action", ["accept", "dismiss"])
def test_who_may_not(client: Client, project: Project, ann: Contact, viewer: User, stranger: User, action: str) -> None:
    reply = waiting_reply(project)
    for user, status in ((viewer, 403), (stranger, 404)):
        client.force_login(user)
        assert client.get(f"{PAGE}{reply.pk}/{action}/").status_code == status
        assert client.post(f"{PAGE}{reply.pk}/{action}/", REQUEST).status_code == status
    assert not row_of(ann, "sms").suppressed


def test_numbers_of_others_and_of_nothing(
    client: Client, project: Project, admin: User, other_project: Project
) -> None:
    client.force_login(admin)
    for number in (waiting_reply(other_project).pk, 0, 10**9, 2**63, 10**40):
        for tail in ("", "accept/", "dismiss/"):
            assert client.get(f"{PAGE}{number}/{tail}").status_code == 404


def test_an_entry_leads_to_its_reply(client: Client, project: Project, ann: Contact, editor: User) -> None:
    reply = text_from(project, "STOP")
    entry = StatusHistory.objects.get(contact=ann, aspect="suppression")
    client.force_login(editor)

    assert f'href="{PAGE}{reply.pk}/"' in read(client, f"/p/newsletter/history/{entry.pk}/")
    assert "by replying STOP" in read(client, f"/p/newsletter/contacts/{ann.pk}/")


def test_after_an_erasure_the_page_still_stands(client: Client, project: Project, ann: Contact, editor: User) -> None:
    reply = waiting_reply(project, "please stop, says Ann")
    erase(ann.as_set(), origin=asked(), requested_by_contact=False)
    InboundReply.objects.update(address=None, text="")
    client.force_login(editor)

    for path in (PAGE, f"{PAGE}{reply.pk}/", f"{PAGE}{reply.pk}/accept/", f"{PAGE}{reply.pk}/dismiss/"):
        page = read(client, path)
        assert "Ann" not in page
        assert NUMBER not in page


def test_odd_words_are_shown_as_they_are(client: Client, project: Project, admin: User) -> None:
    reply = text_from(project, "<script>stop</script> \u202eמה 🛑 {{ 7 }} please")
    client.force_login(admin)

    answer = client.get(f"{PAGE}{reply.pk}/")

    assert b"<script>stop" not in answer.content
    assert "{{ 7 }}" in html.unescape(answer.content.decode())


def test_queries_do_not_grow(
    client: Client, project: Project, ann: Contact, viewer: User, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        sender = f"+1418555{number:04}"
        ContactFactory(project=project, sms=sender)
        waiting_reply(project, sender=sender)
        text_from(project, "Hello", sender)
    client.force_login(viewer)
    with django_assert_max_num_queries(12):
        read(client, PAGE)
    assert client.get(f"{PAGE}?waiting=garbage").status_code == 400
