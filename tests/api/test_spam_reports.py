"""``POST spam-reports``."""

from __future__ import annotations

from typing import Any

import pytest

from consent.models import SpamReport
from contacts.models import Block, Contact, Project, StatusHistory
from contacts.vocabulary import ApiScope
from tests.api.program import Program
from tests.consent import feedback_reports as shapes
from tests.consent.feedback_reports import Shape
from tests.consent.links import row_of
from tests.consent.test_spam_reports import marked, named
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
ANN = "ann@reader.example.org"


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="ann", email=ANN, sms="+1 418 555 0137")


def post(program: Program, raw: bytes, kind: str = "message/rfc822", **headers: str) -> Any:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return program.generic("POST", "/api/v1/spam-reports", raw, kind, headers=names)


@pytest.mark.parametrize("shape", shapes.NAMING, ids=named)
def test_a_token_of_the_service_is_an_authenticated_door(shape: Shape, project: Project, ann: Contact) -> None:
    answer = post(Program(project, [ApiScope.REPORT]), shape(ANN, {}))

    assert answer.status_code == 202
    assert answer.json() == {
        "id": SpamReport.objects.get().pk, "feedback_type": "abuse", "believed": True, "outcome": "suppressed",
        "contacts": [ann.pk],
    }  # fmt: skip
    ann.refresh_from_db()
    assert not ann.is_active
    assert row_of(ann).suppressed


def test_the_history_names_the_token(project: Project, ann: Contact) -> None:
    post(Program(project, name="Loop reader"), shapes.aol(ANN, marked(ann)))

    entry = StatusHistory.objects.get(contact=ann, aspect="active", method="spam_report")

    assert (entry.actor_kind, entry.actor_label, entry.weight) == ("token", "Loop reader", 3)


def test_a_multipart_body_whose_header_is_that_of_the_request(project: Project, ann: Contact) -> None:
    whole = shapes.rfc_5965(ANN, {})
    head, _gap, body = whole.partition(b"\n\n")
    kind = 'multipart/report; report-type=feedback-report; boundary="part"'

    for raw in (body, b"Preamble first\n" + body, whole):
        answer = post(Program(project), raw, kind)
        assert (answer.status_code, answer.json()["contacts"]) == (202, [ann.pk])
    assert b"boundary" in head


def test_the_reported_message_alone(project: Project, ann: Contact) -> None:
    program = Program(project)

    with_token = post(program, shapes.original("somebody@else.example.org", marked(ann)).encode()).json()
    without = post(program, shapes.original(ANN, {}).encode()).json()

    assert (with_token["outcome"], with_token["contacts"]) == ("suppressed", [ann.pk])
    assert (without["outcome"], without["contacts"]) == ("no_match", [])


@pytest.mark.parametrize(
    ("channel", "address"), [("email", "Ann@Reader.example.org"), ("sms", "+14185550137"), ("sms", "+1 (418) 555-0137")]
)
def test_a_complaint_in_json(project: Project, ann: Contact, channel: str, address: str) -> None:
    answer = Program(project).send("spam-reports", {"channel": channel, "address": address})

    assert answer.status_code == 202
    assert answer.json() | {"id": 0} == {
        "id": 0, "feedback_type": "abuse", "believed": True, "outcome": "suppressed", "contacts": [ann.pk],
    }  # fmt: skip
    assert row_of(ann, channel).suppressed


def test_a_complaint_of_an_address_that_nobody_has(project: Project) -> None:
    answer = Program(project).send("spam-reports", {"channel": "email", "address": "late@example.org"})

    assert (answer.status_code, answer.json()["outcome"], answer.json()["contacts"]) == (202, "no_match", [])
    assert Block.objects.get().address == "late@example.org"


def test_the_same_report_twice(project: Project, ann: Contact) -> None:
    program = Program(project)
    first = post(program, shapes.rfc_5965(ANN, {}))
    entries = StatusHistory.objects.count()

    assert post(program, shapes.rfc_5965(ANN, {})).json() == first.json()
    assert StatusHistory.objects.count() == entries


