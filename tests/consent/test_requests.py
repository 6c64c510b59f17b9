"""Contacts' requests to be erased: the list of users, refusing, and what an erasure makes of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import ErasureRequest, MailedLink
from consent.services.personal import mail_personal_link
from consent.services.requests import RequestDecided, ask_erasure, refuse
from consent.vocabulary import LinkPurpose, RequestState
from contacts.errors import ContactGone
from contacts.models import Contact, ErasureReceipt, Membership, Project, User
from contacts.services.erasure import erase
from contacts.services.merging import merge
from tests.consent.mail import Inbox, inbox, part
from tests.contacts.test_delete import confirmation, log_in
from tests.factories import ContactFactory
from tests.origins import ADMIN, by

__all__ = ["inbox"]
pytestmark = pytest.mark.django_db
LIST = "/p/newsletter/consent/requests/"


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="HM-204817", first_name="Amélie", last_name="Roy", email="amelie@example.org"
    )


@pytest.fixture
def asked(contact: Contact) -> ErasureRequest:
    return ask_erasure(contact)


def refuse_url(request: ErasureRequest) -> str:
    return f"{LIST}{request.pk}/refuse/"


def state_of(request: ErasureRequest) -> str:
    request.refresh_from_db()
    return request.state


# Asking


def test_one_open_request_each(contact: Contact, asked: ErasureRequest) -> None:
    assert ask_erasure(contact) == asked
    refuse(asked, "Law.", origin=by(ADMIN))
    assert ask_erasure(contact) != asked


def test_who_is_gone_asks_for_nothing(contact: Contact) -> None:
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=False)
    with pytest.raises(ContactGone):
        ask_erasure(contact)
    assert not ErasureRequest.objects.exists()


def test_who_was_merged_asks_for_the_other(project: Project, contact: Contact) -> None:
    survivor = ContactFactory(project=project)
    merge(survivor, contact, origin=by(ADMIN))
    assert ask_erasure(contact).contact_id == survivor.pk


def test_a_merge_keeps_one_request_open(project: Project, contact: Contact, asked: ErasureRequest) -> None:
    survivor = ContactFactory(project=project)
    mail_personal_link(contact, language="en")
    also = ask_erasure(survivor)
    merge(survivor, contact, origin=by(ADMIN))
    [left] = ErasureRequest.objects.all()
    assert (left.pk, left.contact_id, left.requested_at) == (also.pk, survivor.pk, asked.requested_at)
    assert MailedLink.objects.get().contact_id == survivor.pk


def test_a_merge_takes_the_request_along(project: Project, contact: Contact, asked: ErasureRequest) -> None:
    survivor = ContactFactory(project=project)
    merge(survivor, contact, origin=by(ADMIN))
    asked.refresh_from_db()
    assert (asked.contact_id, asked.state) == (survivor.pk, RequestState.OPEN)


# The list


@pytest.mark.parametrize("person", ["viewer", "editor", "admin", "organization_admin"])
def test_everybody_of_the_project_sees_them(
    client: Client, asked: ErasureRequest, person: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    page = client.get(LIST).content.decode()
    assert "Amélie Roy" in page
    may = person in ("admin", "organization_admin")
    assert (f"/contacts/{asked.contact_id}/delete/?requested=1" in page, refuse_url(asked) in page) == (may, may)


def test_who_may_delete_decides(client: Client, asked: ErasureRequest, editor: User) -> None:
    Membership.objects.filter(user=editor).update(may_delete=True)
    client.force_login(editor)
    assert refuse_url(asked) in client.get(LIST).content.decode()
    assert client.get(refuse_url(asked)).status_code == 200


def test_a_stranger_finds_nothing(client: Client, asked: ErasureRequest, stranger: User) -> None:
    client.force_login(stranger)
    assert client.get(LIST).status_code == 404
    for path in (refuse_url(asked), f"/p/elsewhere/consent/requests/{asked.pk}/refuse/"):
        assert client.get(path).status_code == 404
        assert client.post(path, {"refusal": "No."}).status_code == 404
    assert "Amélie" not in client.get("/p/elsewhere/consent/requests/").content.decode()
    assert state_of(asked) == RequestState.OPEN


def test_nobody_waits(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    assert "Nobody waits for an answer" in client.get(LIST).content.decode()


def test_late_and_soon(client: Client, asked: ErasureRequest, viewer: User) -> None:
    client.force_login(viewer)
    assert "boxed" not in client.get(LIST).content.decode()
    for days, word in ((25, "Soon"), (31, "Late")):
        ErasureRequest.objects.update(requested_at=timezone.now() - timedelta(days=days))
        assert f'<span class="tag boxed">{word}</span>' in client.get(LIST).content.decode()


def test_pages_of_open_and_decided(client: Client, project: Project, admin: User) -> None:
    for number in range(52):
        one, other = (ContactFactory(project=project, key=f"{kind}-{number:02}") for kind in ("open", "done"))
        ask_erasure(one)
        refuse(ask_erasure(other), "Law.", origin=by(ADMIN))
    client.force_login(admin)
    page = client.get(LIST)
    assert [row.contact.key for row in page.context["asked_rows"]] == [f"open-{n:02}" for n in range(50)]
    assert [row.contact.key for row in page.context["decided_rows"]] == [f"done-{n:02}" for n in range(51, 1, -1)]
    [later] = re.findall(r'href="\?(open=[^"]+)"', page.content.decode())
    second = client.get(f"{LIST}?{later}")
    assert [row.contact.key for row in second.context["asked_rows"]] == ["open-50", "open-51"]
    assert len(second.context["decided_rows"]) == 50


@pytest.mark.parametrize("query", ["open=x", "decided=%00", "open=" + "a" * 500])
def test_garbage_in_the_address(client: Client, asked: ErasureRequest, viewer: User, query: str) -> None:
    client.force_login(viewer)
    assert client.get(f"{LIST}?{query}").status_code == 400


def test_queries_do_not_grow(client: Client, project: Project, admin: User, django_assert_num_queries: Any) -> None:
    client.force_login(admin)
    ask_erasure(ContactFactory(project=project))
    client.get(LIST)

    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for _number in range(10):
        ask_erasure(ContactFactory(project=project))
        refuse(ask_erasure(ContactFactory(project=project)), "Law.", origin=by(ADMIN))
    with django_assert_num_queries(len(few)):
        client.get(LIST)


# On the profile


def test_the_profile_says_so(client: Client, contact: Contact, admin: User, viewer: User) -> None:
    client.force_login(admin)
    assert "to be erased" not in client.get(contact.get_absolute_url()).content.decode()
    asked = ask_erasure(contact)
    page = client.get(contact.get_absolute_url()).content.decode()
    assert "to be erased" in page and refuse_url(asked) in page
    client.force_login(viewer)
    page = client.get(contact.get_absolute_url()).content.decode()
    assert "to be erased" in page and refuse_url(asked) not in page
    refuse(asked, "Law.", origin=by(ADMIN))
    assert "to be erased" not in client.get(contact.get_absolute_url()).content.decode()


# Refusing


def test_admin_refuses_and_the_contact_reads_why(
    client: Client, asked: ErasureRequest, admin: User, inbox: Inbox, work_off: Callable[[], int]
) -> None:
    client.force_login(admin)
    reason = "Invoices are kept for seven years.\nYou can complain to the Commissioner."
    response = client.post(refuse_url(asked), {"refusal": reason})
    assert (response.status_code, response["Location"]) == (302, LIST)
    assert "mailed to the contact" in str(*get_messages(response.wsgi_request))
    asked.refresh_from_db()
    assert (asked.state, asked.refusal, asked.decided_by) == (RequestState.REFUSED, reason, "Ada Admin")
    assert asked.decided_at is not None
    work_off()
    mail = inbox.only()
    assert mail["To"] == "amelie@example.org"
    assert "Invoices are kept for seven years." in part(mail, "plain")
    assert "Invoices are kept for seven years." in client.get(LIST).content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_changes_nothing(client: Client, asked: ErasureRequest, admin: User, method: str) -> None:
    client.force_login(admin)
    assert getattr(client, method)(refuse_url(asked)).status_code == 200
    assert state_of(asked) == RequestState.OPEN
    assert not MailedLink.objects.exists()


@pytest.mark.parametrize("person", ["viewer", "editor"])
def test_who_may_not_delete_is_refused(
    client: Client, asked: ErasureRequest, person: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(person))
    assert client.get(refuse_url(asked)).status_code == 403
    assert client.post(refuse_url(asked), {"refusal": "No."}).status_code == 403
    assert state_of(asked) == RequestState.OPEN


@pytest.mark.parametrize("reason", ["", "  ", "a\x00b", "x" * 2001])
def test_a_reason_that_is_none(client: Client, asked: ErasureRequest, admin: User, reason: str) -> None:
    client.force_login(admin)
    page = client.post(refuse_url(asked), {"refusal": reason})
    assert page.status_code == 200
    assert page.context["form"].errors["refusal"]
    assert state_of(asked) == RequestState.OPEN


def test_a_request_is_decided_once(client: Client, asked: ErasureRequest, admin: User) -> None:
    client.force_login(admin)
    client.post(refuse_url(asked), {"refusal": "Law."})
    assert client.post(refuse_url(asked), {"refusal": "Other."}).status_code == 400
    assert "This request was decided" in client.get(refuse_url(asked)).content.decode()
    asked.refresh_from_db()
    assert asked.refusal == "Law."
    assert MailedLink.objects.filter(purpose=LinkPurpose.ANSWER).count() == 1
    with pytest.raises(RequestDecided):
        refuse(asked, "Again.", origin=by(ADMIN))


def test_without_an_address_nobody_is_told(client: Client, project: Project, admin: User) -> None:
    asked = ask_erasure(ContactFactory(project=project, sms="+14185550137"))
    client.force_login(admin)
    assert "no email address" in client.get(refuse_url(asked)).content.decode()
    response = client.post(refuse_url(asked), {"refusal": "Law."})
    assert "no email address" in str(*get_messages(response.wsgi_request))
    assert not MailedLink.objects.exists()


@pytest.mark.parametrize("number", [0, 10**9, 2**63, 10**40])
def test_bad_numbers(client: Client, project: Project, admin: User, number: int) -> None:
    client.force_login(admin)
    assert client.get(f"{LIST}{number}/refuse/").status_code == 404
    assert client.post(f"{LIST}{number}/refuse/", {"refusal": "Law."}).status_code == 404


# Erasing


def test_the_delete_page_knows_that_they_asked(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    path = f"/p/newsletter/contacts/{contact.pk}/delete/"
    ticked = re.compile(r'type="radio" name="reason" value="(\w+)" id="[^"]*" checked')
    assert ticked.findall(client.get(f"{path}?requested=1").content.decode()) == ["requested"]
    for query in ("", "?requested=0", "?requested=%00"):
        assert ticked.findall(client.get(path + query).content.decode()) == []
    log_in(client, admin, seconds_ago=10**6)
    assert "delete%2F%3Frequested%3D1" in client.get(f"{path}?requested=1").content.decode()


def test_deleting_ends_the_request(client: Client, contact: Contact, asked: ErasureRequest, admin: User) -> None:
    log_in(client, admin)
    path = f"/p/newsletter/contacts/{contact.pk}/delete/?requested=1"
    assert client.post(path, confirmation(client, contact, reason="requested")).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.decided_by) == (RequestState.DONE, "Ada Admin")
    receipt = ErasureReceipt.objects.get()
    assert receipt.requested_by_contact
    page = client.get(LIST).content.decode()
    assert f"Contact {contact.pk}, erased" in page and receipt.get_absolute_url() in page
    assert client.get(refuse_url(asked)).status_code == 200
    assert client.post(refuse_url(asked), {"refusal": "Too late."}).status_code == 400


def test_what_was_answered_goes_with_the_contact(contact: Contact, asked: ErasureRequest) -> None:
    refuse(asked, "Dear Amélie Roy, no.", origin=by(ADMIN))
    again = ask_erasure(contact)
    with time_machine.travel(timezone.now() + timedelta(days=1)):
        erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert (state_of(asked), asked.refusal) == (RequestState.REFUSED, "")
    assert (state_of(again), again.decided_by) == (RequestState.DONE, ADMIN.label)
    assert not MailedLink.objects.exists()
