"""The web service while its workers are killed: what was answered is in the register once, and nothing is twice."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from consent.models import ConsentDetail
from contacts.models import Contact, EntryDetail, IdempotentRequest, Project, RelationalRow
from contacts.services.tokens import create_token
from contacts.services.verify import differences
from contacts.vocabulary import ApiScope
from tests.factories import CommunicationTypeFactory, ContactFactory, ProjectFactory
from tests.faults.serving import Answer, Client, server
from tests.work import database_url, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="several servers need PostgreSQL"),
]
CLIENTS = 50
WORKERS = 4
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
SEED = int(os.environ.get("FAULT_SEED", "7"))


@pytest.fixture
def project() -> Project:
    project = ProjectFactory()
    CommunicationTypeFactory(project=project, slug="news", channels=["email"])
    project.relational_tables.create(slug="orders", name="Orders", columns=[{"key": "number", "label": "Number"}])
    for number in range(5):
        ContactFactory(project=project, key=f"K{number}", email=f"k{number}@example.org")
    return project


def request_of(number: int, contact: int, name: str) -> tuple[str, dict[str, Any]]:
    """The path and the body of a request that leaves its name where it can be found once it was done."""
    said = {"contact": contact, "communication_type": "news", "channel": "email", "word": "granted", "note": name}
    return [
        (f"contacts/{contact}/deactivate", {"reason": "written_request", "note": name}),
        (f"contacts/{contact}/channels/email/opt-out", {"reason": "own_request", "note": name}),
        ("contacts", {"key": name, "channels": {"email": {"address": f"{name}@example.org"}}}),
        ("consents", said),
        (f"contacts/{contact}/rows", {"table": "orders", "values": {"number": name}}),
    ][number % 5]


def times_done(name: str) -> int:
    """How often the request of this name was done."""
    return sum(
        found.count()
        for found in (
            EntryDetail.objects.filter(note=name),
            ConsentDetail.objects.filter(note=name),
            Contact.objects.filter(key=name),
            RelationalRow.objects.filter(values__number=name),
        )
    )


def test_workers_killed_while_clients_send_again(project: Project, tmp_path: Path) -> None:
    """Two clients share each key, and either asks once more when it was answered."""
    chance = random.Random(SEED)
    _token, text = create_token(project, name="Shop", scopes=ApiScope.values)
    contacts = list(Contact.objects.order_by("pk").values_list("pk", flat=True))
    answers: dict[str, list[Answer]] = defaultdict(list)
    clients = []

    with server(tmp_path / "log", database_url(), WORKERS) as serving, ThreadPoolExecutor(CLIENTS) as pool:

        def work(number: int, client: Client) -> None:
            pair = number // 2
            for turn in range(ROUNDS):
                name = f"request-{pair}-{turn}"
                path, body = request_of(pair + turn, contacts[pair % len(contacts)], name)
                for _time in range(2):
                    answers[name].append(client.post(f"/api/v1/{path}", body, name))

        clients = [Client(serving, text) for _number in range(CLIENTS)]
        working = [pool.submit(work, number, client) for number, client in enumerate(clients)]

        def answered() -> int:
            return sum(map(len, list(answers.values())))

        every = CLIENTS * ROUNDS * 2
        for goal in sorted(chance.sample(range(1, every * 9 // 10), 2 * ROUNDS)):
            wait_until(
                lambda goal=goal: len(serving.workers()) == WORKERS and answered() >= goal, alive=serving.process
            )
            serving.kill_workers(chance.choice((1, 2, WORKERS)), chance)
        for one in working:
            one.result()

    assert sum(client.cut_off for client in clients) > 0  # they were killed in the middle
    assert {answer.code for client in clients for answer in client.put_off} <= {"request_in_progress"}
    assert len(answers) == CLIENTS // 2 * ROUNDS
    for name, found in answers.items():
        assert len({(answer.status, answer.body) for answer in found}) == 1, (name, found)
        assert found[0].status in (200, 201), (name, found[0])
        assert sum("Idempotent-Replayed" not in answer.headers for answer in found) <= 1
        assert times_done(name) == 1, name
    assert IdempotentRequest.objects.count() == len(answers)
    assert [str(difference) for difference in differences()] == []
