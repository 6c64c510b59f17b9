"""How much a token may ask: counted for each token, told with every answer, and anew in the next window."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.core.cache.backends.filebased import FileBasedCache
from django.core.exceptions import ImproperlyConfigured

from config.settings import requests_in_a_time
from contacts.api import rates
from contacts.models import Contact, Project
from tests.api.program import Program

pytestmark = pytest.mark.django_db
NOON = 1_800_000_000


@pytest.fixture(autouse=True)
def three_a_minute(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    settings.API_RATE = (3, 60)
    at(monkeypatch, NOON)


def at(monkeypatch: pytest.MonkeyPatch, second: int) -> None:
    monkeypatch.setattr(rates.time, "time", lambda: second)


def test_every_answer_tells_what_is_left(project: Project) -> None:
    program = Program(project)
    for left in (2, 1, 0):
        answer = program.ask("contacts")
        assert answer.status_code == 200
        assert answer.headers["RateLimit-Policy"] == '"token";q=3;w=60'
        assert answer.headers["RateLimit"] == f'"token";r={left};t=60'
        assert "Retry-After" not in answer.headers


def test_too_many_are_refused_and_change_nothing(project: Project) -> None:
    program = Program(project)
    for _ in range(3):
        program.ask("contacts")

    answer = program.send("contacts", {"key": "K-1"})

    assert answer.status_code == 429
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Retry-After"] == "60"
    assert answer.headers["RateLimit"] == '"token";r=0;t=60'
    assert answer.json()["code"] == "too_many_requests"
    assert not Contact.objects.exists()


def test_it_fills_again_with_the_next_window(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(project)
    start = NOON - NOON % 60
    for _ in range(4):
        last = program.ask("contacts")
    assert last.status_code == 429

    at(monkeypatch, start + 59)
    assert program.ask("contacts").headers["Retry-After"] == "1"

    at(monkeypatch, start + 60)
    answer = program.ask("contacts")
    assert answer.status_code == 200
    assert answer.headers["RateLimit"] == '"token";r=2;t=60'


def test_refusals_count_too(project: Project) -> None:
    program = Program(project)
    for _ in range(3):
        assert program.ask("contacts/1").status_code == 404
    assert program.ask("contacts/1").status_code == 429


def test_tokens_do_not_share(project: Project) -> None:
    shop, gateway = Program(project), Program(project)
    for _ in range(4):
        last = shop.ask("contacts")
    assert last.status_code == 429
    assert gateway.ask("contacts").status_code == 200


def test_who_has_no_token_has_no_budget(project: Project) -> None:
    answer = Program(project).get("/api/v1/contacts", headers={"Authorization": "Bearer x"})
    assert answer.status_code == 401
    assert "RateLimit" not in answer.headers


def test_the_count_lies_in_the_cache_that_all_processes_share(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers see one count: nothing of it is kept in the process."""
    workers = [FileBasedCache(str(tmp_path), {}) for _ in range(2)]
    program = Program(project)
    left = []
    for number in range(4):
        monkeypatch.setattr(rates, "cache", workers[number % 2])
        left.append(rates.spend(program.token).left)
    assert left == [2, 1, 0, -1]


def test_a_cache_that_forgets_lets_requests_pass(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful:
        def add(self, *_arguments: Any, **_more: Any) -> bool:
            return True

        def incr(self, _name: str) -> int:
            raise ValueError

    monkeypatch.setattr(rates, "cache", Forgetful())
    assert Program(project).ask("contacts").status_code == 200


@pytest.mark.parametrize(
    ("text", "rate"), [("1200/1m", (1200, 60)), ("5/10s", (5, 10)), ("1/1h", (1, 3_600)), ("100/5m", (100, 300))]
)
def test_the_setting(text: str, rate: tuple[int, int]) -> None:
    assert requests_in_a_time(text) == rate


@pytest.mark.parametrize("text", ["", "1200", "0/1m", "5/0s", "-1/1m", "x/1m", "5/1d", "5 / 1m", "5/m"])
def test_a_setting_that_makes_no_sense_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="API_RATE"):
        requests_in_a_time(text)


def test_the_documentation_says_what_several_processes_need() -> None:
    words = Path("docs/operate/settings.md").read_text()
    [row] = re.findall(r"^\| `API_RATE`.*$", words, re.MULTILINE)
    assert "CACHE_URL" in row
