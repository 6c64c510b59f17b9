"""Days and moments as the web service takes them: written out, never as numbers that could mean several."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, Project, StatusHistory
from tests.api.program import Program
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, email="ann@example.org")


@pytest.mark.parametrize(
    "moment",
    [
        0, 1_764_064_800, 1_764_064_800_000, 1.5, True, [], "0", "1764064800", "1764064800.5", "", "yesterday", "2026",
        "2026-03-01", "2026-03-01T12:00:00", "2026-02-30T12:00:00Z", "2026-03-01T25:00:00Z", "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00+14:00", "2026-03-01T12:00:00-24:00", "٢٠٢٦-03-01T12:00:00Z", "2026-03-01T12:00:00Z\0",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(moment: Any, ann: Contact, project: Project) -> None:
    before = StatusHistory.objects.count()
    sent = {"reason": "own_request", "occurred_at": moment}
    answer = Program(project).send(f"contacts/{ann.pk}/deactivate", sent)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == ["occurred_at"]
    assert StatusHistory.objects.count() == before


@pytest.mark.parametrize("moment", ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00.123456+05:30", "2026-03-01 12:00Z"])
def test_a_moment_with_its_offset_is_taken(moment: str, ann: Contact, project: Project) -> None:
    sent = {"reason": "own_request", "occurred_at": moment}
    assert Program(project).send(f"contacts/{ann.pk}/deactivate", sent).status_code == 200


@pytest.mark.parametrize(
    "day", [0, 20_000, "0", "1764064800", "2026-03-01T00:00:00", "2026-3-1", "2026-02-30", "9999-12-31", "0001-01-01"]
)
def test_what_is_no_day_is_refused(day: Any, ann: Contact, project: Project) -> None:
    program = Program(project)
    assert program.send(f"contacts/{ann.pk}/deactivate", {"reason": "other", "requested_on": day}).status_code == 422
    assert program.ask("contacts", changed_from=day).status_code == 422
    assert program.ask("history", since=day).status_code == 422


@pytest.mark.parametrize("moment", ["0", "0.5", "1764064800", "2026-03-01"])
def test_nor_in_a_query(moment: str, ann: Contact, project: Project) -> None:
    program = Program(project)
    assert program.ask("audience", channel="email", at=moment).status_code == 422
    assert program.ask(f"contacts/{ann.pk}/eligibility", channel="email", known_at=moment).status_code == 422
