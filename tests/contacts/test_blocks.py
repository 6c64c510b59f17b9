"""The list of blocks: who sees which, and that a project sees no more of its organization's than it may (I7)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from contacts.models import Block, Organization, Project, User
from contacts.services.blocks import lift, quarantine
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.vocabulary import Cause, Reason
from tests.factories import (
    BlockFactory,
    ContactFactory,
    ProjectFactory,
    by_the_system,
)

URL = "/p/newsletter/blocks/"
ORGANIZATION_URL = "/o/maison/blocks/"


def page(client: Client, user: User, url: str = URL, **query: str) -> str:
    client.force_login(user)
    response = client.get(url, query)
    assert response.status_code == 200
    return response.content.decode()


def test_member_sees_the_projects_own_blocks(client: Client, project: Project, viewer: User) -> None:
    BlockFactory(project=project, address="stop@example.org")
    contact = ContactFactory(project=project, key="C-1", email="stop@example.org", first_name="Amélie")
    text = page(client, viewer)
    assert "stop@example.org" in text
    assert contact.get_absolute_url() in text
    assert "entry" in text
    assert 'name="block"' not in text


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User, nobody: User) -> None:
    for user in (stranger, nobody):
        client.force_login(user)
        assert client.get(URL).status_code == 404


def test_only_organization_admins_find_the_organizations_list(
    client: Client, organization: Organization, project: Project, admin: User, stranger: User, organization_admin: User
) -> None:
    BlockFactory(organization=organization, address="stop@example.org")
    for user in (admin, stranger):
        client.force_login(user)
        assert client.get(ORGANIZATION_URL).status_code == 404
    assert "stop@example.org" in page(client, organization_admin, ORGANIZATION_URL)


def test_post_is_refused(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    assert client.post(URL).status_code == 405


class TestWhatAProjectSeesOfItsOrganization:
    def test_nothing_on_addresses_that_no_contact_of_it_has(
        self, client: Client, organization: Organization, project: Project, admin: User
    ) -> None:
        BlockFactory(organization=organization, address="unknown@example.org")
        assert "unknown@example.org" not in page(client, admin)
        searched = page(client, admin, q="unknown@example.org")
        assert "Nothing here blocks" in searched
        assert "1 block on this page" not in searched

    def test_date_kind_and_cause_of_those_on_its_contacts_and_never_the_entry(
        self, client: Client, organization: Organization, project: Project, admin: User
    ) -> None:
        origin = by_the_system(note="from the lawyer Unmistakable", reason=Reason.COMPLAINT)
        block = BlockFactory(
            organization=organization, address="known@example.org", cause=Cause.COMPLAINT, origin=origin
        )
        entry = block.entries.get()
        ContactFactory(project=project, email="Known@example.org")
        for text in (page(client, admin), page(client, admin, q="known@example.org")):
            assert "Known@example.org" in text
            assert "spam complaint" in text
            assert "Whole organization" in text
            assert f"entry {entry.pk}" not in text and f"/history/{entry.pk}/" not in text
            assert "Unmistakable" not in text
            assert 'name="block"' not in text

    def test_nothing_of_another_project_of_the_organization(
        self, client: Client, organization: Organization, project: Project, admin: User
    ) -> None:
        other = ProjectFactory(organization=organization)
        BlockFactory(project=other, address="both@example.org")
        ContactFactory(project=project, email="both@example.org")
        ContactFactory(project=other, email="both@example.org", first_name="Unmistakable")
        assert "1 block on this page" not in page(client, admin)
        assert "Unmistakable" not in page(client, admin, q="both@example.org")
        assert "Nothing here blocks" in page(client, admin, q="both@example.org")

    def test_nothing_of_another_organization(self, client: Client, project: Project, admin: User) -> None:
        BlockFactory(address="both@example.org")
        ContactFactory(project=project, email="both@example.org")
        assert "Nothing here blocks" in page(client, admin, q="both@example.org")

    def test_organization_page_shows_nothing_of_another_organization(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        BlockFactory(address="elsewhere@example.org")
        assert "elsewhere@example.org" not in page(client, organization_admin, ORGANIZATION_URL)
        assert "Nothing here blocks" in page(client, organization_admin, ORGANIZATION_URL, q="elsewhere@example.org")


class TestSearch:
    def test_finds_a_block_however_the_address_is_written(self, client: Client, project: Project, viewer: User) -> None:
        BlockFactory(project=project, channel="sms", address="+14185550137")
        assert "may not be written to" in page(client, viewer, q=" +1 (418) 555-0137 ")
        BlockFactory(project=project, address="stop@example.org")
        assert "may not be written to" in page(client, viewer, q="STOP@Example.ORG")

    def test_reads_national_numbers_by_the_projects_country(
        self, client: Client, project: Project, viewer: User
    ) -> None:
        Project.objects.filter(pk=project.pk).update(default_country="CA")
        BlockFactory(project=project, channel="sms", address="+14185550137")
        assert "may not be written to" in page(client, viewer, q="(418) 555-0137")

    def test_finds_the_block_of_an_erased_address_by_its_fingerprint(
        self, client: Client, project: Project, viewer: User
    ) -> None:
        contact = ContactFactory(project=project, email="gone@example.org")
        opt_out(contact.as_set(), "email", origin=by_the_system())
        erase(contact.as_set(), origin=by_the_system(), requested_by_contact=True)
        block = Block.objects.get()
        assert block.address is None
        text = page(client, viewer, q="Gone@Example.org")
        assert "may not be written to" in text
        assert "Address erased" in text
        assert block.fingerprint.partition(":")[2][:8] in text

    def test_finds_a_block_made_under_an_older_fingerprint_key(
        self, client: Client, project: Project, viewer: User
    ) -> None:
        with override_settings(FINGERPRINT_KEYS={"old": "o" * 40}):
            block = BlockFactory(project=project, address="gone@example.org")
        Block.objects.filter(pk=block.pk).update(address=None)
        with override_settings(FINGERPRINT_KEYS={"new": "n" * 40, "old": "o" * 40}):
            assert "may not be written to" in page(client, viewer, q="gone@example.org")
        with override_settings(FINGERPRINT_KEYS={"new": "n" * 40}):
            assert "Nothing here blocks" in page(client, viewer, q="gone@example.org")

    def test_shows_every_kind_and_what_was_lifted(self, client: Client, project: Project, viewer: User) -> None:
        contact = ContactFactory(project=project, email="many@example.org")
        quarantine(contact.as_set(), "email", origin=by_the_system())
        block = BlockFactory(project=project, address="many@example.org")
        lift(Block.objects.filter(pk=block.pk), origin=by_the_system(), recorded_in=project)
        text = page(client, viewer, q="many@example.org")
        assert "Quarantined" in text and "Lifted" in text
        assert "2 blocks on this page" in text

    def test_names_a_slip_of_an_address(self, client: Client, project: Project, viewer: User) -> None:
        assert "Write it like name@example.org." in page(client, viewer, q="gone@")
        assert "Write it with the country code" in page(client, viewer, q="0418")


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, {"listed", "asked"}),
        ({"cause": "listed"}, {"listed"}),
        ({"channel": "sms"}, set()),
        ({"state": "lifted"}, {"lifted"}),
        ({"state": "both"}, {"listed", "asked", "lifted"}),
        ({"kind": "quarantine"}, {"bounced"}),
        ({"kind": "quarantine", "cause": "delivery_errors"}, set()),
        ({"kind": "opt_out"}, {"opted"}),
        ({"scope": "organization"}, {"asked"}),
        ({"scope": "project"}, {"listed"}),
    ],
)
def test_filters(
    client: Client, organization: Organization, project: Project, viewer: User, query: dict[str, str], shown: set[str]
) -> None:
    names = {"listed", "asked", "lifted", "bounced", "opted"}
    contacts = {name: ContactFactory(project=project, email=f"{name}@example.org") for name in names}
    BlockFactory(project=project, address="listed@example.org")
    BlockFactory(organization=organization, address="asked@example.org", cause=Cause.REQUEST)
    lifted = BlockFactory(project=project, address="lifted@example.org")
    lift(Block.objects.filter(pk=lifted.pk), origin=by_the_system(), recorded_in=project)
    quarantine(contacts["bounced"].as_set(), "email", origin=by_the_system())
    opt_out(contacts["opted"].as_set(), "email", origin=by_the_system())
    text = page(client, viewer, **query)
    assert {name for name in names if f"{name}@example.org" in text} == shown


@pytest.mark.parametrize(
    "query",
    [
        {"q": "\x00"},
        {"q": "a" * 400},
        {"q": "عربي 🙂"},
        {"kind": "bogus"},
        {"kind": "\x00", "cause": "\x00"},
        {"channel": "pigeon"},
        {"state": "x" * 5_000},
        {"scope": "everything"},
        {"cause": "'; DROP TABLE"},
    ],
)
def test_garbage_is_answered_in_words(client: Client, project: Project, viewer: User, query: dict[str, str]) -> None:
    assert page(client, viewer, **query)


@pytest.mark.parametrize("cursor", ["x", "\x00", "bm8", "A" * 3_000])
def test_bad_cursor_is_refused(client: Client, project: Project, viewer: User, cursor: str) -> None:
    client.force_login(viewer)
    assert client.get(URL, {"cursor": cursor}).status_code == 400


def test_goes_page_by_page_newest_first(client: Client, project: Project, viewer: User) -> None:
    for number in range(51):
        BlockFactory(project=project, address=f"n{number:02}@example.org")
    first = page(client, viewer)
    assert "n50@example.org" in first and "n00@example.org" not in first
    following = first.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]
    second = page(client, viewer, URL + following.replace("&amp;", "&"))
    assert "n00@example.org" in second and "n50@example.org" not in second


def test_admins_of_the_organization_see_its_own_entries(
    client: Client, organization: Organization, project: Project, organization_admin: User
) -> None:
    origin = by_the_system(note="Lawyer's letter")
    own = BlockFactory(organization=organization, address="own@example.org", origin=origin).entries.get()
    of_project = BlockFactory(project=project, address="theirs@example.org").entries.get()
    text = page(client, organization_admin, ORGANIZATION_URL, view="history")
    assert f"entry {own.pk}" in text and "Lawyer&#x27;s letter" in text
    assert "own@example.org" in text
    assert f"entry {of_project.pk}" not in text


def test_queries_do_not_grow(client: Client, project: Project, editor: User) -> None:
    def add(numbers: range) -> None:
        for number in numbers:
            ContactFactory(project=project, email=f"n{number}@example.org")
            for _again in range(3):
                BlockFactory(project=project, address=f"n{number}@example.org")

    client.force_login(editor)
    add(range(2))
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    add(range(2, 12))
    with CaptureQueriesContext(connection) as many:
        client.get(URL)
    assert len(many) == len(few) <= 20
