"""The door of the web service: whatever is sent, a problem document says in a stable code why it was refused."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from contacts.api import door
from contacts.api.door import LARGEST_BODY
from contacts.models import ApiToken, Block, Contact, Project, StatusHistory, User
from contacts.services.tokens import create_token, revoke_token
from contacts.vocabulary import ApiScope
from tests.api.program import Program
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
CONTACTS = "/api/v1/contacts"
JSON = "application/json"
DEEP = b'{"key": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.fixture(autouse=True)
def nothing_spent() -> None:
    cache.clear()


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project)


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    """The problem document (RFC 9457) with which a request was refused."""
    assert answer.status_code == status, answer.content
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert set(problem) <= {"type", "title", "status", "code", "detail", "remedy", "errors"}
    assert (problem["type"], problem["status"], problem["code"]) == (f"urn:sendable:problem:{code}", status, code)
    assert problem["title"] and problem["detail"]
    assert "Traceback" not in answer.content.decode()
    return problem


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Bearer x", "Bearer sendable_x", "Basic dTpw", "Bearer " + "x" * 9_000, "Bearer é"],
)
def test_without_a_known_token(project: Project, header: str) -> None:
    answer = Client(headers={"Authorization": header} if header else {}).get(CONTACTS)
    refused(answer, 401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_expired_and_revoked_tokens(project: Project) -> None:
    expired, text = create_token(
        project, name="Old", scopes=ApiScope.values, expires_at=timezone.now() + timedelta(days=1)
    )
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now())
    refused(Client(headers={"Authorization": f"Bearer {text}"}).get(CONTACTS), 401, "not_authenticated")
    revoked, text = create_token(project, name="Gone", scopes=ApiScope.values)
    assert Client(headers={"Authorization": f"bearer {text}"}).get(CONTACTS).status_code == 200
    revoke_token(revoked)
    refused(Client(headers={"Authorization": f"Bearer {text}"}).get(CONTACTS), 401, "not_authenticated")


def test_a_log_in_is_no_token(project: Project, admin: User) -> None:
    """Cookies open nothing, whoever they are of; and a token needs no CSRF token beside it."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin)
    refused(client.get(CONTACTS), 401, "not_authenticated")
    answer = client.post(CONTACTS, b'{"key": "K-1"}', content_type=JSON)
    refused(answer, 401, "not_authenticated")
    _token, text = create_token(project, name="Shop", scopes=ApiScope.values)
    answer = client.post(CONTACTS, b'{"key": "K-1"}', content_type=JSON, headers={"Authorization": f"Bearer {text}"})
    assert answer.status_code == 201
    assert not answer.cookies
    assert StatusHistory.objects.get().actor_kind == "token"


def test_a_scope_is_needed(project: Project) -> None:
    problem = refused(Program(project, [ApiScope.READ]).send("contacts", {"key": "K-1"}), 403, "scope_needed")
    assert "write" in problem["detail"]
    assert not Contact.objects.exists()


@pytest.mark.parametrize("path", ["", "nothing", "contacts/", "contacts/x", "contacts/-1", "contacts/1/", "%00"])
def test_what_is_not_there(program: Program, path: str) -> None:
    refused(program.get(f"/api/v1/{path}"), 404, "not_found")
    refused(program.post(f"/api/v1/{path}", b"{}", content_type=JSON), 404, "not_found")


@pytest.mark.parametrize("number", [0, 2**31, 2**63 - 1, 2**63, 2**64, 10**400])
def test_numbers_of_nobody(program: Program, number: int) -> None:
    refused(program.ask(f"contacts/{number}"), 404, "not_found")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "MADE-UP"])
def test_methods_that_it_does_not_take(program: Program, method: str) -> None:
    answer = program.generic(method, CONTACTS)
    refused(answer, 405, "method_not_allowed")
    assert {"GET", "POST"} <= {name.strip() for name in answer.headers["Allow"].split(",")}


def test_a_head_changes_nothing_and_has_no_body(program: Program) -> None:
    answer = program.head(CONTACTS)
    assert answer.status_code in (200, 405)
    assert answer.content == b""


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "text/json"])
def test_other_media_types(program: Program, kind: str) -> None:
    refused(program.generic("POST", CONTACTS, b'{"key": "K-1"}', kind), 415, "unsupported_media_type")


def test_a_charset_beside_json(program: Program) -> None:
    assert program.generic("POST", CONTACTS, b'{"key": "K-1"}', "application/json; charset=utf-8").status_code == 201


def test_too_large(program: Program) -> None:
    fits = b'{"key": "K-1"}'.ljust(LARGEST_BODY)
    assert program.generic("POST", CONTACTS, fits, JSON).status_code == 201
    problem = refused(program.generic("POST", CONTACTS, fits + b" ", JSON), 413, "too_large")
    assert str(LARGEST_BODY) in problem["remedy"]


