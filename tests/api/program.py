"""A program that knocks at the web service with a token."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from django.test import Client

from contacts.models import Project
from contacts.services.tokens import create_token
from contacts.vocabulary import ApiScope

NO_SUCH_ID = 2**63


class Program(Client):
    """A client with a token of a project: with all scopes, or these. Paths are those behind ``/api/v1/``."""

    def __init__(self, project: Project, scopes: Iterable[str] = ApiScope.values, *, name: str = "Shop") -> None:
        self.token, text = create_token(project, name=name, scopes=scopes)
        super().__init__(headers={"Authorization": f"Bearer {text}"})

    def ask(self, path: str, **query: Any) -> Any:
        return self.get(f"/api/v1/{path}", query)

    def send(self, path: str, body: Any = None, *, method: str = "POST", **headers: str) -> Any:
        """Send JSON; headers with ``_`` for ``-``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        text = json.dumps({} if body is None else body)
        return self.generic(method, f"/api/v1/{path}", text, "application/json", headers=named)


def authorization(**fields: Any) -> dict[str, Any]:
    """The contact's word, of today."""
    return {"source": "written", "reference": "Ticket 5512", "obtained_on": fields.pop("obtained_on"), **fields}
