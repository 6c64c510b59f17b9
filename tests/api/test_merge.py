"""``POST contacts/{id}/merge``."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, Project, StatusHistory
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope, Aspect
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def stays(project: Project) -> Contact:
    return ContactFactory(project=project, key="STAYS", first_name="Ann", email="ann@example.org", sms="+14185550137")


@pytest.fixture
def goes(project: Project) -> Contact:
    return ContactFactory(project=project, key="GOES", last_name="Archer", email="old@example.org", sms="+14185550138")


def test_two_become_one(project: Project, stays: Contact, goes: Contact) -> None:
    program = Program(project)
    deactivate(goes.as_set(), origin=by_the_system())

    answer = program.send(f"contacts/{stays.pk}/merge", {"other": goes.pk, "take": ["sms"]})

    shape = answer.json()
    assert (answer.status_code, shape["id"], shape["key"], shape["is_active"]) == (200, stays.pk, "STAYS", False)
    assert (shape["first_name"], shape["last_name"]) == ("Ann", "Archer")
    assert shape["channels"]["email"]["address"] == "ann@example.org"
    assert shape["channels"]["sms"]["address"] == "+1 418-555-0138"
    assert program.ask(f"contacts/{goes.pk}").json() == shape
    assert program.ask("contacts", key="GOES").json()["items"] == [shape]
    merges = StatusHistory.objects.filter(aspect=Aspect.MERGE)
    assert {(entry.method, entry.actor_label) for entry in merges} == {("api", "Shop")}


def test_who_are_one_already_are_not_merged(project: Project, stays: Contact, goes: Contact) -> None:
    program = Program(project)
    program.send(f"contacts/{stays.pk}/merge", {"other": goes.pk})

    for other in (stays.pk, goes.pk):
        answer = program.send(f"contacts/{stays.pk}/merge", {"other": other})
        assert (answer.status_code, answer.json()["code"]) == (409, "nothing_to_do")


@pytest.mark.parametrize(
    "body", [{}, {"other": 0}, {"other": NO_SUCH_ID}, {"other": "x"}, {"other": 1, "take": ["fax"]}]
)
def test_what_makes_no_sense_is_refused(project: Project, stays: Contact, body: Any) -> None:
    assert Program(project).send(f"contacts/{stays.pk}/merge", body).status_code == 422


def test_who_may_not_and_who_is_not_there(
    project: Project, other_project: Project, stays: Contact, goes: Contact
) -> None:
    elsewhere = ContactFactory(project=other_project)
    program = Program(project)

    reader = Program(project, [ApiScope.READ])
    assert reader.send(f"contacts/{stays.pk}/merge", {"other": goes.pk}).status_code == 403
    assert program.send(f"contacts/{stays.pk}/merge", {"other": elsewhere.pk}).status_code == 404
    assert program.send(f"contacts/{elsewhere.pk}/merge", {"other": stays.pk}).status_code == 404
    assert program.send(f"contacts/{NO_SUCH_ID}/merge", {"other": stays.pk}).status_code == 404
    assert not Contact.objects.filter(merged_into__isnull=False).exists()
