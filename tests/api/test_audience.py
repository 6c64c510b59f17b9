"""``GET audience``: who may receive what, streamed."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent.models import CommunicationType
from consent.services.consents import grant
from consent.tokens import read
from contacts.models import Contact, Export, Project
from contacts.origin import THE_CONTACT, Origin
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope, Method, Reason
from tests.api.program import Program
from tests.factories import CommunicationTypeFactory, ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", channels=["email"])


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project, [ApiScope.READ])


def contact(project: Project, name: str, topic: CommunicationType | None = None) -> Contact:
    made: Contact = ContactFactory(project=project, key=name, email=f"{name}@example.org", first_name=name.title())
    if topic:
        grant(made.as_set(), topic, "email", origin=Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST))
    return made


def streamed(program: Program, **asked: Any) -> str:
    answer = program.ask("audience", **asked)
    assert answer.status_code == 200, answer.content
    assert answer.streaming
    return b"".join(answer.streaming_content).decode()


def lines(program: Program, **asked: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in streamed(program, **asked).splitlines()]


def test_who_may_receive_a_type(
    program: Program, project: Project, news: CommunicationType, other_project: Project
) -> None:
    ann = contact(project, "ann", news)
    contact(project, "ben")
    contact(other_project, "zoe")

    [line] = lines(program, communication_type="news")

    opt_out, centre = line.pop("opt_out"), line.pop("consent_centre")
    assert line == {
        "contact": ann.pk, "key": "ann", "first_name": "Ann", "last_name": "", "language": "",
        "address": "ann@example.org", "sendable": True, "reasons": [],
    }  # fmt: skip
    assert read(opt_out.rpartition("/")[2]).contact == ann.pk
    assert "/c/" in centre


def test_who_may_not_and_why(program: Program, project: Project, news: CommunicationType) -> None:
    contact(project, "ann", news)
    ben, cleo = contact(project, "ben"), contact(project, "cleo")
    deactivate(ben.as_set(), origin=by_the_system())

    excluded = lines(program, communication_type="news", reason="excluded")
    assert [(line["contact"], line["reasons"]) for line in excluded] == [
        (ben.pk, ["active", "consent"]), (cleo.pk, ["consent"])
    ]  # fmt: skip
    assert not any(line["sendable"] or line["opt_out"] for line in excluded)
    assert [line["contact"] for line in lines(program, communication_type="news", reason="consent")] == [cleo.pk]


def test_an_address_is_named_once(program: Program, project: Project) -> None:
    older = ContactFactory(project=project, email="us@example.org")
    younger = ContactFactory(project=project, email="us@example.org")
    assert [line["contact"] for line in lines(program)] == [older.pk]
    assert [line["contact"] for line in lines(program, reason="same_address")] == [younger.pk]


def test_as_it_was(program: Program, project: Project) -> None:
    ann = contact(project, "ann")
    before = timezone.now().isoformat()
    deactivate(ann.as_set(), origin=by_the_system())
    assert lines(program) == []
    [line] = lines(program, at=before)
    assert (line["contact"], line["opt_out"]) == (ann.pk, ""), "nobody should write to a list of the past"


def test_as_a_table(program: Program, project: Project, news: CommunicationType) -> None:
    contact(project, "ann", news)
    text = streamed(program, communication_type="news", format="csv")
    [row] = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")))
    assert (row["key"], row["email"], row["Sendable verdict"]) == ("ann", "ann@example.org", "yes")


def test_what_leaves_is_written_down(program: Program, project: Project, news: CommunicationType) -> None:
    contact(project, "ann", news)
    lines(program, communication_type="news")
    export = Export.objects.get(project=project)
    assert (export.subject, export.rows, export.actor_label) == ("audience", 1, "API token Shop")
    assert export.filters == ["channel", "communication_type", "reason"]


def test_queries_do_not_grow(program: Program, project: Project, news: CommunicationType) -> None:
    contact(project, "ann", news)
    counts = []
    for number in (0, 0, 6):
        for place in range(number):
            contact(project, f"reader{place}", news)
        with CaptureQueriesContext(connection) as queries:
            lines(program, communication_type="news")
        counts.append(len(queries))
    assert counts[1] == counts[2]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"reason": "nothing"}, "unknown_reason"),
        ({"reason": "\x00"}, "unknown_reason"),
        ({"reason": "consent"}, "unknown_reason"),  # without a type it is not asked
        ({"communication_type": "nothing"}, "unknown_communication_type"),
        ({"communication_type": "news", "channel": "sms"}, "not_on_channel"),
        ({"at": "2990-01-01T00:00:00Z"}, "in_the_future"),
        ({"channel": "fax"}, "invalid_request"),
        ({"format": "xlsx"}, "invalid_request"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    program: Program, news: CommunicationType, asked: dict[str, str], code: str
) -> None:
    answer = program.ask("audience", **asked)
    assert answer.status_code == 422
    assert answer.json()["code"] == code


def test_reading_is_asked_for(project: Project) -> None:
    assert Program(project, [ApiScope.SEND_CHECK]).ask("audience").status_code == 403