def test_the_same_complaint_twice_with_its_key(project: Project, ann: Contact) -> None:
    program = Program(project)
    told = {"channel": "email", "address": ANN}
    first = program.send("spam-reports", told, Idempotency_Key="complaint-1")

    assert program.send("spam-reports", told, Idempotency_Key="complaint-1").json() == first.json()
    assert SpamReport.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"channel": "email"}, "address"), ({"channel": "fax", "address": ANN}, "channel"),
        ({"address": ANN, "name": "Ann"}, "name"), ({"address": 7}, "address"),
        ({"address": "a\0b@example.org"}, "address"), ({"address": "x" * 400}, "address"),
        ({"address": ANN, "occurred_at": "2026-01-01"}, "occurred_at"),
        ({"address": ANN, "occurred_at": "2020-01-01T00:00:00"}, "occurred_at"),
    ],
)  # fmt: skip
def test_json_that_cannot_be_taken(project: Project, ann: Contact, body: dict[str, Any], field: str) -> None:
    answer = Program(project).send("spam-reports", body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "invalid_request"
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not SpamReport.objects.exists()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"address": "nobody"}, "invalid_address"), ({"channel": "sms", "address": "12"}, "invalid_address"),
        ({"address": ANN, "occurred_at": "2999-01-01T00:00:00Z"}, "in_the_future"),
    ],
)  # fmt: skip
def test_json_that_the_register_refuses(project: Project, body: dict[str, Any], code: str) -> None:
    answer = Program(project).send("spam-reports", body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)


@pytest.mark.parametrize(
    ("raw", "kind", "status", "code"),
    [
        (b" ", "message/rfc822", 422, "unreadable_message"), (b"\0\xff", "message/rfc822", 422, "unreadable_message"),
        (b" ", "multipart/report", 422, "unreadable_message"), (b" ", "multipart/mixed", 422, "unreadable_message"),
        (b"--x--", "multipart/report; boundary=\xff", 422, "unreadable_message"),
        (b"Content-Type: multipart/report; boundary=x\n\nnothing", "multipart/report", 202, ""),
        (b"{}", "text/plain", 415, "unsupported_media_type"), (b"{", "application/json", 400, "not_json"),
        (b"[]", "application/json", 422, "invalid_request"), (b"From: a\n\n", "a", 415, "unsupported_media_type"),
    ],
)  # fmt: skip
def test_garbage(project: Project, raw: bytes, kind: str, status: int, code: str) -> None:
    answer = post(Program(project), raw, kind)

    assert (answer.status_code, answer.json().get("code", "")) == (status, code)
    assert not Block.objects.exists()


def test_a_delivery_report_is_none(project: Project, ann: Contact) -> None:
    status = shapes.part("message/delivery-status", f"Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; {ANN}\n")
    told = shapes.part("message/rfc822", shapes.original(ANN, marked(ann)))
    raw = shapes.letter(status, told, kind="multipart/report; report-type=delivery-status")

    answer = post(Program(project), raw)

    assert (answer.status_code, answer.json()["code"]) == (422, "not_a_spam_report")
    ann.refresh_from_db()
    assert ann.is_active


def test_what_is_too_large_is_refused(project: Project) -> None:
    answer = post(Program(project), b"Subject: x\n\n" + b"x" * (10 * 1024 * 1024))

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_another_scope_is_refused(project: Project, ann: Contact) -> None:
    program = Program(project, [scope for scope in ApiScope.values if scope != ApiScope.REPORT])

    answer = post(program, shapes.rfc_5965(ANN, {}))

    assert (answer.status_code, answer.json()["code"]) == (403, "scope_needed")
    assert not SpamReport.objects.exists()


def test_contacts_of_another_project_are_nobody(project: Project, other_project: Project, ann: Contact) -> None:
    answer = post(Program(other_project), shapes.rfc_5965(ANN, marked(ann)))

    assert (answer.json()["outcome"], answer.json()["contacts"]) == ("no_match", [])
    ann.refresh_from_db()
    assert ann.is_active
    assert not row_of(ann).suppressed
