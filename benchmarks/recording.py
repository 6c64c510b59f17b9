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

CONTACT, CONTACTS, MOMENT, REQUEST = "contact", "contacts", "moment", "request"


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
        statements: list[tuple[str, tuple[Any, ...]]] = []
        with connection.execute_wrapper(_remembering(statements)):
            _send(client, what, second)
        recorded[what] = [(sql, tuple(_named(value, second) for value in values)) for sql, values in statements]
    Path(os.environ["BENCH_STATEMENTS"]).write_bytes(pickle.dumps(recorded))
    print(json.dumps({"contacts": contacts[:number], "token": text}))


def _send(client: Any, what: str, contact: int) -> None:
    path, body = request_for(what, contact)
    answer = client.post(path, json.dumps(body), content_type="application/json")
    if answer.status_code not in (200, 201):
        raise RuntimeError(answer.content.decode())


def _remembering(statements: list[tuple[str, tuple[Any, ...]]]) -> Callable[..., Any]:
    def run(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        statements.append((sql, tuple(params or ())))
        return execute(sql, params, many, context)

    return run


def _named(value: Any, contact: int) -> tuple[str, Any]:
    """What a parameter is: the contact, what is new in each request, or the same for all."""
    if value == contact and isinstance(value, int):
        return CONTACT, None
    if value == [contact]:
        return CONTACTS, None
    if isinstance(value, datetime):
        return MOMENT, None
    if isinstance(value, uuid.UUID):
        return REQUEST, None
    return "", value


if __name__ == "__main__":
    main(int(sys.argv[1]))
