"""``GET contacts``."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Project
from contacts.services.merging import merge, merge_preview
from contacts.services.opt_outs import opt_out
from contacts.services.register import set_validity
from contacts.services.status import deactivate
from contacts.vocabulary import Channel
from tests.api.program import Program
from tests.factories import BlockFactory, ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


def keys(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["key"] for item in answer.json()["items"]]


@pytest.fixture
def four(project: Project) -> list[Contact]:
    """Active with an email; inactive; opted out of email; without any address."""
    people = [
        ContactFactory(project=project, key="active", email="ann@example.org", last_name="Archer"),
        ContactFactory(project=project, key="inactive", email="ben@example.org", last_name="Zola"),
        ContactFactory(project=project, key="out", email="cleo@example.org", sms="+14185550137", last_name="Zorn"),
        ContactFactory(project=project, key="nothing", last_name="Nemo"),
    ]
    deactivate(people[1].as_set(), origin=by_the_system())
    opt_out(people[2].as_set(), Channel.EMAIL, origin=by_the_system())
    return people


def test_all_page_by_page(project: Project, four: list[Contact]) -> None:
    program = Program(project)

    first = program.ask("contacts", limit=3)
    second = program.ask("contacts", limit=3, cursor=first.json()["next"])

    assert keys(first) + keys(second) == ["active", "inactive", "out", "nothing"]
    assert second.json()["next"] is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"key": "out"}, ["out"]),
        ({"key": "ou"}, []),
        ({"address": "ANN@example.org"}, ["active"]),
        ({"address": "+1 (418) 555-0137"}, ["out"]),
        ({"address": "nobody@example.org"}, []),
        ({"address": "ann@example.org", "channel": "push"}, []),
        ({"channel": "sms"}, ["out"]),
        ({"status": "inactive"}, ["inactive"]),
        ({"status": "active", "channel": "email"}, ["active", "out"]),
        ({"reason": "inactive"}, ["inactive"]),
        ({"reason": "opted_out"}, ["out"]),
        ({"reason": "not_opted_out", "channel": "email"}, ["out"]),
        ({"reason": "opted_out", "channel": "sms"}, []),
        ({"reason": "sendable", "channel": "email"}, ["active"]),
        ({"reason": "sendable"}, ["active", "out"]),
        ({"reason": "no_address", "channel": "email"}, ["nothing"]),
        ({"reason": "invalid_address"}, []),
        ({"q": "zo"}, ["inactive", "out"]),
        ({"q": "zo", "order": "name"}, ["inactive", "out"]),
        ({"order": "name"}, ["active", "nothing", "inactive", "out"]),
        ({"method": "api"}, []),
        ({"changed_from": "2999-01-01"}, []),
        ({"changed_to": "1999-01-01"}, []),
        ({"unknown": "x", "key": "out"}, ["out"]),
    ],
)
def test_filters(project: Project, four: list[Contact], query: dict[str, str], expected: list[str]) -> None:
    assert keys(Program(project).ask("contacts", **query)) == expected


def test_states_of_an_address(project: Project) -> None:
    bad = ContactFactory(project=project, key="bad", email="bad@example.org")
    set_validity(bad, Channel.EMAIL, False, origin=by_the_system())
    ContactFactory(project=project, key="listed", email="listed@example.org")
    BlockFactory(project=project, address="listed@example.org")
    program = Program(project)

    assert keys(program.ask("contacts", reason="invalid_address")) == ["bad"]
    assert keys(program.ask("contacts", reason="suppressed", channel="email")) == ["listed"]
    assert keys(program.ask("contacts", reason="quarantined")) == []


def test_who_shares_an_address_is_found_together(project: Project) -> None:
    for key in ("one", "two"):
        ContactFactory(project=project, key=key, email="family@example.org")

    assert keys(Program(project).ask("contacts", address="family@example.org")) == ["one", "two"]


def test_the_key_of_somebody_merged_finds_who_they_are_now(project: Project) -> None:
    stays, goes = ContactFactory(project=project, key="stays"), ContactFactory(project=project, key="goes")
    merge(stays, goes, take=frozenset(), origin=by_the_system(), expected=merge_preview(stays, goes).digest)
    program = Program(project)

    assert keys(program.ask("contacts", key="goes")) == ["stays"]
    assert keys(program.ask("contacts")) == ["stays"]
    assert program.ask(f"contacts/{goes.pk}").json()["id"] == stays.pk


@pytest.mark.parametrize(
    "query",
    [
        {"key": ""},
        {"key": "a\x00b"},
        {"address": "no address@"},
        {"channel": "fax"},
        {"status": "asleep"},
        {"reason": "mood"},
        {"limit": "0"},
        {"limit": "501"},
        {"limit": "many"},
        {"order": "age"},
        {"changed_from": "yesterday"},
        {"changed_from": "0001-01-01"},
        {"q": "x" * 321},
    ],
)
def test_filters_that_mean_nothing_are_refused(project: Project, query: dict[str, str]) -> None:
    answer = Program(project).ask("contacts", **query)

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] in query


@pytest.mark.parametrize("cursor", ["x", "WyJuIiwgMV0", "\x00", "é", "9" * 2_000])
def test_a_cursor_of_nowhere_is_refused(project: Project, cursor: str) -> None:
    ContactFactory(project=project)
    answer = Program(project).ask("contacts", cursor=cursor, order="name")

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_cursor")


def test_nobody_of_another_project(project: Project, other_project: Project) -> None:
    ContactFactory(project=other_project, key="elsewhere", email="ann@example.org")
    program = Program(project)

    assert keys(program.ask("contacts")) == []
    assert keys(program.ask("contacts", key="elsewhere")) == []
    assert keys(program.ask("contacts", address="ann@example.org")) == []


def test_queries_do_not_grow(project: Project) -> None:
    program = Program(project)
    ContactFactory(project=project, email="r0@example.org", sms="+14185550130")
    program.ask("contacts", reason="sendable")
    with CaptureQueriesContext(connection) as few:
        program.ask("contacts", reason="sendable")
    for number in range(1, 9):
        ContactFactory(project=project, email=f"r{number}@example.org", sms=f"+1418555013{number}")
    with CaptureQueriesContext(connection) as many:
        assert len(program.ask("contacts", reason="sendable").json()["items"]) == 9

    assert len(many) == len(few)
