"""``POST inbound-sms``."""

from __future__ import annotations

from typing import Any

import pytest

from consent.models import InboundReply
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.vocabulary import ApiScope
from tests.api.program import Program
from tests.consent.links import row_of
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
NUMBER = "+14185550137"
SCHEMA = {"id", "action", "reply", "contacts"}


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="ann", sms=NUMBER)


@pytest.fixture
def gateway(project: Project) -> Program:
    return Program(project, [ApiScope.REPORT], name="SMS gateway")


def text(gateway: Program, words: str, sender: str = NUMBER, **fields: Any) -> Any:
    return gateway.send("inbound-sms", {"from": sender, "to": "36111", "text": words, **fields})


def test_stop(gateway: Program, ann: Contact) -> None:
    answer = text(gateway, "STOP")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": InboundReply.objects.get().pk, "action": "stopped", "reply": None, "contacts": [ann.pk],
    }  # fmt: skip
    assert row_of(ann, "sms").suppressed


def test_each_answer(gateway: Program, ann: Contact) -> None:
    said = ["STOP", "START", "HELP", "please stop", "See you on Sunday"]

    answers = [text(gateway, words).json() for words in said]

    assert [answer["action"] for answer in answers] == ["stopped", "started", "help", "waiting", "none"]
    assert [answer["reply"] is not None for answer in answers] == [False, False, True, False, False]
    assert all(set(answer) == SCHEMA for answer in answers)


def test_a_number_that_nobody_has(gateway: Program, project: Project) -> None:
    answer = text(gateway, "ARRÊT").json()

    assert (answer["action"], answer["contacts"]) == ("stopped", [])
    assert Block.objects.get(is_on=True).cause == "stop"


def test_the_history_names_the_contact_and_the_gateway(gateway: Program, ann: Contact) -> None:
    text(gateway, "STOP")

    entry = StatusHistory.objects.select_related("detail").get(contact=ann, aspect="suppression")
    assert (entry.actor_kind, entry.method) == ("contact", "sms")
    assert entry.detail.evidence["provider"] == "SMS gateway"


@pytest.mark.parametrize("again", [{}, {"id": "SM1"}])
def test_the_same_message_twice(gateway: Program, ann: Contact, again: dict[str, str]) -> None:
    first = text(gateway, "STOP", **again).json()

    assert text(gateway, "STOP", **again).json() == first
    assert StatusHistory.objects.filter(aspect="suppression").count() == 1


def test_the_same_idempotency_key(gateway: Program, ann: Contact) -> None:
    told = {"from": NUMBER, "to": "36111", "text": "STOP"}
    first = gateway.send("inbound-sms", told, Idempotency_Key="one")
    text(gateway, "START")

    assert gateway.send("inbound-sms", told, Idempotency_Key="one").json() == first.json()
    assert not row_of(ann, "sms").suppressed


@pytest.mark.parametrize("sender", ["ACME", "", "36111", "MUSEUM1", "\x00"])
def test_a_sender_that_is_no_number(gateway: Program, sender: str) -> None:
    answer = text(gateway, "STOP", sender)

    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_number")
    assert answer["Content-Type"] == "application/problem+json"
    assert not InboundReply.objects.exists()


@pytest.mark.parametrize(
    "sent",
    [{}, {"from": NUMBER}, {"from": NUMBER, "text": 5}, {"from": NUMBER, "text": "a" * 10_001},
     {"from": NUMBER, "text": "STOP", "more": 1}, {"from": None, "text": "STOP"}, {"from": NUMBER, "text": None},
     {"from": NUMBER, "text": "STOP", "occurred_at": "2026-01-01T12:00:00"}, ["STOP"], "STOP"],
)  # fmt: skip
def test_what_is_no_message(gateway: Program, sent: Any) -> None:
    assert gateway.send("inbound-sms", sent).status_code == 422


def test_the_future_is_refused(gateway: Program) -> None:
    answer = text(gateway, "STOP", occurred_at="2999-01-01T00:00:00Z")

    assert answer.json()["code"] == "in_the_future"


def test_a_lone_surrogate_is_no_error_of_ours(gateway: Program) -> None:
    assert text(gateway, "STOP \ud800").status_code == 422


def test_needs_the_scope(project: Project) -> None:
    every_other = [scope for scope in ApiScope.values if scope != ApiScope.REPORT]

    assert text(Program(project, every_other), "STOP").status_code == 403
    assert not InboundReply.objects.exists()


def test_contacts_of_another_project_are_not_named(gateway: Program, other_project: Project) -> None:
    ContactFactory(project=other_project, sms=NUMBER)

    assert text(gateway, "STOP").json()["contacts"] == []
