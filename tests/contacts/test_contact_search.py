"""Searching by key, name or address: what is found, by whom, and through which index."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from contacts.addresses import fingerprint
from contacts.forms.contacts import BY_CHANGE, BY_NAME
from contacts.models import ChannelStatus, Contact, Project
from contacts.selectors.contacts import ORDERS
from contacts.selectors.search import search
from tests.factories import ContactFactory, ProjectFactory


def found(project: Project, text: str) -> set[str]:
    return set(search(project, text).values_list("key", flat=True))


@pytest.fixture
def amelie(project: Project) -> Contact:
    return ContactFactory(
        project=project,
        key="HM-204817",
        first_name="Amélie",
        last_name="Gagnon Roy",
        email="Amelie.Gagnon@Example.org",
        sms="+1 418 555 0137",
        push="Device-7F",
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    "text",
    [
        "HM-204817", "hm-2048", "HM-2",
        "Gagnon", "gagnon roy", "GAGNON", "Amélie", "amélie", "AMÉLIE", "Am",
        "Amélie Gagnon", "amélie gagnon roy", "Gagnon Roy Amélie", "Gagnon Roy, Amélie", "Am Ga", "Ga Am",
        "amelie.gagnon@example.org", "AMELIE.GAGNON@EXAMPLE.ORG", "amelie.gag",
        "+1 418 555 0137", "+1 (418) 555-0137", "+14185550137", "+1 418", "1 418 555",
        "Device-7F", "Device",
        "  Gagnon  ",
    ],
)  # fmt: skip
def test_a_contact_is_found_by_key_name_and_address_or_their_beginnings(
    project: Project, amelie: Contact, text: str
) -> None:
    ContactFactory(project=project, key="OTHER", first_name="Otto", last_name="Meier", email="otto@example.com")
    assert found(project, text.strip()) == {amelie.key}


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["204817", "agnon", "example.org", "%", "_", "H_-2", "HM%", "\\", "'", "418 555 0137"])
def test_what_is_not_a_beginning_is_not_found(project: Project, amelie: Contact, text: str) -> None:
    assert found(project, text) == set()


@pytest.mark.django_db
def test_jokers_are_letters_like_others(project: Project) -> None:
    ContactFactory(project=project, key="100%_sure\\")
    ContactFactory(project=project, key="100 not")
    assert found(project, "100%") == {"100%_sure\\"}
    assert found(project, "100%_sure\\") == {"100%_sure\\"}


@pytest.mark.django_db
def test_a_national_number_is_that_of_the_projects_country(project: Project, amelie: Contact) -> None:
    project.default_country = "CA"
    project.save()
    assert found(project, "(418) 555-0137") == found(project, "418 555") == {amelie.key}


@pytest.mark.django_db
def test_nobody_of_another_project_is_found(project: Project, other_project: Project, amelie: Contact) -> None:
    for text in ("HM-204817", "Gagnon", "amelie.gagnon@example.org"):
        assert found(other_project, text) == set()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["陈小雨", "يوسف", "🦊 Fox", "Żak", "O’Leary", "Ω-мега"])
def test_names_of_any_script_are_found(project: Project, name: str) -> None:
    contact = ContactFactory(project=project, last_name=name)
    assert found(project, name) == found(project, name[:3]) == {contact.key}


class TestLaw(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(
        key=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12),
        length=st.integers(1, 12),
    )
    def test_every_beginning_of_a_key_finds_it(self, key: str, length: int) -> None:
        project = ProjectFactory()
        contact = ContactFactory(project=project, key=key)
        assert contact.key in found(project, contact.key[:length])


def _many(project: Project, number: int = 20_000) -> None:
    """Bare rows, which is all that a plan depends on."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    here = {"organization_id": project.organization_id, "project": project}
    contacts = Contact.objects.bulk_create(
        Contact(
            **here, key=f"K-{place:06}", first_name=f"First{place % 977}", last_name=f"Last{place % 4999}",
            created_at=moment, last_entry_at=moment,
        )
        for place in range(number)
    )  # fmt: skip
    ChannelStatus.objects.bulk_create(
        ChannelStatus(
            **here, contact=contact, channel="email", address=f"reader{place}@example.org",
            address_key=f"reader{place}@example.org", fingerprint=fingerprint("email", f"{place}"),
        )
        for place, contact in enumerate(contacts)
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


@pytest.mark.django_db
def test_search_and_list_read_indexes_and_never_the_whole_table(project: Project) -> None:
    _many(project)
    for text in ("K-01234", "Last4321", "First976 Last1", "reader123@example.org", "reader1234", "+1 418 555 0137"):
        plan = search(project, text).order_by("last_name", "first_name", "id")[:51].explain()
        for index in ("contact_by_key_beginning", "contact_by_last_name", "channel_status_by_beginning"):
            assert index in plan, f"{text}: {plan}"
        for whole in ("Seq Scan", "SCAN contacts", "SCAN U0"):
            assert whole not in plan, f"{text}: {plan}"
    for order, index in ((BY_NAME, "contact_by_name"), (BY_CHANGE, "contact_by_change")):
        plan = Contact.objects.in_project(project).order_by(*ORDERS[order])[:51].explain()
        assert index in plan and "Sort" not in plan and "B-TREE" not in plan, plan
