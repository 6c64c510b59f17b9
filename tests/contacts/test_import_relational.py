"""Rows of a project's own tables that a file brings: several for a contact, and none twice."""

from __future__ import annotations

import pytest

from contacts.models import Project, RelationalRow, RelationalTable
from contacts.services.verify import differences
from tests.imports import import_text

pytestmark = pytest.mark.django_db

ORDERS = "email,first name,Number,Item\nann@example.org,Ann,A-1,Cup\nbob@example.org,Bob,B-1,Bowl\nann@example.org,Ann,A-2,Pot\n"
TARGETS = ["email", "first_name", "relational:orders:number", "relational:orders:item"]


@pytest.fixture
def orders(project: Project) -> RelationalTable:
    columns = [{"key": "number", "label": "Number"}, {"key": "item", "label": "Item"}]
    return RelationalTable.objects.create(project=project, slug="orders", name="Orders", columns=columns)


def held(key: str) -> list[dict[str, str]]:
    return list(RelationalRow.objects.filter(contact__key=key).order_by("pk").values_list("values", flat=True))


def test_each_row_adds_what_it_holds(project: Project, orders: RelationalTable) -> None:
    done = import_text(project, ORDERS, targets=TARGETS)
    assert (done.counts, done.rejections) == ((3, 2, 1, 0, 0), [])
    assert done.job.planned["updated"] == 1
    assert held("ann@example.org") == [{"number": "A-1", "item": "Cup"}, {"number": "A-2", "item": "Pot"}]
    assert held("bob@example.org") == [{"number": "B-1", "item": "Bowl"}]
    assert list(differences()) == []


def test_the_same_file_again_adds_nothing(project: Project, orders: RelationalTable) -> None:
    import_text(project, ORDERS, targets=TARGETS)
    assert import_text(project, ORDERS, targets=TARGETS).counts == (3, 0, 0, 3, 0)
    assert RelationalRow.objects.count() == 3


def test_a_new_order_updates_who_is_there(project: Project, orders: RelationalTable) -> None:
    import_text(project, ORDERS, targets=TARGETS)
    done = import_text(project, ORDERS + "bob@example.org,Bob,B-2,Lid\n", targets=TARGETS)
    assert done.counts == (4, 0, 1, 3, 0)
    assert [row["number"] for row in held("bob@example.org")] == ["B-1", "B-2"]
