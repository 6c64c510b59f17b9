"""The page that deletes a contact for good."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from allauth.account.internal.flows import login
from django.conf import settings
from django.contrib.messages import get_messages
from django.test import Client

from contacts.models import Block, Contact, ErasureReceipt, Membership, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Origin
from contacts.services.blocks import quarantine
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.services.status import deactivate
from contacts.vocabulary import Method, Reason, Role
from tests.factories import PASSWORD, ContactFactory, RelationalRowFactory, by_the_system


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(
        project=project,
        first_name="Amélie",
        last_name="Roy",
        key="HM-204817",
        email="amelie@example.org",
        sms="+14185550137",
    )


def url(contact: Contact) -> str:
    return f"/p/{contact.project.slug}/contacts/{contact.pk}/delete/"


def log_in(client: Client, user: User, *, seconds_ago: float = 1) -> None:
    """As after a log-in with a password so long ago."""
    client.force_login(user)
    session = client.session
    session[login.AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": time.time() - seconds_ago}]
    session[login._AUTHENTICATION_METHODS_USER_SESSION_KEY] = str(user.pk)
    session.save()


def confirmation(client: Client, contact: Contact, **fields: Any) -> dict[str, Any]:
    """What the page of this contact would send, filled in rightly."""
    page = client.get(url(contact)).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    return {
        "request_id": hidden["request_id"],
        "digest": hidden["digest"],
        "seen": hidden["seen"].replace("&quot;", '"'),
        "reason": "clean_up",
        "key": "HM-204817",
        **fields,
    }


def is_there(contact: Contact) -> bool:
    return Contact.objects.filter(pk=contact.pk).exists()


def test_admin_deletes_and_finds_the_receipt(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    response = client.post(url(contact), confirmation(client, contact))
    receipt = ErasureReceipt.objects.get(contact_number=contact.pk)
    assert (response.status_code, response["Location"]) == (302, f"/p/newsletter/erasures/{receipt.pk}/")
    assert not is_there(contact)
    assert (receipt.actor_number, receipt.actor_label, receipt.method) == (admin.pk, "Ada Admin", Method.MANUAL)
    assert receipt.requested_by_contact is False
    assert [str(message) for message in get_messages(response.wsgi_request)] == ["The contact is deleted."]


def test_with_a_real_log_in(client: Client, contact: Contact, admin: User) -> None:
    client.post("/accounts/login/", {"login": admin.email, "password": PASSWORD})
    response = client.post(url(contact), confirmation(client, contact))
    assert response.status_code == 302
    assert not is_there(contact)


def test_page_shows_what_goes(client: Client, contact: Contact, admin: User) -> None:
    RelationalRowFactory(contact=contact)
    RelationalRowFactory(contact=contact)
    log_in(client, admin)
    response = client.get(url(contact))
    lines = {line.key: line.number for line in response.context["deletion"].lines}
    entries = StatusHistory.objects.filter(contact=contact).count()
    assert lines == {"channels": 2, "history": entries, "relational": 2}
    page = response.content.decode()
    assert "Type the contact’s key to confirm:" in page
    assert "This cannot be undone." in page


def test_what_was_shown_is_what_went(client: Client, contact: Contact, admin: User) -> None:
    RelationalRowFactory(contact=contact)
    log_in(client, admin)
    shown = {line.key: line.number for line in client.get(url(contact)).context["deletion"].lines}
    client.post(url(contact), confirmation(client, contact))
    assert ErasureReceipt.objects.get(contact_number=contact.pk).counts == shown


def test_deactivate_is_offered_first(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    page = client.get(url(contact)).content.decode()
    deactivate_at = page.index(f'href="/p/newsletter/contacts/{contact.pk}/deactivate/"')
    assert page.index("Deactivate instead") < deactivate_at < page.index('class="btn btn-danger"')
    assert "btn btn-primary btn-lg" in page


def test_inactive_contact_is_inactive_already(client: Client, contact: Contact, admin: User) -> None:
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.OTHER))
    log_in(client, admin)
    page = client.get(url(contact)).content.decode()
    assert "Inactive already" in page
    assert "Deactivate instead" not in page


@pytest.mark.parametrize(("reason", "requested"), [("requested", True), ("clean_up", False)])
def test_the_reason_decides_what_stays_blocked(
    client: Client, contact: Contact, admin: User, reason: str, requested: bool
) -> None:
    log_in(client, admin)
    client.post(url(contact), confirmation(client, contact, reason=reason))
    receipt = ErasureReceipt.objects.get(contact_number=contact.pk)
    assert receipt.requested_by_contact is requested
    assert receipt.blocks_kept == (2 if requested else 0)
    assert Block.objects.filter(is_on=True).count() == receipt.blocks_kept
    assert not Block.objects.exclude(address=None).exists()


def test_page_says_which_blocks_stay(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    page = client.get(url(contact)).content.decode()
    assert "If the contact asked to be erased: the address for email and SMS stays blocked" in page
    opt_out(contact.as_set(), "sms", origin=Origin(Method.SMS, THE_CONTACT, reason=Reason.STOP))
    quarantine(contact.as_set(), "email", origin=by_the_system())
    page = client.get(url(contact)).content.decode()
    assert "The block on the address for SMS, as a fingerprint, because this contact said no" in page
    assert "If the contact asked to be erased: the address for email stays blocked" in page
    assert "The quarantine or suppression that lies on the address for email already." in page


def test_page_says_who_shares_the_address(
    client: Client, contact: Contact, admin: User, other_project: Project
) -> None:
    ContactFactory(project=contact.project, email="amelie@example.org")
    ContactFactory(project=other_project, email="amelie@example.org")
    log_in(client, admin)
    assert "1 other contact has an address of this one." in client.get(url(contact)).content.decode()
    change_address(contact, "email", "amelie@example.net", origin=by_the_system())
    assert "1 other contact has an address of this one." in client.get(url(contact)).content.decode()


@pytest.mark.parametrize("method", ["get", "head"])
def test_confirmation_changes_nothing(client: Client, contact: Contact, admin: User, method: str) -> None:
    log_in(client, admin)
    assert getattr(client, method)(url(contact), confirmation(client, contact)).status_code == 200
    assert is_there(contact)


def test_same_request_twice_finds_the_receipt(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    first, second = (client.post(url(contact), fields) for _attempt in range(2))
    assert first["Location"] == second["Location"]
    assert ErasureReceipt.objects.count() == 1
    assert client.post(url(contact), {**fields, "request_id": ""}).status_code == 404
    assert client.get(url(contact)).status_code == 404


@pytest.mark.parametrize("typed", ["HM-204818", "hm-204817", "HM-20481", "Amélie Roy", "ＨＭ-204817", "HM-204817‮"])
def test_wrong_key(client: Client, contact: Contact, admin: User, typed: str) -> None:
    log_in(client, admin)
    response = client.post(url(contact), confirmation(client, contact, key=typed, reason="requested"))
    page = response.content.decode()
    assert response.status_code == 200
    assert "The key does not match. Type HM-204817." in page
    assert typed in page
    assert 'value="requested" id="id_reason_0" checked' in page
    assert is_there(contact)


def test_missing_key(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    response = client.post(url(contact), confirmation(client, contact, key=""))
    assert "The key is missing. Type HM-204817." in response.content.decode()
    assert is_there(contact)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"reason": ""}, "Say whether the contact asked for it."),
        ({"reason": "bored"}, "Choose one of these reasons."),
        ({"key": "HM\x00"}, "characters that cannot be stored"),
        ({"key": "x" * 255}, "This is too long"),
        ({"digest": ""}, "Something changed since you looked."),
        ({"digest": "x" * 100_000}, "Something changed since you looked."),
        ({"digest": "\x00", "seen": "\x00"}, "Something changed since you looked."),
        ({"digest": "0", "seen": "[" * 100_000}, "Something changed since you looked."),
        ({"digest": "0", "seen": '{"history": 1e999, "channels": true}'}, "Something changed since you looked."),
        ({"digest": "0", "seen": '["history"]'}, "Something changed since you looked."),
    ],
)
def test_bad_input_is_said_in_words(
    client: Client, contact: Contact, admin: User, fields: dict[str, str], words: str
) -> None:
    log_in(client, admin)
    response = client.post(url(contact), confirmation(client, contact, **fields))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert is_there(contact)


@pytest.mark.parametrize("reason", ["requested", "clean_up"])
def test_stale_confirmation_says_what_changed(client: Client, contact: Contact, admin: User, reason: str) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact, reason=reason)
    RelationalRowFactory(contact=contact)
    response = client.post(url(contact), fields)
    page = response.content.decode()
    assert response.status_code == 200
    assert "Something changed since you looked: Relational data: 1 instead of 0. Check the counts again." in page
    assert 'value="HM-204817"' in page
    assert is_there(contact)
    assert not ErasureReceipt.objects.exists()


def test_after_a_stale_confirmation_the_page_can_be_confirmed(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    RelationalRowFactory(contact=contact)
    page = client.post(url(contact), fields).content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    assert hidden["digest"] != fields["digest"]
    assert client.post(url(contact), {**fields, "digest": hidden["digest"]}).status_code == 302
    assert not is_there(contact)


def test_an_opt_out_meanwhile_makes_the_confirmation_stale(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact, reason="requested")
    opt_out(contact.as_set(), "email", origin=Origin(Method.OPT_OUT_LINK, THE_CONTACT))
    assert "Something changed since you looked" in client.post(url(contact), fields).content.decode()
    assert is_there(contact)


STALE = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT + 5


def test_stale_log_in_reads_the_page_and_confirms_first(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin, seconds_ago=STALE)
    response = client.get(url(contact))
    page = response.content.decode()
    assert response.status_code == 200
    assert "Confirm that it is you" in page
    assert f"/accounts/reauthenticate/?next=%2Fp%2Fnewsletter%2Fcontacts%2F{contact.pk}%2Fdelete%2F" in page
    assert 'name="key"' not in page
    assert "Deactivate instead" in page


def test_stale_log_in_deletes_nothing_and_loses_nothing(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact, reason="requested")
    log_in(client, admin, seconds_ago=STALE)
    response = client.post(url(contact), fields)
    page = response.content.decode()
    assert response.status_code == 403
    assert "Nothing is deleted yet: your log-in is too old for this." in page
    assert 'value="HM-204817"' in page
    assert 'value="requested" id="id_reason_0" checked' in page
    assert is_there(contact)
    assert "HM-204817" not in str(dict(client.session))


def test_confirming_the_password_is_enough(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin, seconds_ago=STALE)
    came_back = client.post("/accounts/reauthenticate/", {"password": PASSWORD, "next": url(contact)})
    assert came_back["Location"] == url(contact)
    assert client.post(url(contact), confirmation(client, contact)).status_code == 302
    assert not is_there(contact)


def test_log_in_of_unknown_age_is_too_old(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    client.logout()
    client.force_login(admin)
    assert client.post(url(contact), fields).status_code == 403
    assert is_there(contact)


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_without_the_permission(
    client: Client, contact: Contact, admin: User, request: pytest.FixtureRequest, who: str
) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    log_in(client, request.getfixturevalue(who))
    for response in (client.get(url(contact)), client.post(url(contact), fields)):
        page = response.content.decode()
        assert response.status_code == 403
        assert "You may not delete contacts of this project." in page
        assert "Ask Ada Admin." in page
        assert 'name="key"' not in page
        assert ("/deactivate/" in page) is (who == "editor")
    assert is_there(contact)


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_with_the_permission(client: Client, contact: Contact, request: pytest.FixtureRequest, who: str) -> None:
    user = request.getfixturevalue(who)
    Membership.objects.filter(user=user).update(may_delete=True)
    log_in(client, user)
    assert client.post(url(contact), confirmation(client, contact)).status_code == 302
    assert not is_there(contact)


def test_organization_admin_deletes(client: Client, contact: Contact, organization_admin: User) -> None:
    log_in(client, organization_admin)
    assert client.post(url(contact), confirmation(client, contact)).status_code == 302
    assert not is_there(contact)


def test_stranger_finds_nothing(
    client: Client, contact: Contact, admin: User, stranger: User, other_project: Project
) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    log_in(client, stranger)
    assert client.get(url(contact)).status_code == 404
    assert client.post(url(contact), fields).status_code == 404
    assert client.post(f"/p/{other_project.slug}/contacts/{contact.pk}/delete/", fields).status_code == 404
    assert is_there(contact)


def test_stranger_does_not_find_the_receipt_either(
    client: Client, contact: Contact, admin: User, stranger: User, other_project: Project
) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    client.post(url(contact), fields)
    log_in(client, stranger)
    assert client.post(url(contact), fields).status_code == 404
    assert client.post(f"/p/{other_project.slug}/contacts/{contact.pk}/delete/", fields).status_code == 404


@pytest.mark.parametrize("number", ["0", str(2**62), str(2**63), "9" * 40])
@pytest.mark.parametrize("method", ["get", "post"])
def test_bad_id(client: Client, project: Project, admin: User, number: str, method: str) -> None:
    log_in(client, admin)
    assert getattr(client, method)(f"/p/{project.slug}/contacts/{number}/delete/").status_code == 404


def test_nobody_logged_in_goes_to_the_log_in(client: Client, contact: Contact) -> None:
    assert client.get(url(contact))["Location"].startswith("/accounts/login/")


def test_a_key_with_markup_is_escaped(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project, key="<script>x</script>")
    log_in(client, admin)
    response = client.post(url(contact), confirmation(client, contact, key="wrong"))
    assert "<script>x" not in response.content.decode()
    assert client.post(url(contact), confirmation(client, contact, key="<script>x</script>")).status_code == 302


def test_a_key_of_emoji_and_right_to_left_letters(client: Client, project: Project, admin: User) -> None:
    contact = ContactFactory(project=project, key="שלום 🕊")
    log_in(client, admin)
    assert client.post(url(contact), confirmation(client, contact, key="שלום 🕊")).status_code == 302
    assert not is_there(contact)


def test_role_is_not_enough_once_the_membership_is_gone(client: Client, contact: Contact, admin: User) -> None:
    log_in(client, admin)
    fields = confirmation(client, contact)
    Membership.objects.filter(user=admin).update(role=Role.EDITOR)
    assert client.post(url(contact), fields).status_code == 403
    assert is_there(contact)


def test_queries_do_not_grow(client: Client, contact: Contact, admin: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    log_in(client, admin)
    with django_assert_max_num_queries(40) as few:
        client.get(url(contact))
    for _times in range(20):
        deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
        RelationalRowFactory(contact=contact)
    with django_assert_max_num_queries(len(few)):
        client.get(url(contact))
