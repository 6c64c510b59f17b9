"""The web service while its workers are killed: what was answered is in the register once, and nothing is twice."""

from __future__ import annotations

import os
import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.db import connection

from contacts.models import IdempotentRequest
from contacts.services.verify import differences
from tests.faults.serving import Answer, Client, server
from tests.faults.small_project import begin, request_of, times_done
from tests.work import database_url, wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="several servers need PostgreSQL"),
]
CLIENTS = 50
WORKERS = 4
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "3"))
SEED = int(os.environ.get("FAULT_SEED", "7"))


def test_workers_killed_while_clients_send_again(tmp_path: Path) -> None:
    """Two clients share each key, and either asks once more when it was answered."""
    chance, project = random.Random(SEED), begin()
    answers: dict[str, list[Answer]] = defaultdict(list)

    def work(number: int, client: Client) -> None:
        pair = number // 2
        for turn in range(ROUNDS):
            name = f"request-{pair}-{turn}"
            path, body = request_of(pair + turn, project["contacts"][pair % len(project["contacts"])], name)
            for _time in range(2):
                answers[name].append(client.post(path, body, name))

    with server(tmp_path / "log", database_url(), WORKERS) as serving, ThreadPoolExecutor(CLIENTS) as pool:
        clients = [Client(serving, project["token"]) for _number in range(CLIENTS)]
        working = [pool.submit(work, number, client) for number, client in enumerate(clients)]
        for goal in sorted(chance.sample(range(1, CLIENTS * ROUNDS * 2 * 9 // 10), 2 * ROUNDS)):
            wait_until(
                lambda goal=goal: len(serving.workers()) == WORKERS and sum(map(len, list(answers.values()))) >= goal,
                alive=serving.process,
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
        assert sum("Idempotent-Replayed" not in answer.headers for answer in found) <= 1, name
    assert times_done(answers) == dict.fromkeys(answers, 1)
    assert IdempotentRequest.objects.count() == len(answers)
    assert [str(difference) for difference in differences()] == []
