"""Deleting many contacts for good: the permission, a recent log-in, the number typed, and nothing half done."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.test import Client

from contacts.models import ChannelStatus, Contact, ErasureReceipt, Membership, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import Channel, Method, Role
from tests.contacts.bulk import choose, confirm, url
from tests.factories import PASSWORD, ContactFactory


def log_in(client: Client, user: User, *, ago: int = 0) -> None:
    """With the password, some seconds ago."""
    client.post("/accounts/login/", {"login": user.email, "password": PASSWORD})
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": record["at"] - ago} for record in session["account_authentication_methods"]
    ]
    session.save()


@pytest.fixture
def contacts(project: Project) -> list[Contact]:
    return [ContactFactory(project=project, last_name=f"Reader {number}", email=f"r{number}@example.org")
            for number in range(3)]  # fmt: skip


def clean_up(**more: Any) -> dict[str, Any]:
    return {"reason": "clean_up", "number": "2", **more}


def test_admin_deletes(client: Client, project: Project, admin: User, contacts: list[Contact]) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    html = page.content.decode()
    assert "Delete 2 contacts?" in html and "Reader 0" in html and "Deactivate instead" in html
    assert Contact.objects.count() == 3
    done = confirm(client, project, "delete", page, **clean_up())
    assert "2 contacts are deleted." in done.content.decode()
    assert list(Contact.objects.all()) == [contacts[2]]
    receipts = ErasureReceipt.objects.all()
    assert {receipt.contact_number for receipt in receipts} == {contacts[0].pk, contacts[1].pk}
    assert {(receipt.actor_label, receipt.requested_by_contact) for receipt in receipts} == {("Ada Admin", False)}
    assert not StatusHistory.objects.filter(contact__in=[contacts[0].pk, contacts[1].pk]).exists()


def test_on_request_addresses_stay_blocked(
    client: Client, project: Project, admin: User, contacts: list[Contact]
) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    confirm(client, project, "delete", page, **clean_up(reason="requested"))
    assert list(ErasureReceipt.objects.values_list("requested_by_contact", "blocks_kept")) == [(True, 1), (True, 1)]
    back = ContactFactory(project=project, email="r0@example.org")
    assert ChannelStatus.objects.get(contact=back).opted_out


@pytest.mark.parametrize("number", ["3", "", "two", "2\x00", "٢", "-2", "9" * 40])
def test_wrong_number_deletes_nobody(
    client: Client, project: Project, admin: User, contacts: list[Contact], number: str
) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    response = confirm(client, project, "delete", page, **clean_up(number=number))
    assert response.status_code == 200 and "number" in response.context["form"].errors
    assert Contact.objects.count() == 3


def test_number_as_people_write_it(client: Client, project: Project, admin: User, contacts: list[Contact]) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    confirm(client, project, "delete", page, **clean_up(number=" 2 "))
    assert Contact.objects.count() == 1


def test_old_log_in_deletes_nobody_and_loses_nothing(
    client: Client, project: Project, admin: User, contacts: list[Contact]
) -> None:
    log_in(client, admin, ago=7200)
    page = choose(client, project, "delete", contacts[:2])
    assert page.status_code == 200 and "Your log-in is too old for this." in page.content.decode()
    response = confirm(client, project, "delete", page, **clean_up())
    assert response.status_code == 403
    assert "Nothing is deleted yet" in response.content.decode()
    assert Contact.objects.count() == 3
    client.logout()
    log_in(client, admin)
    confirm(client, project, "delete", response, **clean_up())
    assert Contact.objects.count() == 1


def test_stale_confirmation_deletes_nobody(
    client: Client, project: Project, admin: User, contacts: list[Contact]
) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    opt_out(contacts[0].as_set(), Channel.EMAIL, origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    response = confirm(client, project, "delete", page, **clean_up())
    assert "Something changed since you looked." in response.content.decode()
    assert Contact.objects.count() == 3 and not ErasureReceipt.objects.exists()


def test_same_request_twice_shows_the_first_outcome(
    client: Client, project: Project, admin: User, contacts: list[Contact]
) -> None:
    log_in(client, admin)
    page = choose(client, project, "delete", contacts[:2])
    fields = clean_up(request_id=str(uuid.uuid4()))
    confirm(client, project, "delete", page, **fields)
    again = confirm(client, project, "delete", page, **fields)
    assert "2 contacts are deleted." in again.content.decode()
    assert ErasureReceipt.objects.count() == 2 and Contact.objects.count() == 1


def test_confirmation_changes_nothing(client: Client, project: Project, admin: User, contacts: list[Contact]) -> None:
    log_in(client, admin)
    address = f"{url('delete', project)}?everything=1&filters="
    assert client.get(address).status_code == 200 and client.head(address).status_code == 200
    assert Contact.objects.count() == 3


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_who_may_not(
    client: Client, project: Project, contacts: list[Contact], who: str, status: int, request: pytest.FixtureRequest
) -> None:
    log_in(client, request.getfixturevalue(who))
    assert choose(client, project, "delete", contacts).status_code == status
    assert Contact.objects.count() == 3


def test_the_permission_is_one_of_its_own(
    client: Client, project: Project, viewer: User, contacts: list[Contact]
) -> None:
    Membership.objects.filter(user=viewer).update(may_delete=True)
    assert Membership.objects.get(user=viewer).role == Role.VIEWER
    log_in(client, viewer)
    page = choose(client, project, "delete", contacts[:2])
    assert "Deactivate instead" not in page.content.decode()
    confirm(client, project, "delete", page, **clean_up())
    assert Contact.objects.count() == 1


def test_other_projects_are_never_touched(
    client: Client, project: Project, other_project: Project, admin: User, contacts: list[Contact]
) -> None:
    foreign = ContactFactory(project=other_project, last_name="Fremd")
    log_in(client, admin)
    page = choose(client, project, "delete", [contacts[0], foreign])
    assert "Delete 1 contact?" in page.content.decode() and "Fremd" not in page.content.decode()
    confirm(client, project, "delete", page, **clean_up(number="1", contacts=f"{contacts[0].pk},{foreign.pk}"))
    assert Contact.objects.filter(pk=foreign.pk).exists() and Contact.objects.count() == 3
