"""The page that opts a contact out of one channel."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import Aspect, Channel, Method, Reason, Weight
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", key="HM-1", email="amelie@example.org")


def url(contact: Contact, channel: str = "email") -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/channels/{channel}/opt-out/"


def noes(contact: Contact) -> list[StatusHistory]:
    return list(StatusHistory.objects.filter(contact=contact, aspect=Aspect.OPT_OUT, says="no").order_by("pk"))


def test_editor_opts_out(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"reason": "verbal_request"}, follow=True)

    assert response.redirect_chain == [(contact.get_absolute_url(), 302)]
    assert ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL).own_opt_out
    contact.refresh_from_db()
    assert contact.is_active
    page = response.content.decode()
    assert "Opted out of email. You can take it back within 24 hours." in page
    assert f"/history/{noes(contact)[0].pk}/undo/" in page


def test_message_names_nobody(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    response = client.post(url(contact), {"reason": "verbal_request", "note": "Rang from her sister's"})

    cookies = "".join(cookie.value for cookie in response.cookies.values())
    assert not any(word in cookies for word in ("Amélie", "Roy", "HM-1", "amelie", "sister"))


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact), {"reason": "written_request", "note": "Letter of 3 May", "requested_on": "2020-05-03"})

    [entry] = noes(contact)
    assert (entry.method, entry.reason, entry.weight) == (Method.MANUAL, Reason.WRITTEN_REQUEST, Weight.REPORTED)
    assert (entry.actor_number, entry.actor_label) == (editor.pk, "Edgar Editor")
    assert (entry.channel, entry.requested_on, entry.detail.note) == ("email", date(2020, 5, 3), "Letter of 3 May")
    assert entry.block is not None and entry.block.is_on


def test_without_an_address(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    client.post(url(contact, "push"), {"reason": "verbal_request"})

    assert ChannelStatus.objects.get(contact=contact, channel=Channel.PUSH).own_opt_out


@pytest.mark.parametrize("channel", Channel.values)
def test_confirmation_changes_nothing(client: Client, contact: Contact, editor: User, channel: str) -> None:
    client.force_login(editor)
    before = StatusHistory.objects.count()

    page = client.get(url(contact, channel))
    assert client.head(url(contact, channel)).status_code == page.status_code == 200

    assert "Amélie Roy out of" in page.content.decode()
    assert StatusHistory.objects.count() == before


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    sent = {"reason": "verbal_request", "request_id": str(uuid.uuid4())}

    assert [client.post(url(contact), sent).status_code for _click in range(2)] == [302, 302]
    assert len(noes(contact)) == 1


def test_another_request_is_recorded_as_well(client: Client, contact: Contact, editor: User) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system())
    client.force_login(editor)

    assert "opted out of email already" in client.get(url(contact)).content.decode()
    client.post(url(contact), {"reason": "verbal_request"})

    assert [entry.weight for entry in noes(contact)] == [Weight.OURS, Weight.REPORTED]


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        ({}, "Say whether the contact asked for it."),
        ({"reason": "complaint"}, "Choose one of these reasons."),
        ({"reason": "other"}, "Say why, for example"),
        ({"reason": "verbal_request", "requested_on": "3 May"}, "Enter a date like"),
        ({"reason": "verbal_request", "requested_on": "9999-12-31"}, "This date is in the future."),
        ({"reason": "other", "note": "\x00"}, "characters"),
        ({"reason": "other", "note": "a\x07b"}, "characters that cannot be stored"),
        ({"reason": "other", "note": "é" * 2_001}, "2000"),
    ],
)
def test_bad_input_is_told(client: Client, contact: Contact, editor: User, sent: dict[str, str], says: str) -> None:
    client.force_login(editor)
    page = client.post(url(contact), sent)

    assert page.status_code == 200
    assert says in page.content.decode()
    assert noes(contact) == []


def test_what_was_typed_stays(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    page = client.post(url(contact), {"note": "Kept as typed 🦊"})

    assert "Kept as typed 🦊" in page.content.decode()


def test_tomorrow_is_the_future(client: Client, contact: Contact, editor: User) -> None:
    tomorrow = timezone.now().astimezone(contact.project.zone).date() + timedelta(days=1)
    client.force_login(editor)
    page = client.post(url(contact), {"reason": "verbal_request", "requested_on": tomorrow.isoformat()})

    assert "This date is in the future." in page.content.decode() and noes(contact) == []


def test_viewer_is_refused(client: Client, contact: Contact, viewer: User) -> None:
    client.force_login(viewer)
    assert client.get(url(contact)).status_code == 403
    assert client.post(url(contact), {"reason": "verbal_request"}).status_code == 403
    assert noes(contact) == []


def test_stranger_finds_nothing(client: Client, contact: Contact, stranger: User, other_project: Project) -> None:
    client.force_login(stranger)
    assert client.get(url(contact)).status_code == 404
    assert client.post(url(contact), {"reason": "verbal_request"}).status_code == 404
    assert client.post(url(contact).replace("newsletter", other_project.slug)).status_code == 404
    assert noes(contact) == []


def test_bad_id_and_unknown_channel(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    for number in (0, contact.pk + 1, 2**63):
        assert client.get(f"/p/newsletter/contacts/{number}/channels/email/opt-out/").status_code == 404
    for channel in ("pigeon", "EMAIL", "email-2"):
        assert client.get(url(contact, channel)).status_code == 404
        assert client.post(url(contact, channel), {"reason": "verbal_request"}).status_code == 404
