"""The page of contacts who may be one person: those who share an address, and those of one name and another sign."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.access import access_for
from contacts.models import Contact, Project, User
from contacts.selectors import duplicates
from contacts.selectors.duplicates import folded, of_one_name, with_one_address
from contacts.services.merging import merge
from tests.factories import ContactFactory, ProjectFactory
from tests.origins import EDITOR, by

pytestmark = pytest.mark.django_db


def url(project: Project, query: str = "") -> str:
    return f"{reverse('contacts:duplicates', args=[project.slug])}{query}"


def keys_of(read: Callable[..., duplicates.Groups], viewer: User, cursor: str = "") -> list[tuple[str, list[str]]]:
    groups = read(access_for(viewer, "newsletter"), cursor).groups
    return [(group.words, [row.key for row in group.rows]) for group in groups]


def test_contacts_who_share_an_address(project: Project, viewer: User) -> None:
    ContactFactory(project=project, key="A", email="Family@Example.org", sms="+14185550137")
    ContactFactory(project=project, key="B", email="family@example.org")
    ContactFactory(project=project, key="C", email="other@example.org", sms="+1 418 555 0137")
    ContactFactory(project=project, key="D", email="alone@example.org")
    ContactFactory(project=project, key="E")
    ContactFactory(project=project, key="F")
    assert keys_of(with_one_address, viewer) == [
        ("The same email address: family@example.org", ["A", "B"]),
        ("The same number: +14185550137", ["A", "C"]),
    ]


def test_those_of_another_project_are_not_here(project: Project, viewer: User) -> None:
    for somewhere in (project, ProjectFactory(organization=project.organization)):
        ContactFactory(project=somewhere, first_name="Ann", last_name="Roy", email="ann@example.org")
    assert keys_of(with_one_address, viewer) == []
    assert keys_of(of_one_name, viewer) == []


def test_who_was_merged_is_a_duplicate_no_more(project: Project, viewer: User) -> None:
    first, second = (
        ContactFactory(project=project, first_name="Ann", last_name="Roy", email="ann@example.org") for _number in "ab"
    )
    assert len(keys_of(with_one_address, viewer)) == len(keys_of(of_one_name, viewer)) == 1
    merge(first, second, origin=by(EDITOR))
    assert keys_of(with_one_address, viewer) == []
    assert keys_of(of_one_name, viewer) == []


@pytest.mark.parametrize(
    ("attributes", "others", "why"),
    [
        ({"Postal code": "G1R 4P5"}, {"zip": "g1r4p5"}, "the same postal code (G1R 4P5)"),
        ({"Code postal": "G1R 4P5"}, {"postal_code": "G1R-4P5"}, "the same postal code (G1R 4P5)"),
        ({"Date de naissance": "1980-03-01"}, {"birthday": "1980-03-01"}, "the same date of birth (1980-03-01)"),
        ({"Téléphone": "418 555-0137"}, {"Mobile": "4185550137"}, "the same telephone number (418 555-0137)"),
        ({"Adresse": "12, rue Saint-Jean"}, {"Street": "12 rue saint jean"}, "the same street address"),
    ],
)
def test_one_name_and_one_sign(
    project: Project, viewer: User, attributes: dict[str, str], others: dict[str, str], why: str
) -> None:
    ContactFactory(project=project, key="A", first_name="Élodie", last_name="Martin", attributes=attributes)
    ContactFactory(project=project, key="B", first_name="ELODIE", last_name="martin", attributes=others)
    [(words, keys)] = keys_of(of_one_name, viewer)
    assert keys == ["A", "B"]
    assert words.startswith("The same name, and ")
    assert why in words


def test_the_first_part_of_the_address_is_a_sign(project: Project, viewer: User) -> None:
    ContactFactory(project=project, key="A", first_name="Ann", last_name="Roy", email="ann.roy@example.org")
    ContactFactory(project=project, key="B", first_name="Ann", last_name="Roy", email="Ann.Roy@example.net")
    ContactFactory(project=project, key="C", first_name="Ann", last_name="Roy", email="aroy@example.net")
    [(words, keys)] = keys_of(of_one_name, viewer)
    assert (words, keys) == ("The same name, and the same first part of the email address (ann.roy)", ["A", "B"])


def test_signs_that_overlap_make_one_group(project: Project, viewer: User) -> None:
    named = {"project": project, "first_name": "Ann", "last_name": "Roy"}
    ContactFactory(**named, key="A", email="ann@example.org")
    ContactFactory(**named, key="B", email="ann@example.net", attributes={"zip": "12345"})
    ContactFactory(**named, key="C", attributes={"zip": "12345"})
    [(words, keys)] = keys_of(of_one_name, viewer)
    assert keys == ["A", "B", "C"]
    assert " and the same postal code (12345)" in words


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"first_name": "Ann"}, {"first_name": "Ann"}),
        ({"last_name": "Roy"}, {"last_name": "Roy"}),
        ({"first_name": "Ann", "last_name": "Roy"}, {"first_name": "Anne", "last_name": "Roy"}),
    ],
    ids=["no last name", "no first name", "another name"],
)
def test_a_sign_without_a_full_name_says_nothing(
    project: Project, viewer: User, first: dict[str, str], second: dict[str, str]
) -> None:
    for names in (first, second):
        ContactFactory(project=project, attributes={"zip": "12345"}, **names)
    assert keys_of(of_one_name, viewer) == []


@pytest.mark.parametrize("attributes", [{"City": "Québec"}, {"zip": ""}, {"zip": "--"}, {"zip": None}, {"zip": ["x"]}])
def test_what_many_have_in_common_is_no_sign(project: Project, viewer: User, attributes: dict[str, str]) -> None:
    for _number in range(2):
        contact = ContactFactory(project=project, first_name="Ann", last_name="Roy")
        Contact.objects.filter(pk=contact.pk).update(attributes=attributes)
    assert keys_of(of_one_name, viewer) == []


NAMES = ["Élodie", "ELODIE", "Zoë", "İpek", "Straße", "Ngọc Ánh", "ἈΓΆΠΗ", "שרה", " Ann ", "O’Neil", "🦊", "A\u0301nn"]


def test_both_databases_fold_as_python_does(project: Project) -> None:
    for name in NAMES:
        ContactFactory(project=project, key=name.strip(), first_name=name)
    rows = Contact.objects.annotate(folded=duplicates.Folded("first_name")).values_list("first_name", "folded")
    told = {name: text for name, text in rows if name not in ("İpek", "ἈΓΆΠΗ")}  # cased by the locale of the database
    assert told == {name: folded(name) for name in told}
    assert folded("ÉLODIE") == folded("E\u0301lodie") == "elodie"


def test_pages_follow_each_other(
    project: Project, viewer: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "ADDRESSES_AT_ONCE", 2)
    monkeypatch.setattr(duplicates, "NAMES_AT_ONCE", 2)
    for number in range(5):
        for place in range(2):
            ContactFactory(
                project=project, key=f"{number}{place}", first_name="Ann", last_name=f"Roy{number}",
                email=f"{number}@example.org",
            )  # fmt: skip
    client.force_login(viewer)
    for by_name in ("", "?by=name"):
        seen, page = [], url(project, by_name)
        while page:
            context = client.get(page).context
            seen += [row.key for group in context["groups"] for row in group.rows]
            page = context["next_url"]
        assert seen == [f"{number}{place}" for number in range(5) for place in range(2)]
        back = client.get(context["previous_url"]).context
        assert [row.key for group in back["groups"] for row in group.rows] == ["20", "21", "30", "31"]


def test_large_groups_are_cut(project: Project, viewer: User) -> None:
    for number in range(13):
        ContactFactory(project=project, key=f"{number:02}", email="office@example.org")
    [group] = with_one_address(access_for(viewer, "newsletter")).groups
    assert [row.key for row in group.rows] == [f"{number:02}" for number in range(10)]
    assert group.more == 3


@pytest.mark.parametrize("query", ["", "?by=name"])
def test_queries_do_not_grow(project: Project, viewer: User, client: Client, query: str) -> None:
    client.force_login(viewer)

    def counted(pairs: range) -> int:
        for number in pairs:
            for _place in range(2):
                ContactFactory(
                    project=project, first_name="Ann", last_name=f"Roy {number}", email=f"{number}@example.org"
                )
        with CaptureQueriesContext(connection) as queries:
            client.get(url(project, query))
        return len(queries)

    assert counted(range(1)) == counted(range(1, 8))


def test_editors_are_offered_the_merge_and_viewers_are_not(
    project: Project, viewer: User, editor: User, client: Client
) -> None:
    for _number in range(2):
        ContactFactory(project=project, email="ann@example.org")
    for user, is_offered in ((viewer, False), (editor, True)):
        client.force_login(user)
        assert (b"Compare and merge" in client.get(url(project)).content) is is_offered


def test_nobody_is_a_duplicate(project: Project, viewer: User, client: Client) -> None:
    client.force_login(viewer)
    assert b"No two contacts share an address" in client.get(url(project)).content
    assert b"No two contacts have the same name" in client.get(url(project, "?by=name")).content


@pytest.mark.parametrize("query", ["?by=x", "?by=name%00", "?by=name&by=address", "?cursor="])
def test_garbage_in_the_address_of_the_page(project: Project, viewer: User, client: Client, query: str) -> None:
    client.force_login(viewer)
    assert client.get(url(project, query)).status_code == 200


@pytest.mark.parametrize("cursor", ["x", "W10", "bm8", "é", "WyJuIiwiYSIsMV0"])
@pytest.mark.parametrize("query", ["", "by=name&"])
def test_a_page_that_there_is_not(project: Project, viewer: User, client: Client, query: str, cursor: str) -> None:
    client.force_login(viewer)
    assert client.get(url(project, f"?{query}cursor={cursor}")).status_code in (200, 400)


def test_outsiders_find_nothing(project: Project, stranger: User, nobody: User, client: Client) -> None:
    for user in (stranger, nobody):
        client.force_login(user)
        assert client.get(url(project)).status_code == 404


def test_the_list_of_contacts_leads_here(project: Project, viewer: User, client: Client) -> None:
    client.force_login(viewer)
    assert url(project) in client.get(reverse("contacts:contact_list", args=[project.slug])).content.decode()
