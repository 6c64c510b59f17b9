"""``Idempotency-Key``: who sends a POST again gets the same answer, and nothing is done twice."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from contacts.chores import CHORES
from contacts.models import Contact, IdempotentRequest, Project
from tests.api.program import Program
from tests.factories import ContactFactory, ProjectFactory

pytestmark = pytest.mark.django_db
ANN = {"key": "K-1001", "first_name": "Annabel", "channels": {"email": {"address": "ann@example.org"}}}
KEY = "5f0c7b1e-6f8e-4d0f-9a35-6a1d1b6f7f10"


@pytest.fixture(autouse=True)
def nothing_spent() -> None:
    cache.clear()


def age(period: timedelta) -> None:
    IdempotentRequest.objects.update(created_at=timezone.now() - period)


def test_the_same_request_gets_the_same_answer_and_is_done_once(project: Project) -> None:
    program = Program(project)

    first = program.send("contacts", ANN, Idempotency_Key=KEY)
    again = program.send("contacts", ANN, Idempotency_Key=KEY)

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    for name in ("Content-Type", "Location", "ETag"):
        assert again.headers.get(name) == first.headers.get(name)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert Contact.objects.count() == 1
    assert IdempotentRequest.objects.count() == 1


def test_without_a_key_nothing_is_kept(project: Project) -> None:
    program = Program(project)
    assert program.send("contacts", ANN).status_code == 201
    assert program.send("contacts", ANN).status_code == 409
    assert not IdempotentRequest.objects.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [("contacts", {**ANN, "first_name": "Anne"}), ("contacts?x=1", ANN), ("blocks", ANN), ("eligibility", ANN)],
)
def test_another_request_with_the_same_key_is_refused(project: Project, path: str, body: dict[str, Any]) -> None:
    program = Program(project)
    program.send("contacts", ANN, Idempotency_Key=KEY)

    answer = program.send(path, body, Idempotency_Key=KEY)

    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert Contact.objects.get().first_name == "Annabel"


def test_a_refusal_is_given_again_too(project: Project) -> None:
    """A retry is told what the first was told, though by now the answer could be another one."""
    other = ContactFactory(project=project, key="K-1001")
    program = Program(project)
    first = program.send("contacts", ANN, Idempotency_Key=KEY)
    assert first.status_code == 409
    Contact.objects.filter(pk=other.pk).update(key="K-2")

    again = program.send("contacts", ANN, Idempotency_Key=KEY)

    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["Content-Type"] == "application/problem+json"
    assert program.send("contacts", ANN, Idempotency_Key=f"{KEY}-2").status_code == 201


def test_a_day_later_the_key_is_free(project: Project) -> None:
    program = Program(project)
    program.send("contacts", ANN, Idempotency_Key=KEY)
    age(timedelta(hours=23, minutes=59))
    assert program.send("contacts", ANN, Idempotency_Key=KEY).status_code == 201

    age(timedelta(hours=24))

    assert program.send("contacts", ANN, Idempotency_Key=KEY).json()["code"] == "key_taken"
    assert program.send("contacts", {**ANN, "key": "K-2"}, Idempotency_Key=KEY).status_code == 422
    assert IdempotentRequest.objects.count() == 1


def test_keys_of_two_tokens_do_not_meet(project: Project) -> None:
    programs = [Program(project), Program(project), Program(ProjectFactory())]
    bodies = [ANN, {**ANN, "key": "K-2"}, ANN]
    answers = [
        program.send("contacts", body, Idempotency_Key=KEY) for program, body in zip(programs, bodies, strict=True)
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert len({request.key_digest for request in IdempotentRequest.objects.all()}) == 3


def test_a_token_that_lost_its_rights_is_told_nothing_again(project: Project) -> None:
    program = Program(project)
    program.send("contacts", ANN, Idempotency_Key=KEY)
    program.token.revoked_at = timezone.now()
    program.token.save()

    answer = program.send("contacts", ANN, Idempotency_Key=KEY)

    assert answer.status_code == 401
    assert b"Annabel" not in answer.content


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256, "tab\there", "nul\0"])
def test_a_bad_key_is_refused(project: Project, key: str) -> None:
    program = Program(project)
    answer = program.send("contacts", ANN, Idempotency_Key=key)
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_idempotency_key")
    assert not Contact.objects.exists()


def test_the_longest_key(project: Project) -> None:
    program = Program(project)
    assert program.send("contacts", ANN, Idempotency_Key="~" * 255).status_code == 201
    assert program.send("contacts", ANN, Idempotency_Key="~" * 255).headers["Idempotent-Replayed"] == "true"


def test_what_changes_nothing_is_asked_anew(project: Project) -> None:
    """“May I send?” is never answered from memory: the answer may no longer hold."""
    contact = ContactFactory(project=project, email="ann@example.org")
    program = Program(project)
    asked = {"channel": "email", "addresses": ["ann@example.org"]}
    first = program.send("eligibility", asked, Idempotency_Key=KEY)
    assert first.json()["results"][0]["sendable"]
    program.send(f"contacts/{contact.pk}/deactivate", {"reason": "other"})

    again = program.send("eligibility", asked, Idempotency_Key=KEY)

    assert not again.json()["results"][0]["sendable"]
    assert program.send("eligibility", {**asked, "addresses": []}, Idempotency_Key=KEY).status_code == 422


def test_only_a_post_takes_a_key(project: Project) -> None:
    contact = ContactFactory(project=project, first_name="Ann")
    program = Program(project)
    for name in ("Anne", "Anna"):
        answer = program.send(f"contacts/{contact.pk}", {"first_name": name}, method="PATCH", Idempotency_Key=KEY)
        assert answer.json()["first_name"] == name
    assert not IdempotentRequest.objects.exists()


def everything_kept() -> str:
    """Every column of every row of the table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {IdempotentRequest._meta.db_table}")
        return " ".join(
            bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)
            for row in cursor.fetchall()
            for value in row
        )


