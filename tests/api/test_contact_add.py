"""``POST contacts``, ``GET contacts/{id}``."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, Project, StatusHistory
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import BlockFactory, ContactFactory

pytestmark = pytest.mark.django_db
ANN = {
    "key": "K-1001",
    "first_name": "Ann",
    "last_name": "Archer",
    "language": "en-CA",
    "notes": "Two lines\nof notes",
    "attributes": {"city": "Québec", "visits": 12, "ratio": 0.5, "vip": True, "nothing": None, "empty": ""},
    "channels": {"email": {"address": "Ann@Example.org"}, "sms": {"address": "+1 418 555 0137"}},
}


def test_a_contact_is_added_as_it_was_sent(project: Project) -> None:
    program = Program(project)

    answer = program.send("contacts", ANN)

    assert answer.status_code == 201
    shape = answer.json()
    assert answer.headers["Location"] == f"/api/v1/contacts/{shape['id']}"
    assert {name: shape[name] for name in ("key", "first_name", "last_name", "language", "notes", "is_active")} == {
        "key": "K-1001",
        "first_name": "Ann",
        "last_name": "Archer",
        "language": "en-CA",
        "notes": "Two lines\nof notes",
        "is_active": True,
    }
    assert shape["attributes"] == {"city": "Québec", "visits": "12", "ratio": "0.5", "vip": "true"}
    assert shape["channels"] == {
        "email": {
            "address": "Ann@example.org", "is_valid": True, "opted_out": False, "quarantined": False,
            "suppressed": False, "sendable": True,
        },
        "sms": {
            "address": "+1 418-555-0137", "is_valid": True, "opted_out": False, "quarantined": False,
            "suppressed": False, "sendable": True,
        },
    }  # fmt: skip
    again = program.ask(f"contacts/{shape['id']}")
    assert again.json() == shape
    assert again.headers["ETag"] == answer.headers["ETag"]


def test_the_history_names_the_token(project: Project) -> None:
    number = (
        Program(project)
        .send("contacts", {"key": "K-1", "channels": {"email": {"address": "a@example.org"}}})
        .json()["id"]
    )

    entries = StatusHistory.objects.filter(contact=number)

    assert {(entry.aspect, entry.method, entry.actor_kind, entry.actor_label) for entry in entries} == {
        ("active", "api", "token", "Shop"),
        ("address", "api", "token", "Shop"),
    }


def test_a_block_on_the_address_holds_at_once(project: Project) -> None:
    BlockFactory(organization=project.organization, address="blocked@example.org")

    answer = Program(project).send(
        "contacts", {"key": "K-1", "channels": {"email": {"address": "Blocked@example.org"}}}
    )

    email = answer.json()["channels"]["email"]
    assert (email["suppressed"], email["sendable"]) == (True, False)


def test_the_same_key_in_the_request_adds_one_contact(project: Project) -> None:
    program = Program(project)

    first, again = (program.send("contacts", ANN, Idempotency_Key="4e7c") for _time in range(2))

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Contact.objects.in_project(project).count() == 1


def test_a_key_that_is_taken_is_a_conflict(project: Project) -> None:
    ContactFactory(project=project, key="K-1001")

    answer = Program(project).send("contacts", ANN)

    assert (answer.status_code, answer.json()["code"]) == (409, "key_taken")
    assert Contact.objects.in_project(project).count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "a\x00b"}, "key"),
        ({"key": "\ud800"}, "key"),
        ({"key": "k" * 255}, "key"),
        ({"key": None}, "key"),
        ({"first_name": "x" * 151}, "first_name"),
        ({"last_name": "a\nb"}, "last_name"),
        ({"language": "english"}, "language"),
        ({"notes": "x" * 10_001}, "notes"),
        ({"attributes": {"address": {"city": "Québec"}}}, "attributes"),
        ({"attributes": {"cities": ["Québec"]}}, "attributes"),
        ({"attributes": {"n" * 101: "x"}}, "attributes"),
        ({"attributes": {"": "x"}}, "attributes"),
        ({"attributes": {"a": "x", " a": "y"}}, "attributes"),
        ({"attributes": {"a": "x\x00"}}, "attributes"),
        ({"attributes": {str(number): "x" for number in range(201)}}, "attributes"),
        ({"attributes": {"long": 10**2_500}}, "attributes"),
        ({"channels": {"email": {"address": "no address"}}}, "channels.email.address"),
        ({"channels": {"sms": {"address": "12"}}}, "channels.sms.address"),
        ({"channels": {"fax": {"address": "12"}}}, "channels.fax.[key]"),
        ({"is_active": False}, "is_active"),
    ],
)
def test_what_cannot_be_stored_is_refused_at_its_field(project: Project, change: dict[str, Any], field: str) -> None:
    answer = Program(project).send("contacts", {**ANN, **change})

    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert not Contact.objects.in_project(project).exists()


def test_a_number_beyond_all_bounds_is_refused(project: Project) -> None:
    body = b'{"key": "K-1", "attributes": {"far": 1e999}}'

    answer = Program(project).generic("POST", "/api/v1/contacts", body, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("key", ["🦊 fox", "مرحبا", "O'Neil; DROP TABLE", "\u202eKEY"])
def test_keys_of_any_script_are_kept(project: Project, key: str) -> None:
    program = Program(project)

    assert program.send("contacts", {"key": key}).status_code == 201
    assert [item["key"] for item in program.ask("contacts", key=key).json()["items"]] == [key]


def test_who_may_only_read_adds_nobody(project: Project) -> None:
    answer = Program(project, [ApiScope.READ]).send("contacts", ANN)

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")
    assert not Contact.objects.in_project(project).exists()


def test_contacts_of_others_and_unknown_ones_are_not_there(project: Project, other_project: Project) -> None:
    elsewhere = ContactFactory(project=other_project)
    program = Program(project)

    for number in (elsewhere.pk, 0, NO_SUCH_ID, 10**30):
        answer = program.ask(f"contacts/{number}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