@pytest.mark.parametrize(
    "body",
    [
        b"{", b"key=K-1", b'{"key": NaN}', b'{"key": Infinity}', b'{"key": -Infinity}', DEEP, b"[" * 100_000,
        b'{"key": "K-1", "key": "K-2"}', b'{"key": "K-1", "attributes": {"a": 1, "a": 2}}', b'{"key": "\xff"}',
        '{"key": "K-1"}'.encode("utf-16"), '{"key": "K-1"}'.encode("utf-32"), b'\xef\xbb\xbf{"key": "K-1"}',
        b"{'key': 'K-1'}", b'{"key": "K-1",}', b'{"key": "a\x00b"}', b'{"key": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_is_not_json(program: Program, body: bytes) -> None:
    refused(program.generic("POST", CONTACTS, body, JSON), 400, "not_json")
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b'"K-1"', b"null", b"1", b"true", b'[{"key": "K-1"}]', b"{}", b'{"key": 1}', b'{"key": null}',
        b'{"key": ["K-1"]}', b'{"key": "a\\u0000b"}', b'{"key": "\\ud800"}', b'{"key": "K-1", "first_name": "\\udfff"}',
        b'{"key": "K-1", "colour": "red"}', b'{"key": "K-1", "channels": []}',
        b'{"key": "K-1", "channels": {"fax": {}}}',
        b'{"key": "K-1", "attributes": {"a": 1e999}}', b'{"key": "K-1", "attributes": {"a": {"b": 1}}}',
        b'{"key": "K-1", "attributes": {"\\ud800": "x"}}', b'{"key": "K-1", "__proto__": {}}',
    ],
)  # fmt: skip
def test_json_of_another_shape(program: Program, body: bytes) -> None:
    problem = refused(program.generic("POST", CONTACTS, body, JSON), 422, "invalid_request")
    assert problem["errors"]
    for error in problem["errors"]:
        assert set(error) == {"field", "message"} and error["message"]
    assert not Contact.objects.exists()


NO_NUMBERS = [True, False, None, "1", 1.5, 1.0, [1], {"id": 1}]


@pytest.mark.parametrize("number", [*NO_NUMBERS, 0, -1, 2**63, 10**30])
def test_ids_in_bodies_are_numbers(program: Program, project: Project, number: Any) -> None:
    """“true” is not the contact with the number 1."""
    contact = ContactFactory(project=project)
    bodies: list[tuple[str, dict[str, Any]]] = [
        (f"contacts/{contact.pk}/merge", {"other": number}),
        ("blocks/lift", {"blocks": [number], "note": "x"}),
        ("consents", {"contact": number, "communication_type": "newsletter", "channel": "email", "word": "granted"}),
    ]
    entries = StatusHistory.objects.count()
    for path, body in bodies:
        answer = program.send(path, body)
        expected = (422,) if any(number is other for other in NO_NUMBERS) else (404, 422)
        assert answer.status_code in expected, (path, answer.content)
        refused(answer, answer.status_code, answer.json()["code"])
    assert StatusHistory.objects.count() == entries


@pytest.mark.parametrize(
    "name", ["contacts?limit", "history?contact", "erasures?contact", "consents?contact", "history?weight"]
)
@pytest.mark.parametrize("number", ["true", "1.5", "x", "", "1e3", "\x00", "٣x", "9" * 5_000])
def test_numbers_in_queries(program: Program, name: str, number: str) -> None:
    path, parameter = name.split("?")
    answer = program.ask(path, **{parameter: number})
    assert answer.status_code in (404, 422), answer.content
    refused(answer, answer.status_code, answer.json()["code"])


@pytest.mark.parametrize("sure", ["true", "yes", 1, None, "false", 0])
def test_an_erasure_needs_a_true_or_false(program: Program, project: Project, sure: Any) -> None:
    contact = ContactFactory(project=project, key="K-1")
    body = {"confirm": "K-1", "requested_by_contact": sure}
    refused(program.send(f"contacts/{contact.pk}", body, method="DELETE"), 422, "invalid_request")
    assert Contact.objects.filter(key="K-1").exists()


@pytest.mark.parametrize(
    "moment",
    ["2026-03-01T12:00:00", "2026-03-01", "1500-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "99999-01-01T00:00:00Z",
     1, True, "now", "2026-02-30T12:00:00Z", "2999-01-01T00:00:00Z", "2026-03-01T12:00:00+99:00"],
)  # fmt: skip
def test_moments_that_are_none(program: Program, project: Project, moment: Any) -> None:
    contact = ContactFactory(project=project)
    answer = program.send(f"contacts/{contact.pk}/deactivate", {"reason": "other", "occurred_at": moment})
    refused(answer, 422, answer.json()["code"])
    contact.refresh_from_db()
    assert contact.is_active


def test_conflicts_and_stale_etags(program: Program, project: Project) -> None:
    contact = ContactFactory(project=project, key="K-1")
    refused(program.send("contacts", {"key": "K-1"}), 409, "key_taken")
    for etag in ('"0"', "garbage", 'W/"x"'):
        answer = program.send(f"contacts/{contact.pk}", {"first_name": "Anna"}, method="PATCH", If_Match=etag)
        refused(answer, 412, "changed_since")
    etag = program.ask(f"contacts/{contact.pk}").headers["ETag"]
    answer = program.send(f"contacts/{contact.pk}", {"first_name": "Anna"}, method="PATCH", If_Match=f'"0", {etag}')
    assert answer.status_code == 200
    assert answer.headers["ETag"] != etag


@pytest.mark.parametrize("text", ["database is locked", "the connection was closed"])
def test_while_the_database_is_away(program: Program, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    def away(_text: str) -> None:
        raise OperationalError(text)

    monkeypatch.setattr(door, "token_of", away)
    answer = program.ask("contacts")
    problem = refused(answer, 503, "not_available")
    assert int(answer.headers["Retry-After"]) > 0
    assert text not in json.dumps(problem)


def test_a_bad_cursor(program: Program) -> None:
    for cursor in ("x", "\x00", "é", "a" * 2_000):
        assert program.ask("contacts", cursor=cursor).status_code in (400, 422)
    refused(program.ask("contacts", cursor="x"), 400, "bad_cursor")


def test_nothing_is_blocked_by_what_is_refused(program: Program) -> None:
    answer = program.send("blocks", {"channel": "email", "addresses": "ann@example.org"})
    refused(answer, 422, answer.json()["code"])
    assert not Block.objects.exists()
