"""``PATCH contacts/{id}``."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, Project, StatusHistory
from contacts.vocabulary import ApiScope, Aspect
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import BlockFactory, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="K-1001", first_name="Ann", last_name="Archer", email="ann@example.org",
        sms="+14185550137", attributes={"city": "Québec", "shop": "Lévis"},
    )  # fmt: skip


def change(program: Program, contact: Contact, body: Any, **headers: str) -> Any:
    return program.send(f"contacts/{contact.pk}", body, method="PATCH", **headers)


def test_what_is_named_changes_and_the_rest_stays(project: Project, ann: Contact) -> None:
    answer = change(
        Program(project),
        ann,
        {
            "key": "K-2002",
            "last_name": "Roy",
            "language": "fr",
            "notes": "Married",
            "attributes": {"city": None, "visits": 3},
            "channels": {"email": {"address": "Ann.Roy@example.org"}, "sms": None},
        },
    )

    shape = answer.json()
    assert answer.status_code == 200
    assert (shape["key"], shape["first_name"], shape["last_name"], shape["language"]) == ("K-2002", "Ann", "Roy", "fr")
    assert shape["notes"] == "Married"
    assert shape["attributes"] == {"shop": "Lévis", "visits": "3"}
    assert {channel: held["address"] for channel, held in shape["channels"].items()} == {"email": "Ann.Roy@example.org"}


def test_the_history_tells_key_and_addresses_and_who(project: Project, ann: Contact) -> None:
    change(Program(project), ann, {"key": "K-2002", "channels": {"email": {"address": ""}}})

    entries = StatusHistory.objects.filter(contact=ann, method="api").order_by("pk")

    assert [(entry.aspect, entry.from_value, entry.to_value, entry.actor_label) for entry in entries] == [
        ("key", "K-1001", "K-2002", "Shop"),
        ("address", "ann@example.org", "", "Shop"),
    ]


def test_an_address_is_marked_as_not_valid_and_valid_again(project: Project, ann: Contact) -> None:
    program = Program(project)

    shut = change(program, ann, {"channels": {"email": {"is_valid": False}}}).json()["channels"]["email"]
    opened = change(program, ann, {"channels": {"email": {"is_valid": True}}}).json()["channels"]["email"]

    assert (shut["is_valid"], shut["sendable"], opened["is_valid"], opened["sendable"]) == (False, False, True, True)
    assert StatusHistory.objects.filter(contact=ann, aspect=Aspect.VALIDITY).count() == 2


def test_a_block_waits_at_the_new_address(project: Project, ann: Contact) -> None:
    BlockFactory(organization=project.organization, address="waiting@example.org")

    answer = change(Program(project), ann, {"channels": {"email": {"address": "waiting@example.org"}}})

    assert answer.json()["channels"]["email"]["suppressed"] is True


def test_the_same_again_changes_nothing(project: Project, ann: Contact) -> None:
    program = Program(project)
    body = {"last_name": "Roy", "channels": {"email": {"address": "roy@example.org"}}}
    first = change(program, ann, body)
    entries = StatusHistory.objects.filter(contact=ann).count()

    again = change(program, ann, body)

    assert again.json() == first.json()
    assert StatusHistory.objects.filter(contact=ann).count() == entries


def test_nothing_to_change_is_no_mistake(project: Project, ann: Contact) -> None:
    program = Program(project)

    assert change(program, ann, {}).json() == program.ask(f"contacts/{ann.pk}").json()


def test_nobody_overwrites_what_they_have_not_seen(project: Project, ann: Contact) -> None:
    program = Program(project)
    seen = program.ask(f"contacts/{ann.pk}").headers["ETag"]

    first = change(program, ann, {"last_name": "Roy"}, If_Match=seen)
    second = change(program, ann, {"last_name": "Gagnon"}, If_Match=seen)
    third = change(program, ann, {"last_name": "Gagnon"}, If_Match=first.headers["ETag"])

    assert (first.status_code, second.status_code, third.status_code) == (200, 412, 200)
    assert second.json()["code"] == "changed_since"
    assert third.json()["last_name"] == "Gagnon"


def test_a_status_that_changed_since_is_another_state(project: Project, ann: Contact) -> None:
    program = Program(project)
    seen = program.ask(f"contacts/{ann.pk}").headers["ETag"]
    program.send(f"contacts/{ann.pk}/channels/email/opt-out", {"reason": "own_request"})

    assert change(program, ann, {"last_name": "Roy"}, If_Match=seen).status_code == 412
    assert change(program, ann, {"last_name": "Roy"}, If_Match="*").status_code == 200


def test_a_refusal_leaves_everything_as_it_was(project: Project, ann: Contact) -> None:
    program = Program(project)
    ContactFactory(project=project, key="TAKEN")
    before = program.ask(f"contacts/{ann.pk}").json()

    taken = change(program, ann, {"last_name": "Roy", "key": "TAKEN"})
    no_address = change(program, ann, {"last_name": "Roy", "channels": {"sms": {"address": "x"}}})

    assert (taken.status_code, taken.json()["code"]) == (409, "key_taken")
    assert (no_address.status_code, no_address.json()["errors"][0]["field"]) == (422, "channels.sms.address")
    assert program.ask(f"contacts/{ann.pk}").json() == before


@pytest.mark.parametrize(
    "body",
    [
        {"is_active": False},
        {"key": ""},
        {"key": "a\x00"},
        {"attributes": {"a": []}},
        {"channels": {"email": {"address": "ann@example.org", "opted_out": True}}},
        {"channels": {"email": {"is_valid": "perhaps"}}},
        [],
        "text",
    ],
)
def test_what_cannot_be_stored_is_refused(project: Project, ann: Contact, body: Any) -> None:
    program = Program(project)
    before = program.ask(f"contacts/{ann.pk}").json()

    assert change(program, ann, body).status_code == 422
    assert program.ask(f"contacts/{ann.pk}").json() == before


def test_who_may_only_read_changes_nothing(project: Project, ann: Contact) -> None:
    answer = change(Program(project, [ApiScope.READ]), ann, {"last_name": "Roy"})

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")


def test_contacts_of_others_are_not_there(project: Project, other_project: Project) -> None:
    elsewhere = ContactFactory(project=other_project)
    program = Program(project)

    assert change(program, elsewhere, {"last_name": "Roy"}).status_code == 404
    assert program.send(f"contacts/{NO_SUCH_ID}", {}, method="PATCH").status_code == 404
    elsewhere.refresh_from_db()
    assert elsewhere.last_name == ""
