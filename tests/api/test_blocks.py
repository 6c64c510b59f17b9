"""``GET`` and ``POST blocks``, and lifting them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Block, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.vocabulary import ApiScope, Cause, Method, Reason
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import BlockFactory, ContactFactory, today

pytestmark = pytest.mark.django_db
WORD = {"authorization": {"source": "verbal", "reference": "Call of today", "obtained_on": today().isoformat()}}
ANN = {"channel": "email", "addresses": ["Ann@example.org"], "reason": "verbal_request", "note": "By telephone"}


def addresses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [item["address"] for item in answer.json()["items"]]


def test_addresses_are_suppressed_in_the_project(project: Project) -> None:
    program = Program(project)

    answer = program.send("blocks", {**ANN, "addresses": ["Ann@example.org", "ben@example.org", "Ann@example.org"]})

    assert sorted(addresses(answer)) == ["Ann@example.org", "ben@example.org"]
    shape = answer.json()["items"][-1]
    entry = StatusHistory.objects.get(block=shape["id"])
    names = ("channel", "kind", "cause", "scope", "is_on", "weight", "entry", "contacts")
    assert {name: shape[name] for name in names} == {
        "channel": "email", "kind": "suppression", "cause": "request", "scope": "project", "is_on": True, "weight": 1,
        "entry": entry.pk, "contacts": 0,
    }  # fmt: skip
    assert (entry.method, entry.actor_label, entry.project) == ("api", "Shop", project)
    assert program.ask(f"blocks/{shape['id']}").json() == shape
    added = program.send("contacts", {"key": "K", "channels": {"email": {"address": "ann@example.org"}}})
    assert added.json()["channels"]["email"]["suppressed"] is True


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"addresses": ["ann@example.org", "no", "neither"]}, "addresses.1"),
        ({"addresses": ["a\x00@example.org"]}, "addresses.0"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["ann@example.org"] * 1_001}, "addresses"),
        ({"channel": "fax"}, "channel"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
        ({"requested_on": "2999-01-01"}, "requested_on"),
        ({"scope": "organization"}, "scope"),
    ],
)
def test_all_or_none(project: Project, change: dict[str, Any], field: str) -> None:
    answer = Program(project).send("blocks", {**ANN, **change})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == field
    assert not Block.objects.exists()


def test_filters(project: Project) -> None:
    program = Program(project)
    ContactFactory(project=project, email="cleo@example.org")
    program.send("blocks", ANN)
    program.send("blocks", {"channel": "sms", "addresses": ["+14185550137"], "note": "Ours"})
    BlockFactory(organization=project.organization, address="cleo@example.org", cause=Cause.COMPLAINT)
    ours = Block.objects.get(channel="sms")
    program.send(f"blocks/{ours.pk}/lift", {"note": "A slip"})

    assert addresses(program.ask("blocks")) == ["cleo@example.org", "Ann@example.org"]
    assert addresses(program.ask("blocks", state="lifted")) == ["+1 418-555-0137"]
    assert len(addresses(program.ask("blocks", state="both"))) == 3
    assert addresses(program.ask("blocks", address="ANN@example.org")) == ["Ann@example.org"]
    assert addresses(program.ask("blocks", scope="organization")) == ["cleo@example.org"]
    assert addresses(program.ask("blocks", cause="complaint", kind="suppression", channel="email")) == [
        "cleo@example.org"
    ]
    assert addresses(program.ask("blocks", kind="quarantine")) == []
    first = program.ask("blocks", limit=1).json()
    assert addresses(program.ask("blocks", limit=1, cursor=first["next"])) == ["Ann@example.org"]


@pytest.mark.parametrize("query", [{"kind": "x"}, {"state": "x"}, {"address": "x@"}, {"cause": "x"}, {"scope": "x"}])
def test_filters_that_mean_nothing_are_refused(project: Project, query: dict[str, str]) -> None:
    assert Program(project).ask("blocks", **query).status_code == 422


def test_of_the_organization_only_what_concerns_own_contacts_and_never_the_entry(
    project: Project, other_project: Project
) -> None:
    program = Program(project)
    ContactFactory(project=project, email="here@example.org")
    shown = BlockFactory(organization=project.organization, address="here@example.org")
    hidden = BlockFactory(organization=project.organization, address="not-here@example.org")
    foreign = BlockFactory(project=other_project, address="here@example.org")

    [item] = program.ask("blocks", state="both").json()["items"]

    assert (item["id"], item["scope"], item["entry"], item["contacts"]) == (shown.pk, "organization", None, 1)
    for block in (hidden, foreign):
        assert program.ask(f"blocks/{block.pk}").status_code == 404
        assert program.send(f"blocks/{block.pk}/lift", WORD).status_code == 404
        assert program.send("blocks/lift", {"blocks": [block.pk], **WORD}).status_code == 404
    refused = program.send(f"blocks/{shown.pk}/lift", WORD)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert Block.objects.on().count() == 3


def test_what_was_asked_for_takes_an_authorization_and_the_scope(project: Project) -> None:
    program = Program(project)
    number = program.send("blocks", ANN).json()["items"][0]["id"]

    without = program.send(f"blocks/{number}/lift", {"note": "We want to"})
    plain = Program(project, [ApiScope.WRITE]).send(f"blocks/{number}/lift", WORD)
    done = program.send(f"blocks/{number}/lift", WORD)
    again = program.send(f"blocks/{number}/lift", WORD)

    assert (without.status_code, without.json()["code"]) == (403, "authorization_required")
    assert (plain.status_code, plain.json()["code"]) == (403, "authorization_required")
    assert (done.status_code, done.json()["is_on"], done.json()["weight"]) == (200, False, None)
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_do")


def test_a_complaint_no_token_lifts(project: Project) -> None:
    complaint = Origin(Method.SPAM_REPORT, THE_CONTACT, reason=Reason.COMPLAINT)
    block = BlockFactory(project=project, cause=Cause.COMPLAINT, origin=complaint)

    answer = Program(project).send(f"blocks/{block.pk}/lift", WORD)

    assert (answer.status_code, answer.json()["code"]) == (403, "authorization_required")
    assert "No token can" in answer.json()["remedy"]


def test_a_reason_is_needed(project: Project) -> None:
    block = BlockFactory(project=project)

    answer = Program(project).send(f"blocks/{block.pk}/lift", {})

    assert (answer.status_code, answer.json()["code"]) == (422, "reason_missing")


def test_many_are_lifted_and_the_others_named(project: Project) -> None:
    program = Program(project)
    asked = program.send("blocks", ANN).json()["items"][0]["id"]
    ours = [BlockFactory(project=project).pk for _number in range(2)]

    answer = program.send("blocks/lift", {"blocks": [asked, *ours], "note": "Cleaned the list"})

    assert answer.json()["lifted"] == 2
    assert [(skipped["block"], skipped["code"]) for skipped in answer.json()["skipped"]] == [
        (asked, "authorization_required")
    ]
    assert list(Block.objects.on().values_list("pk", flat=True)) == [asked]


@pytest.mark.parametrize("numbers", [[], ["x"], list(range(1, 1_002))])
def test_many_that_make_no_sense(project: Project, numbers: list[Any]) -> None:
    assert Program(project).send("blocks/lift", {"blocks": numbers, "note": "x"}).status_code == 422


def test_who_may_not_and_what_is_not_there(project: Project) -> None:
    block = BlockFactory(project=project)
    reader = Program(project, [ApiScope.READ])

    assert reader.ask(f"blocks/{block.pk}").status_code == 200
    assert reader.send("blocks", ANN).status_code == 403
    assert reader.send(f"blocks/{block.pk}/lift", {"note": "x"}).status_code == 403
    assert reader.send("blocks/lift", {"blocks": [block.pk], "note": "x"}).status_code == 403
    program = Program(project)
    for number in (0, NO_SUCH_ID, -1):
        assert program.ask(f"blocks/{number}").status_code == 404
        assert program.send("blocks/lift", {"blocks": [number], "note": "x"}).status_code == 404
    assert Block.objects.on().count() == 1


def test_queries_do_not_grow(project: Project) -> None:
    program = Program(project)
    BlockFactory(project=project)
    program.ask("blocks")
    with CaptureQueriesContext(connection) as few:
        program.ask("blocks")
    for _number in range(6):
        BlockFactory(project=project)
    with CaptureQueriesContext(connection) as many:
        program.ask("blocks")

    assert len(many) == len(few)
