"""``POST eligibility``: may something be sent to these addresses?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext

from consent.models import CommunicationType
from consent.services.consents import grant
from contacts.addresses import normalise
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.services.blocks import opt_out_addresses, quarantine, suppress
from contacts.services.register import change_address
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope, Cause, Channel, Method, Reason
from tests.api.program import Program
from tests.factories import BlockFactory, CommunicationTypeFactory, ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", channels=["email"])


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project, [ApiScope.SEND_CHECK])


def ask(
    program: Program, addresses: Sequence[Any], communication_type: Any = None, channel: str = "email"
) -> list[dict[str, Any]]:
    sent = {"channel": channel, "communication_type": communication_type, "addresses": addresses}
    answer = program.send("eligibility", sent)
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"results"}
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def agree(contact: Contact, topic: CommunicationType) -> None:
    grant(contact.as_set(), topic, "email", origin=Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST))


def test_each_address_is_answered_in_its_place_as_it_was_sent(program: Program, news: CommunicationType) -> None:
    ann = ContactFactory(project=program.token.project, email="ann@example.org")
    agree(ann, news)
    ContactFactory(project=program.token.project, email="ben@example.org")

    sent = ["ben@example.org", " ANN@Example.org ", "no address", "nobody@example.org", "ann@example.org", ""]
    assert ask(program, sent, "news") == [
        {"address": "ben@example.org", "known": True, "sendable": False, "reasons": ["consent"]},
        {"address": " ANN@Example.org ", "known": True, "sendable": True, "reasons": []},
        {"address": "no address", "known": False, "sendable": False, "reasons": ["invalid_address"]},
        {"address": "nobody@example.org", "known": False, "sendable": False, "reasons": ["unknown"]},
        {"address": "ann@example.org", "known": True, "sendable": True, "reasons": []},
        {"address": "", "known": False, "sendable": False, "reasons": ["invalid_address"]},
    ]


@pytest.mark.parametrize("given", [lambda topic: topic.slug, lambda topic: topic.pk])
def test_a_type_is_named_by_slug_or_id(
    program: Program, news: CommunicationType, given: Callable[[CommunicationType], Any]
) -> None:
    ContactFactory(project=program.token.project, email="ann@example.org")
    [result] = ask(program, ["ann@example.org"], given(news))
    assert result["reasons"] == ["consent"]


def test_without_a_type_consent_is_not_asked(program: Program) -> None:
    ContactFactory(project=program.token.project, email="ann@example.org")
    assert ask(program, ["ann@example.org"])[0]["sendable"] is True


def test_every_condition_that_is_not_met_is_a_reason(program: Program, news: CommunicationType) -> None:
    project = program.token.project
    ann = ContactFactory(project=project, email="ann@example.org")
    deactivate(ann.as_set(), origin=by_the_system())
    address = normalise(Channel.EMAIL, "ann@example.org")
    quarantine(ann.as_set(), "email", origin=by_the_system())
    suppress([address], organization=project.organization, cause=Cause.LISTED, origin=by_the_system())
    opt_out_addresses([address], project=project, origin=by_the_system())

    [result] = ask(program, ["ann@example.org"], "news")

    assert result["reasons"] == ["active", "not_quarantined", "not_suppressed", "not_opted_out", "consent"]


def test_blocks_on_an_address_that_nobody_has_are_reasons(program: Program, news: CommunicationType) -> None:
    project = program.token.project
    BlockFactory(organization=project.organization, address="wide@example.org")
    BlockFactory(project=project, address="here@example.org")
    moved = ContactFactory(project=project, email="both@example.org")
    quarantine(moved.as_set(), "email", origin=by_the_system())
    change_address(moved, "email", "moved@example.org", origin=by_the_system())
    opt_out_addresses([normalise(Channel.EMAIL, "both@example.org")], project=project, origin=by_the_system())

    results = ask(program, ["Wide@example.org", "here@example.org", "both@example.org"], "news")

    assert [result["reasons"] for result in results] == [
        ["unknown", "not_suppressed"],
        ["unknown", "not_suppressed"],
        ["unknown", "not_quarantined", "not_opted_out"],
    ]
    assert not any(result["known"] or result["sendable"] for result in results)


def test_blocks_of_others_and_lifted_ones_are_no_reasons(program: Program, other_project: Project) -> None:
    BlockFactory(organization=other_project.organization, address="ann@example.org")
    BlockFactory(project=other_project, address="ann@example.org")
    lifted = BlockFactory(project=program.token.project, address="ben@example.org")
    Block.objects.filter(pk=lifted.pk).update(is_on=False)
    BlockFactory(project=program.token.project, channel="sms", address="+14185550137")

    results = ask(program, ["ann@example.org", "ben@example.org"])

    assert [result["reasons"] for result in results] == [["unknown"], ["unknown"]]


def test_contacts_of_other_projects_are_unknown(program: Program, other_project: Project) -> None:
    ContactFactory(project=other_project, email="ann@example.org")
    assert ask(program, ["ann@example.org"])[0]["reasons"] == ["unknown"]


def test_of_several_contacts_with_one_address_any_may_be_sent_to(program: Program, news: CommunicationType) -> None:
    first, second, third = (ContactFactory(project=program.token.project, email="us@example.org") for _each in range(3))
    deactivate(first.as_set(), origin=by_the_system())
    [result] = ask(program, ["us@example.org"], "news")
    assert result["reasons"] == ["consent"], "told of who lacks least"

    agree(third, news)
    assert ask(program, ["us@example.org"], "news")[0]["sendable"] is True

    deactivate(third.as_set(), origin=by_the_system())
    assert ask(program, ["us@example.org"], "news")[0]["sendable"] is False
    assert second.pk


def test_bulk_and_single_agree(project: Project, news: CommunicationType) -> None:
    program = Program(project)
    made = {name: ContactFactory(project=project, email=f"{name}@example.org") for name in ("a", "b", "c", "d")}
    agree(made["a"], news)
    agree(made["b"], news)
    deactivate(made["b"].as_set(), origin=by_the_system())
    suppress([normalise(Channel.EMAIL, "d@example.org")], organization=project.organization, cause=Cause.COMPLAINT,
             origin=by_the_system())  # fmt: skip

    for result in ask(program, [f"{name}@example.org" for name in made], "news"):
        contact = made[result["address"][0]]
        alone = program.ask(f"contacts/{contact.pk}/eligibility", channel="email", communication_type="news").json()
        failing = [condition["key"] for condition in alone["conditions"] if not condition["met"]]
        assert (result["sendable"], result["reasons"]) == (alone["sendable"], failing)


def test_what_ignores_opt_outs_still_heeds_a_stop(program: Program) -> None:
    project = program.token.project
    CommunicationTypeFactory(
        project=project, slug="recall", channels=["sms"], administrative=True, despite_opt_out="Recalls by law"
    )
    ContactFactory(project=project, sms="+14185550101")
    for number, cause in (("+14185550101", Cause.STOP), ("+14185550102", Cause.STOP), ("+14185550103", Cause.LISTED)):
        suppress([normalise(Channel.SMS, number)], organization=project.organization, cause=cause,
                 origin=by_the_system())  # fmt: skip

    results = ask(program, ["+1 418 555 0101", "+14185550102", "+14185550103"], "recall", "sms")

    assert [result["reasons"] for result in results] == [["not_stopped"], ["unknown", "not_stopped"], ["unknown"]]


def test_national_numbers_are_those_of_the_project(program: Program) -> None:
    project = program.token.project
    Project.objects.filter(pk=project.pk).update(default_country="CA")
    ContactFactory(project=project, sms="+14185550137")
    assert ask(program, ["(418) 555-0137"], channel="sms")[0]["known"] is True


def test_blocks_under_an_older_key_are_found(program: Program) -> None:
    with override_settings(FINGERPRINT_KEYS={"old": "a secret of years ago"}):
        BlockFactory(project=program.token.project, address="ann@example.org")
    with override_settings(FINGERPRINT_KEYS={"new": "a secret of today", "old": "a secret of years ago"}):
        assert ask(program, ["ann@example.org"])[0]["reasons"] == ["unknown", "not_suppressed"]


def test_ten_thousand_addresses_take_as_many_queries_as_one(program: Program, news: CommunicationType) -> None:
    ContactFactory(project=program.token.project, email="ann@example.org")
    few = ["ann@example.org", "nobody@example.org"]
    many = [*few, *(f"reader{number}@example.org" for number in range(9_998))]
    counts = []
    for addresses in (few, few, many):
        with CaptureQueriesContext(connection) as queries:
            results = ask(program, addresses, "news")
        counts.append(len(queries))
        assert [result["address"] for result in results] == addresses
    assert counts[1] == counts[2] == 4, "the token, the types, the contacts, the blocks"


def test_it_changes_nothing(program: Program) -> None:
    ContactFactory(project=program.token.project, email="ann@example.org")
    before = StatusHistory.objects.count()
    sent = {"channel": "email", "addresses": ["ann@example.org"]}
    answers = [program.send("eligibility", sent, Idempotency_Key="one") for _each in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert StatusHistory.objects.count() == before


def test_a_repeated_question_gets_the_answer_of_now(program: Program) -> None:
    ann = ContactFactory(project=program.token.project, email="ann@example.org")
    sent = {"channel": "email", "addresses": ["ann@example.org"]}
    assert program.send("eligibility", sent, Idempotency_Key="one").json()["results"][0]["sendable"] is True
    deactivate(ann.as_set(), origin=by_the_system())
    assert program.send("eligibility", sent, Idempotency_Key="one").json()["results"][0]["sendable"] is False


@pytest.mark.parametrize("scopes", [[ApiScope.READ, ApiScope.WRITE], [ApiScope.REPORT]])
def test_other_scopes_are_refused(project: Project, scopes: list[str]) -> None:
    answer = Program(project, scopes).send("eligibility", {"channel": "email", "addresses": ["ann@example.org"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")


def test_an_unknown_type_is_refused_with_those_there_are(
    program: Program, news: CommunicationType, other_project: Project
) -> None:
    theirs = CommunicationTypeFactory(project=other_project, slug="theirs")
    for given in ("nothing", theirs.slug, theirs.pk, 2**70, 0, "\x00"):
        answer = program.send(
            "eligibility", {"channel": "email", "communication_type": given, "addresses": ["a@b.org"]}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_communication_type")
        assert "news" in answer.json()["remedy"]


def test_a_type_on_a_channel_that_it_is_not_sent_on_is_refused(program: Program, news: CommunicationType) -> None:
    answer = program.send(
        "eligibility", {"channel": "sms", "communication_type": "news", "addresses": ["+14185550137"]}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "not_on_channel")


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"channel": "email"},
        {"channel": "email", "addresses": []},
        {"channel": "email", "addresses": "ann@example.org"},
        {"channel": "email", "addresses": [1]},
        {"channel": "email", "addresses": [None]},
        {"channel": "email", "addresses": {"a": "b"}},
        {"channel": "email", "addresses": ["a@example.org"] * 10_001},
        {"channel": "fax", "addresses": ["a@example.org"]},
        {"addresses": ["a@example.org"]},
        {"channel": "email", "addresses": ["a@example.org"], "more": 1},
        {"channel": "email", "addresses": ["a@example.org"], "communication_type": True},
        {"channel": "email", "addresses": ["a@example.org"], "communication_type": {"slug": "news"}},
    ],
)
def test_what_cannot_be_read_is_refused(program: Program, sent: dict[str, Any]) -> None:
    answer = program.send("eligibility", sent)
    assert answer.status_code == 422
    assert answer.json()["errors"]


def test_whatever_is_no_address_is_answered(program: Program) -> None:
    texts = ["\x00", "a\x00@example.org", "\ud800", "a" * 5_000, "🦄", "\u202eann@example.org", "a@b@c", "'\"<>"]
    results = ask(program, texts)
    assert [result["address"] for result in results] == texts
    assert {tuple(result["reasons"]) for result in results} == {("invalid_address",)}
