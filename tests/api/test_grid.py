"""Who may knock at which operation: every one of the OpenAPI document, and one expected answer for each token.

The operations come from the document, so that a new one is asked here without anybody thinking of it.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from config.api import make_api
from contacts.models import ApiToken, Project, StatusHistory
from contacts.services.tokens import create_token, revoke_token
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID
from tests.factories import ContactFactory, ProjectFactory

pytestmark = pytest.mark.django_db


def operations() -> list[tuple[str, str, str]]:
    """Method, path and scope of every operation."""
    document: dict[str, Any] = make_api().get_openapi_schema(path_prefix="/api/v1/")
    return [
        (method, path, operation["security"][0]["token"][0])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


OPERATIONS = operations()
EVERY = pytest.mark.parametrize(("method", "path", "scope"), OPERATIONS, ids=[f"{m} {p}" for m, p, _s in OPERATIONS])


def knock(method: str, path: str, text: str, number: int = 1, **captured: str) -> Any:
    place = re.sub(r"{(\w+)}", lambda found: captured.get(found[1], str(number)), path)
    headers = {"Authorization": f"Bearer {text}"} if text else {}
    body = "" if method == "get" else "{}"
    return Client(headers=headers).generic(method.upper(), place, body, content_type="application/json")


def token_with(project: Project, scopes: list[str], **fields: Any) -> str:
    return create_token(project, name="Shop", scopes=scopes, **fields)[1]


def test_there_are_operations() -> None:
    assert len(OPERATIONS) > 30
    assert {scope for _method, _path, scope in OPERATIONS} <= set(ApiScope.values)


@EVERY
def test_without_a_token_nobody_enters(method: str, path: str, scope: str, project: Project) -> None:
    expired = token_with(project, ApiScope.values, expires_at=timezone.now() + timedelta(days=1))
    ApiToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    revoked, of_revoked = create_token(project, name="Old", scopes=ApiScope.values)
    revoke_token(revoked)
    for text in ("", "sendable_made-up", "x" * 5_000, expired, of_revoked):
        answer = knock(method, path, text)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "not_authenticated"


@EVERY
def test_a_token_without_the_scope_is_refused(method: str, path: str, scope: str, project: Project) -> None:
    contact = ContactFactory(project=project)
    entries = StatusHistory.objects.count()
    others = [other for other in ApiScope.values if other != scope]
    answer = knock(method, path, token_with(project, others), contact.pk)
    assert answer.status_code == 403
    assert answer.json()["code"] == "scope_needed"
    assert scope in answer.json()["detail"]
    assert StatusHistory.objects.count() == entries


@pytest.mark.parametrize(("method", "path"), [(m, p) for m, p, _scope in OPERATIONS if "{" in p])
def test_what_is_another_projects_is_not_there(method: str, path: str, project: Project) -> None:
    """Its numbers are not found, and nothing of it is changed."""
    contact = ContactFactory(project=project, email="ann@example.org")
    entries = StatusHistory.objects.count()
    stranger = token_with(ProjectFactory(), ApiScope.values)
    for number in (contact.pk, NO_SUCH_ID):
        answer = knock(method, path, stranger, number, channel="email", slug="newsletter", table="orders")
        assert answer.status_code in (404, 422), answer.content  # 422: the empty body is looked at first
        assert b"ann@example.org" not in answer.content
    assert StatusHistory.objects.count() == entries
