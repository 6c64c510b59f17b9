"""The statements that a POST to the web service runs, recorded for one contact, to be run bare for others.

``python -m benchmarks.recording NUMBER`` makes a register with so many contacts, writes the statements to
``BENCH_STATEMENTS``, and prints the ids of the contacts and the text of a token as JSON.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import django

from benchmarks.posts import NAMES, request_for

Statement = tuple[str, tuple[tuple[str, Any], ...]]


def main(number: int) -> None:
    django.setup()
    from django.db import connection
    from django.test import Client

    from consent.models import CommunicationType
    from contacts.models import Contact, Organization, Project
    from contacts.services.tokens import create_token
    from contacts.vocabulary import ApiScope
    from tests.imports import import_text

    organization = Organization.objects.create(name="Bench", slug="bench")
    project = Project.objects.create(organization=organization, name="Bench", slug="bench")
    CommunicationType.objects.create(project=project, slug="news", name="News")
    rows = "".join(f"C-{place},reader{place}@example.org\n" for place in range(number + 10))
    import_text(project, f"key,email\n{rows}")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    contacts = list(Contact.objects.in_project(project).order_by("-pk").values_list("pk", flat=True))
    _token, text = create_token(project, name="Bench", scopes=ApiScope.values)
    client = Client(headers={"Authorization": f"Bearer {text}"}, SERVER_NAME="127.0.0.1")
    recorded = {}
    for what in NAMES:
        first, second = contacts.pop(0), contacts.pop(0)
        _send(client, what, first)  # what is done once is done
        statements: list[Statement] = []
        with connection.execute_wrapper(_remembering(statements, second)):
            _send(client, what, second)
        recorded[what] = statements
    Path(os.environ["BENCH_STATEMENTS"]).write_bytes(pickle.dumps(recorded))
    print(json.dumps({"contacts": contacts[:number], "token": text}))


def _send(client: Any, what: str, contact: int) -> None:
    path, body = request_for(what, contact)
    answer = client.post(path, json.dumps(body), content_type="application/json")
    if answer.status_code not in (200, 201):
        raise RuntimeError(answer.content.decode())


def _remembering(statements: list[Statement], contact: int) -> Callable[..., Any]:
    made: list[int] = []

    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, tuple(_named(value, contact, made) for value in params or ())))
        result = execute(sql, params, many, context)
        if sql.startswith("INSERT") and " RETURNING " in sql:
            cursor = context["cursor"].cursor
            made.append(cursor.fetchone()[0])
            cursor.scroll(-1)
        return result

    return run


def _named(value: Any, contact: int, made: list[int]) -> tuple[str, Any]:
    """What a parameter is: the contact, the row made before, what is new in each request, or the same for all."""
    if value == contact and isinstance(value, int):
        return "contact", None
    if value == [contact]:
        return "contacts", None
    if made and value == made[-1] and isinstance(value, int):
        return "made", None
    if isinstance(value, datetime):
        return "moment", None
    if isinstance(value, uuid.UUID):
        return "new", None
    return "", value


if __name__ == "__main__":
    main(int(sys.argv[1]))
