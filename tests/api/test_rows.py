"""``GET tables`` and the rows of contacts in them."""

from __future__ import annotations

from typing import Any

import pytest

from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import ContactFactory, RelationalRowFactory, RelationalTableFactory

pytestmark = pytest.mark.django_db
COLUMNS = [{"key": "number", "label": "Number"}, {"key": "total", "label": "Total"}]


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1001")


@pytest.fixture
def orders(project: Project) -> RelationalTable:
    return RelationalTableFactory(project=project, slug="orders", name="Orders", columns=COLUMNS)


def put(program: Program, contact: Contact, values: Any, **fields: Any) -> Any:
    return program.send(f"contacts/{contact.pk}/rows", {"table": "orders", "values": values, **fields})


def test_tables_of_the_project(project: Project, other_project: Project, orders: RelationalTable) -> None:
    RelationalTableFactory(project=other_project)

    items = Program(project).ask("tables").json()["items"]

    assert items == [{"slug": "orders", "name": "Orders", "columns": COLUMNS}]


def test_a_row_is_added_and_found(project: Project, ann: Contact, orders: RelationalTable) -> None:
    program = Program(project)

    answer = put(program, ann, {"number": "A-77", "total": 19.9})

    shape = answer.json()
    assert answer.status_code == 201
    assert {name: shape[name] for name in ("contact", "table", "values", "changed_at")} == {
        "contact": ann.pk, "table": "orders", "values": {"number": "A-77", "total": "19.9"}, "changed_at": None
    }  # fmt: skip
    assert program.ask(f"contacts/{ann.pk}/rows", table="orders").json()["items"] == [shape]
    assert program.ask(f"contacts/{ann.pk}/rows/{shape['id']}").json() == shape


def test_the_same_row_again_adds_nothing(project: Project, ann: Contact, orders: RelationalTable) -> None:
    program = Program(project)

    first, again = (put(program, ann, {"number": "A-77"}) for _time in range(2))

    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert RelationalRow.objects.count() == 1


def test_a_matching_row_is_changed_and_keeps_what_is_not_named(
    project: Project, ann: Contact, orders: RelationalTable
) -> None:
    program = Program(project)
    put(program, ann, {"number": "A-77", "total": "19.90"})
    put(program, ann, {"number": "A-78", "total": "5"}, match="number")

    kept = put(program, ann, {"number": "A-77"}, match="number")
    changed = put(program, ann, {"number": "A-77", "total": 24.5}, match="number")
    emptied = put(program, ann, {"number": "A-77", "total": None}, match="number")

    assert kept.json()["values"] == {"number": "A-77", "total": "19.90"}
    assert (changed.status_code, changed.json()["values"]) == (200, {"number": "A-77", "total": "24.5"})
    assert emptied.json()["values"] == {"number": "A-77"}
    assert RelationalRow.objects.count() == 2


def test_values_of_a_row_are_changed(project: Project, ann: Contact, orders: RelationalTable) -> None:
    program = Program(project)
    number = put(program, ann, {"number": "A-77", "total": "19.90"}).json()["id"]

    answer = program.send(f"contacts/{ann.pk}/rows/{number}", {"values": {"total": 20}}, method="PATCH")

    assert answer.json()["values"] == {"number": "A-77", "total": "20"}
    assert answer.json()["changed_at"]


def test_a_row_is_removed(project: Project, ann: Contact, orders: RelationalTable) -> None:
    program = Program(project)
    number = put(program, ann, {"number": "A-77"}).json()["id"]

    assert program.delete(f"/api/v1/contacts/{ann.pk}/rows/{number}").status_code == 204
    assert program.delete(f"/api/v1/contacts/{ann.pk}/rows/{number}").status_code == 404
    assert not RelationalRow.objects.exists()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"table": "nothing", "values": {"number": "1"}}, "unknown_table", "table"),
        ({"table": "orders", "values": {"colour": "red"}}, "unknown_column", "values.colour"),
        ({"table": "orders", "values": {"number": "1"}, "match": "colour"}, "unknown_column", "match"),
        ({"table": "orders", "values": {"total": "1"}, "match": "number"}, "unknown_column", "match"),
        ({"table": "orders", "values": {}}, "empty_row", None),
        ({"table": "orders", "values": {"number": None}}, "empty_row", None),
        ({"table": "orders", "values": {"number": {"nested": 1}}}, "invalid_request", "values"),
        ({"table": "orders", "values": {"number": "\x00"}}, "invalid_request", "values"),
        ({"table": "orders", "values": {"number": "x" * 2_001}}, "invalid_request", "values"),
    ],
)
def test_what_no_row_can_hold_is_refused(
    project: Project, ann: Contact, orders: RelationalTable, body: Any, code: str, field: str | None
) -> None:
    answer = Program(project).send(f"contacts/{ann.pk}/rows", body)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [error["field"] for error in answer.json().get("errors", [])] == ([field] if field else [])
    assert not RelationalRow.objects.exists()


def test_a_row_is_never_left_empty(project: Project, ann: Contact, orders: RelationalTable) -> None:
    program = Program(project)
    number = put(program, ann, {"number": "A-77"}).json()["id"]

    answer = program.send(f"contacts/{ann.pk}/rows/{number}", {"values": {"number": None}}, method="PATCH")

    assert (answer.status_code, answer.json()["code"]) == (422, "empty_row")


def test_who_may_not_and_what_is_not_there(
    project: Project, other_project: Project, ann: Contact, orders: RelationalTable
) -> None:
    program, reader = Program(project), Program(project, [ApiScope.READ])
    row = RelationalRowFactory(contact=ann, table=orders)
    foreign = RelationalRowFactory(contact__project=other_project)
    sibling = ContactFactory(project=project)

    assert reader.ask(f"contacts/{ann.pk}/rows").status_code == 200
    assert put(reader, ann, {"number": "1"}).status_code == 403
    assert reader.send(f"contacts/{ann.pk}/rows/{row.pk}", {"values": {}}, method="PATCH").status_code == 403
    assert reader.delete(f"/api/v1/contacts/{ann.pk}/rows/{row.pk}").status_code == 403
    for contact, number in (
        (foreign.contact_id, foreign.pk), (ann.pk, foreign.pk), (sibling.pk, row.pk), (ann.pk, NO_SUCH_ID)
    ):  # fmt: skip
        place = f"contacts/{contact}/rows/{number}"
        assert program.ask(place).status_code == 404
        assert program.send(place, {"values": {"number": "1"}}, method="PATCH").status_code == 404
        assert program.delete(f"/api/v1/{place}").status_code == 404
    assert put(program, foreign.contact, {"number": "1"}).status_code == 404
    assert RelationalRow.objects.count() == 2
