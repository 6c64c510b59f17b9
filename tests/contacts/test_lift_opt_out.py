"""The page that opens a channel again, on the contact's word."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect, Channel, Method, Reason, Weight
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, first_name="Amélie", last_name="Roy", email="amelie@example.org")


def url(contact: Contact, channel: str = "email") -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/channels/{channel}/lift-opt-out/"


def today(contact: Contact) -> date:
    return timezone.now().astimezone(contact.project.zone).date()


def sent(contact: Contact, **fields: str) -> dict[str, str]:
    return {
        "source": "written", "reference": "Ticket 5521", "obtained_on": today(contact).isoformat(),
        "request_id": str(uuid.uuid4()), **fields,
    }  # fmt: skip


def is_out(contact: Contact) -> bool:
    return ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL).opted_out


def yeses(contact: Contact) -> list[StatusHistory]:
    return list(StatusHistory.objects.filter(contact=contact, aspect=Aspect.OPT_OUT, says="yes"))


def asked_to_stop(contact: Contact, **fields: object) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.VERBAL_REQUEST, **fields))


def opted_out_by_link(contact: Contact) -> None:
    origin = Origin(Method.OPT_OUT_LINK, THE_CONTACT, reason=Reason.OWN_REQUEST)
    opt_out(contact.as_set(), Channel.EMAIL, origin=origin)


def complained(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system(reason=Reason.COMPLAINT))


def test_editor_lifts_what_was_written_down(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact)
    client.force_login(editor)
    response = client.post(url(contact), sent(contact), follow=True)

    assert response.redirect_chain == [(contact.get_absolute_url(), 302)]
    assert not is_out(contact)
    page = response.content.decode()
    assert "The opt-out of email is lifted. You can take it back within 24 hours." in page
    assert f"/history/{yeses(contact)[0].pk}/undo/" in page


def test_history_names_who_when_why(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact)
    client.force_login(editor)
    client.post(url(contact), sent(contact))

    [entry] = yeses(contact)
    assert (entry.weight, entry.actor_number, entry.reason) == (Weight.REPORTED, editor.pk, Reason.AUTHORIZED)
    assert (entry.authorization_source, entry.authorization_on) == ("written", today(contact))
    assert entry.detail.authorization_reference == "Ticket 5521"


def test_confirmation_changes_nothing(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact, note="Rang at noon.")
    client.force_login(editor)

    page = client.get(url(contact)).content.decode()
    assert client.head(url(contact)).status_code == 200

    assert "Rang at noon." in page and "Lift the opt-out" in page
    assert is_out(contact) and yeses(contact) == []


def test_same_request_twice_adds_one_entry(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact)
    client.force_login(editor)
    once = sent(contact)

    assert [client.post(url(contact), once).status_code for _click in range(2)] == [302, 302]
    assert len(yeses(contact)) == 1


def test_own_act_falls_to_an_admin_alone(client: Client, contact: Contact, editor: User, admin: User) -> None:
    opted_out_by_link(contact)
    client.force_login(editor)
    page = client.get(url(contact)).content.decode()
    refused = client.post(url(contact), sent(contact))

    assert "Only an admin may lift the opt-out: the contact opted out themselves." in page
    assert "Ask Ada Admin." in page and 'name="reference"' not in page
    assert refused.status_code == 403 and "Only an admin" in refused.content.decode()
    assert is_out(contact) and yeses(contact) == []

    client.force_login(admin)
    assert "opted out themselves" in client.get(url(contact)).content.decode()
    assert client.post(url(contact), sent(contact)).status_code == 302
    assert not is_out(contact)


def test_complaint_falls_to_an_admin_of_the_organization_alone(
    client: Client, contact: Contact, admin: User, organization_admin: User
) -> None:
    complained(contact)
    client.force_login(admin)
    assert "Only an admin of the organization" in client.get(url(contact)).content.decode()
    assert client.post(url(contact), sent(contact)).status_code == 403
    assert is_out(contact)

    client.force_login(organization_admin)
    client.post(url(contact), sent(contact))
    assert not is_out(contact)


def test_authorization_from_before_the_no(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact)
    client.force_login(editor)
    day_before = today(contact) - timedelta(days=1)
    page = client.post(url(contact), sent(contact, obtained_on=day_before.isoformat())).content.decode()

    assert "The contact said no after that date." in page and "Ticket 5521" in page
    assert is_out(contact)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"source": ""}, "Say how the contact allowed it."),
        ({"source": "\x00"}, "Choose one of these ways."),
        ({"reference": ""}, "Say where the authorization can be found"),
        ({"reference": "a\x00b"}, "haracters"),
        ({"reference": "x" * 501}, "500"),
        ({"obtained_on": ""}, "Enter the date on which"),
        ({"obtained_on": "9999-12-31"}, "This date is in the future."),
        ({"obtained_on": "2026-02-30"}, "Enter a date like"),
    ],
)
def test_bad_input_is_told(client: Client, contact: Contact, editor: User, fields: dict[str, str], says: str) -> None:
    asked_to_stop(contact)
    client.force_login(editor)
    page = client.post(url(contact), sent(contact, **fields))

    assert page.status_code == 200 and says in page.content.decode()
    assert is_out(contact) and yeses(contact) == []


def test_nothing_to_lift(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    for channel in Channel.values:
        assert "There is nothing to lift." in client.get(url(contact, channel)).content.decode()
        assert client.post(url(contact, channel), sent(contact)).status_code == 200
    assert yeses(contact) == []


def test_says_what_stays_blocked(client: Client, contact: Contact, editor: User) -> None:
    asked_to_stop(contact)
    deactivate(contact.as_set(), origin=by_the_system())
    client.force_login(editor)

    assert "The contact is inactive: nothing is sent on any channel." in client.get(url(contact)).content.decode()


def test_viewer_is_refused(client: Client, contact: Contact, viewer: User) -> None:
    asked_to_stop(contact)
    client.force_login(viewer)
    assert client.get(url(contact)).status_code == 403
    assert client.post(url(contact), sent(contact)).status_code == 403
    assert is_out(contact)


def test_stranger_finds_nothing(client: Client, contact: Contact, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(url(contact)).status_code == 404
    assert client.post(url(contact), sent(contact)).status_code == 404


def test_bad_id_and_unknown_channel(client: Client, contact: Contact, editor: User) -> None:
    client.force_login(editor)
    assert client.get(f"/p/newsletter/contacts/{2**63}/channels/email/lift-opt-out/").status_code == 404
    assert client.get(url(contact, "pigeon")).status_code == 404