def test_what_is_kept_cannot_be_read_without_the_request(project: Project) -> None:
    Program(project).send("contacts", ANN, Idempotency_Key=KEY)
    kept = everything_kept()
    assert len(kept) > 300
    for text in ("K-1001", "Annabel", "ann@example.org", KEY):
        assert text not in kept
        assert text.encode().hex() not in kept


def test_an_erasure_leaves_nothing_that_can_be_read(project: Project) -> None:
    """Not even who still has the key is told again what the register forgot."""
    program = Program(project)
    contact = program.send("contacts", ANN, Idempotency_Key=KEY).json()["id"]
    stopped = program.send(f"contacts/{contact}/deactivate", {"reason": "other"}, Idempotency_Key=f"{KEY}-2")
    assert b"ann@example.org" in stopped.content
    neighbour = program.send("contacts", {"key": "K-2"}, Idempotency_Key=f"{KEY}-3")
    body = {"confirm": "K-1001", "requested_by_contact": True}
    assert program.send(f"contacts/{contact}", body, method="DELETE").status_code == 200

    kept = everything_kept()
    answers = [
        program.send("contacts", ANN, Idempotency_Key=KEY),
        program.send(f"contacts/{contact}/deactivate", {"reason": "other"}, Idempotency_Key=f"{KEY}-2"),
    ]

    for text in ("K-1001", "Annabel", "ann@example.org", KEY):
        assert text not in kept
    for answer in answers:
        assert (answer.status_code, answer.json()["code"]) == (404, "contact_gone")
        assert b"Ann" not in answer.content and b"ann@" not in answer.content
    assert program.send("contacts", {"key": "K-2"}, Idempotency_Key=f"{KEY}-3").content == neighbour.content
    assert Contact.objects.filter(project=project).count() == 1


def test_the_answer_of_a_block_is_not_told_again_after_an_erasure(project: Project) -> None:
    """It names an address, and not whose that is."""
    program = Program(project)
    contact = program.send("contacts", ANN, Idempotency_Key=KEY).json()["id"]
    program.send(f"contacts/{contact}/channels/email/quarantine")
    [block] = program.ask("blocks").json()["items"]
    lift = f"blocks/{block['id']}/lift"
    first = program.send(lift, {"note": "It works again"}, Idempotency_Key=f"{KEY}-2")
    assert b"ann@example.org" in first.content
    assert program.send(lift, {"note": "It works again"}, Idempotency_Key=f"{KEY}-2").content == first.content
    program.send(f"contacts/{contact}", {"confirm": "K-1001", "requested_by_contact": True}, method="DELETE")

    again = program.send(lift, {"note": "It works again"}, Idempotency_Key=f"{KEY}-2")

    assert (again.status_code, again.json()["code"]) == (404, "contact_gone")


def test_after_a_day_the_workers_forget(project: Project) -> None:
    program = Program(project)
    program.send("contacts", ANN, Idempotency_Key=KEY)
    age(timedelta(hours=25))
    program.send("contacts", {**ANN, "key": "K-2"}, Idempotency_Key=f"{KEY}-2")
    [chore] = [chore for chore in CHORES if chore.key == "purge_answers"]

    chore.do(timezone.now())

    assert IdempotentRequest.objects.count() == 1
    assert program.send("contacts", {**ANN, "key": "K-2"}, Idempotency_Key=f"{KEY}-2").status_code == 201
