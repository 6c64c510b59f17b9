"""Rows of a project's own tables that a file brings: several for a contact, and none twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from zoneinfo import ZoneInfo

import pytest

from contacts.errors import RegisterError
from contacts.extension_points import ImportColumns, ImportedCells, import_columns
from contacts.models import Contact, Project, RelationalRow, RelationalTable
from contacts.origin import Origin
from contacts.services.verify import differences
from tests.imports import import_text

pytestmark = pytest.mark.django_db

ORDERS = (
    "email,first name,Number,Item\n"
    "ann@example.org,Ann,A-1,Cup\n"
    "bob@example.org,Bob,B-1,Bowl\n"
    "ann@example.org,Ann,A-2,Pot\n"
)
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


@pytest.fixture
def heard() -> Iterator[list[ImportedCells]]:
    """Another app that reads two columns together."""
    found: list[ImportedCells] = []

    def put(rows: Sequence[ImportedCells], origin: Origin) -> list[int]:
        found.extend(rows)
        return [row.line for row in rows]

    def read(cells: Mapping[str, str], _zone: ZoneInfo, _day_first: bool) -> Mapping[str, str]:
        if cells.get("size") == "big":
            raise RegisterError("A size is a number.")
        return {key: value.upper() for key, value in cells.items()}

    import_columns.add(ImportColumns("shoes", "Shoes", 10, lambda project: [], read, put))
    yield found
    import_columns.remove("shoes")


def test_columns_of_another_app_reach_it_with_their_contact(project: Project, heard: list[ImportedCells]) -> None:
    text = "email,Size,Kind\nann@example.org,7,boot\nbob@example.org,,\ncleo@example.org,big,\n"
    done = import_text(project, text, targets=["email", "shoes:size", "shoes:kind"])
    ann = Contact.objects.get(key="ann@example.org")
    assert heard == [ImportedCells(2, ann.pk, {"size": "7", "kind": "BOOT"})]
    assert done.counts == (3, 2, 0, 0, 1)
