"""The receipts of erasures: the list, one of them, and finding one by the key that was erased."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from contacts.models import ErasureReceipt, Project, User
from contacts.services.erasure import erase
from tests.factories import ContactFactory, ErasureReceiptFactory, by_the_system


def erased(project: Project, key: str, **fields: Any) -> ErasureReceipt:
    contact = ContactFactory(project=project, key=key, first_name="Amélie", email="amelie@example.org")
    requested = fields.get("requested_by_contact", False)
    [receipt] = erase(contact.as_set(), origin=by_the_system(), requested_by_contact=requested)
    return receipt


def the_list(project: Project) -> str:
    return f"/p/{project.slug}/erasures/"


def test_viewer_reads_the_list(client: Client, project: Project, viewer: User) -> None:
    receipts = [ErasureReceiptFactory(project=project) for _times in range(3)]
    client.force_login(viewer)
    response = client.get(the_list(project))
    assert response.status_code == 200
    assert [row.pk for row in response.context["page"].rows] == [receipt.pk for receipt in reversed(receipts)]
    assert 'name="key"' not in response.content.decode()


def test_empty_list_says_so(client: Client, project: Project, viewer: User) -> None:
    client.force_login(viewer)
    assert "Nobody was erased yet" in client.get(the_list(project)).content.decode()


def test_list_holds_the_projects_own_alone(
    client: Client, project: Project, viewer: User, other_project: Project
) -> None:
    ErasureReceiptFactory(project=other_project)
    client.force_login(viewer)
    assert "Nobody was erased yet" in client.get(the_list(project)).content.decode()


def test_pages(client: Client, project: Project, viewer: User) -> None:
    for _times in range(52):
        ErasureReceiptFactory(project=project)
    client.force_login(viewer)
    first = client.get(the_list(project))
    second = client.get(the_list(project), {"cursor": first.context["page"].next})
    assert (len(first.context["page"].rows), len(second.context["page"].rows)) == (50, 2)
    assert 'rel="next"' in first.content.decode()
    assert 'rel="prev"' in second.content.decode()


@pytest.mark.parametrize("cursor", ["x", "\x00", "e30", "bm90IGpzb24", "W10", "é", "=" * 2000])
def test_garbage_for_a_page(client: Client, project: Project, viewer: User, cursor: str) -> None:
    client.force_login(viewer)
    response = client.get(the_list(project), {"cursor": cursor, "page": "-1"})
    assert response.status_code == 400
    assert "This address names no page of the list." in response.content.decode()


def test_receipt_says_who_when_why_and_how_much(client: Client, project: Project, viewer: User) -> None:
    receipt = erased(project, "HM-7", requested_by_contact=True)
    client.force_login(viewer)
    response = client.get(receipt.get_absolute_url())
    page = response.content.decode()
    assert response.status_code == 200
    assert "They asked for it." in page
    assert "The contact asked to be erased" in page
    assert "1 address stays blocked by its fingerprint" in page
    assert receipt.key_fingerprint in page
    assert dict(response.context["counts"]) == {"Addresses": 1, "Status history": receipt.counts["history"]}


def test_receipt_names_nobody(client: Client, project: Project, admin: User) -> None:
    receipt = erased(project, "HM-7")
    client.force_login(admin)
    for page in (client.get(receipt.get_absolute_url()), client.get(the_list(project))):
        assert "Amélie" not in page.content.decode()
        assert "amelie@example.org" not in page.content.decode()
        assert ">HM-7" not in page.content.decode()


def test_counts_of_what_is_not_known_any_more_are_shown_too(client: Client, project: Project, viewer: User) -> None:
    receipt = erased(project, "HM-7")
    ErasureReceipt.objects.bulk_create([_copy(receipt, counts={"letters": 3})])
    client.force_login(viewer)
    page = client.get(ErasureReceipt.objects.latest("pk").get_absolute_url()).content.decode()
    assert "letters" in page


def _copy(receipt: ErasureReceipt, **changes: Any) -> ErasureReceipt:
    fields = {field.attname: getattr(receipt, field.attname) for field in ErasureReceipt._meta.concrete_fields}
    return ErasureReceipt(**{**fields, "id": None, "contact_number": 2**40, **changes})


def test_admin_finds_a_receipt_by_its_key(client: Client, project: Project, admin: User) -> None:
    receipt = erased(project, "HM-7")
    erased(project, "HM-8")
    client.force_login(admin)
    response = client.post(the_list(project), {"key": " HM-7 "})
    assert response.status_code == 200
    assert response.context["found"] == [receipt]
    assert f'href="{receipt.get_absolute_url()}"' in response.content.decode()


def test_a_key_erased_twice_has_two_receipts(client: Client, project: Project, admin: User) -> None:
    first, second = erased(project, "HM-7"), erased(project, "HM-7")
    client.force_login(admin)
    assert client.post(the_list(project), {"key": "HM-7"}).context["found"] == [second, first]


def test_receipts_under_an_older_fingerprint_key_are_found(
    client: Client, project: Project, admin: User, settings: Any
) -> None:
    receipt = erased(project, "HM-7")
    settings.FINGERPRINT_KEYS = {"new": "another secret for fingerprints", **settings.FINGERPRINT_KEYS}
    client.force_login(admin)
    assert client.post(the_list(project), {"key": "HM-7"}).context["found"] == [receipt]


def test_nobody_with_this_key(client: Client, project: Project, admin: User, other_project: Project) -> None:
    erased(other_project, "HM-7")
    client.force_login(admin)
    assert "Nobody with this key was erased" in client.post(the_list(project), {"key": "HM-7"}).content.decode()


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "Type the key that the contact had"),
        ("a\x00b", "characters that cannot be stored"),
        ("x" * 255, "This is too long"),
    ],
)
def test_bad_key(client: Client, project: Project, admin: User, key: str, words: str) -> None:
    client.force_login(admin)
    response = client.post(the_list(project), {"key": key})
    assert response.status_code == 200
    assert words in response.content.decode()


@pytest.mark.parametrize("key", ["שלום 🕊", "‮abc", "<script>"])
def test_odd_keys_find_nothing_and_break_nothing(client: Client, project: Project, admin: User, key: str) -> None:
    client.force_login(admin)
    response = client.post(the_list(project), {"key": key})
    assert response.context["found"] == []
    assert "<script>" not in response.content.decode().replace("<script src", "")


@pytest.mark.parametrize("who", ["viewer", "editor"])
def test_only_admins_search(client: Client, project: Project, request: pytest.FixtureRequest, who: str) -> None:
    client.force_login(request.getfixturevalue(who))
    assert client.post(the_list(project), {"key": "HM-7"}).status_code == 403


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User, other_project: Project) -> None:
    receipt = erased(project, "HM-7")
    client.force_login(stranger)
    assert client.get(the_list(project)).status_code == 404
    assert client.post(the_list(project), {"key": "HM-7"}).status_code == 404
    assert client.get(receipt.get_absolute_url()).status_code == 404
    assert client.get(f"/p/{other_project.slug}/erasures/{receipt.pk}/").status_code == 404


@pytest.mark.parametrize("number", ["0", str(2**62), str(2**63), "9" * 40])
def test_bad_id(client: Client, project: Project, admin: User, number: str) -> None:
    client.force_login(admin)
    assert client.get(f"/p/{project.slug}/erasures/{number}/").status_code == 404


def test_a_receipt_takes_no_post(client: Client, project: Project, admin: User) -> None:
    receipt = erased(project, "HM-7")
    client.force_login(admin)
    assert client.post(receipt.get_absolute_url()).status_code == 405


def test_queries_do_not_grow(client: Client, project: Project, viewer: User, django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    ErasureReceiptFactory(project=project)
    client.force_login(viewer)
    with django_assert_max_num_queries(12) as few:
        client.get(the_list(project))
    for _times in range(20):
        ErasureReceiptFactory(project=project)
    with django_assert_max_num_queries(len(few)):
        client.get(the_list(project))
