"""``GET contacts/{id}/history``, ``GET history``, ``POST history/{id}/undo``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.models import Contact, Project, StatusHistory
from contacts.services.status import deactivate
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import BlockFactory, ContactFactory, by_the_system, today

pytestmark = pytest.mark.django_db
SHAPE = {
    "id", "occurred_at", "recorded_at", "requested_on", "aspect", "channel", "from", "to", "weight", "method", "actor",
    "reason", "note", "changed", "voids",
}  # fmt: skip


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1001", email="ann@example.org")


def test_an_entry_says_all_that_is_known(project: Project, ann: Contact) -> None:
    program = Program(project)
    program.send(
        f"contacts/{ann.pk}/deactivate",
        {"reason": "written_request", "note": "By letter", "requested_on": today().isoformat()},
    )

    answer = program.ask(f"contacts/{ann.pk}/history")

    newest = answer.json()["items"][0]
    assert set(newest) >= SHAPE
    row = StatusHistory.objects.get(pk=newest["id"])
    assert datetime.fromisoformat(newest["recorded_at"]) == row.recorded_at
    assert datetime.fromisoformat(newest["occurred_at"]) == row.occurred_at
    assert {name: newest[name] for name in SHAPE - {"id", "recorded_at", "occurred_at"}} == {
        "requested_on": today().isoformat(),
        "aspect": "active",
        "channel": "",
        "from": "active",
        "to": "inactive",
        "weight": 1,
        "method": "api",
        "actor": {"kind": "token", "id": program.token.pk, "label": "Shop"},
        "reason": "written_request",
        "note": "By letter",
        "changed": True,
        "voids": None,
    }
    assert newest["contact"] == ann.pk
    assert program.ask(f"history/{newest['id']}").json() == newest


def test_the_newest_first_and_page_by_page(project: Project, ann: Contact) -> None:
    program = Program(project)
    for _number in range(4):
        deactivate(ann.as_set(), origin=by_the_system())
    expected = list(StatusHistory.objects.filter(contact=ann).newest_first().values_list("pk", flat=True))

    for path in (f"contacts/{ann.pk}/history", "history"):
        found, cursor = [], ""
        while cursor is not None:
            page = program.ask(path, limit=2, **({"cursor": cursor} if cursor else {})).json()
            found += [item["id"] for item in page["items"]]
            cursor = page["next"]
        assert found == expected


def test_what_was_said_here_of_the_address_is_part_of_it(project: Project, ann: Contact) -> None:
    BlockFactory(project=project, address="ann@example.org")
    BlockFactory(organization=project.organization, address="ann@example.org")

    items = Program(project).ask(f"contacts/{ann.pk}/history").json()["items"]

    assert [item["contact"] for item in items if item["aspect"] == "suppression"] == [None]


def test_filters_of_the_history(project: Project, ann: Contact) -> None:
    program = Program(project)
    ben = ContactFactory(project=project, key="ben")
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})
    program.send(f"contacts/{ann.pk}/channels/email/opt-out", {"reason": "own_request"})
    of_ann = StatusHistory.objects.filter(contact=ann).count()
    total = of_ann + StatusHistory.objects.filter(contact=ben).count()

    def number(**query: Any) -> int:
        return len(program.ask("history", **query).json()["items"])

    assert number() == total
    assert number(contact=ann.pk) == number(q="K-1001") == of_ann
    assert number(method="api") == number(actor="token") == number(actor="token", actor_id=program.token.pk) == 2
    assert number(actor="token", actor_id=program.token.pk + 1) == 0
    assert number(aspect="opt_out") == number(weight=2) == 1
    assert number(channel="email", aspect="address") == 1
    assert number(since="2999-01-01") == number(until="1999-01-01") == number(only_late="true") == 0


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"until": "0001-01-01"},
        {"contact": "x"},
        {"contact": str(2**63)},
        {"weight": "4"},
        {"aspect": "mood"},
        {"actor": "nobody"},
        {"request": "1"},
        {"q": "\x00"},
    ],
)
def test_filters_that_mean_nothing_are_refused(project: Project, query: dict[str, str]) -> None:
    assert Program(project).ask("history", **query).status_code == 422


def test_nothing_of_another_project(project: Project, other_project: Project) -> None:
    elsewhere = ContactFactory(project=other_project)
    entry = StatusHistory.objects.filter(contact=elsewhere).latest("pk")
    program = Program(project)

    assert program.ask("history").json() == {"items": [], "next": None}
    assert program.ask("history", contact=elsewhere.pk).json()["items"] == []
    for path in (f"contacts/{elsewhere.pk}/history", f"history/{entry.pk}", f"history/{NO_SUCH_ID}"):
        assert program.ask(path).status_code == 404
    assert program.send(f"history/{entry.pk}/undo").status_code == 404
    assert program.send(f"history/{NO_SUCH_ID}/undo").status_code == 404


def test_queries_do_not_grow(project: Project, ann: Contact) -> None:
    program = Program(project)
    program.ask("history")
    with CaptureQueriesContext(connection) as few:
        program.ask("history")
        program.ask(f"contacts/{ann.pk}/history")
    for _number in range(5):
        program.send(f"contacts/{ann.pk}/deactivate", {"note": "Again"})
    with CaptureQueriesContext(connection) as many:
        program.ask("history")
        program.ask(f"contacts/{ann.pk}/history")

    assert len(many) == len(few)


def newest(contact: Contact) -> StatusHistory:
    return StatusHistory.objects.filter(contact=contact).latest("pk")


def test_a_slip_is_taken_back_by_the_token_that_made_it(project: Project, ann: Contact) -> None:
    program = Program(project)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})
    slip = newest(ann)

    answer = program.send(f"history/{slip.pk}/undo", {"note": "The wrong Ann"})

    assert answer.status_code == 200
    [void] = answer.json()["items"]
    assert (void["voids"], void["says"], void["note"], void["to"]) == (slip.pk, "void", "The wrong Ann", "active")
    ann.refresh_from_db()
    assert ann.is_active
    again = program.send(f"history/{slip.pk}/undo")
    assert (again.status_code, again.json()["code"]) == (409, "cannot_undo")


def test_what_one_request_wrote_is_taken_back_together(project: Project, ann: Contact) -> None:
    program = Program(project)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})
    program.send(f"contacts/{ann.pk}/channels/email/opt-out", {"reason": "verbal_request"})
    word = {"source": "written", "reference": "Letter", "obtained_on": today().isoformat(), "covers": ["email"]}
    program.send(f"contacts/{ann.pk}/activate", {"authorization": word})

    program.send(f"history/{newest(ann).pk}/undo")

    shape = program.ask(f"contacts/{ann.pk}").json()
    assert (shape["is_active"], shape["channels"]["email"]["opted_out"]) == (False, True)


def test_another_token_takes_nothing_back(project: Project, ann: Contact) -> None:
    Program(project).send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})

    answer = Program(project, name="Other").send(f"history/{newest(ann).pk}/undo")

    assert (answer.status_code, answer.json()["code"]) == (409, "cannot_undo")


def test_the_contacts_own_act_stays(project: Project, ann: Contact) -> None:
    program = Program(project)
    program.send(f"contacts/{ann.pk}/deactivate", {"reason": "own_request"})

    assert program.send(f"history/{newest(ann).pk}/undo").status_code == 409
    ann.refresh_from_db()
    assert not ann.is_active


def test_a_reader_takes_nothing_back(project: Project, ann: Contact) -> None:
    Program(project).send(f"contacts/{ann.pk}/deactivate", {"reason": "verbal_request"})

    assert Program(project, [ApiScope.READ]).send(f"history/{newest(ann).pk}/undo").status_code == 403
