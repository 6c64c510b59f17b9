"""Pages by where the last one ended: every row once, whatever ties there are, and nonsense refused."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from contacts.models import Contact
from contacts.selectors.keyset import BadCursor, page_of
from tests.factories import ProjectFactory

ORDERS = (("last_name", "first_name", "id"), ("-last_entry_at", "-id"), ("id",))


class TestLaw(TestCase):
    @settings(max_examples=25, deadline=None)
    @given(
        names=st.lists(st.tuples(st.sampled_from(["", "A", "é", "🦊"]), st.sampled_from(["x", "y"])), max_size=12),
        size=st.integers(1, 5),
        order=st.sampled_from(ORDERS),
    )
    def test_pages_forwards_and_back_are_the_whole_list(
        self, names: list[tuple[str, str]], size: int, order: tuple[str, ...]
    ) -> None:
        project = ProjectFactory()
        for number, (last, first) in enumerate(names):
            Contact.objects.create(
                organization=project.organization, project=project, key=f"{number}", last_name=last, first_name=first,
                created_at=project.created_at, last_entry_at=project.created_at,
            )  # fmt: skip
        everybody = Contact.objects.in_project(project)
        expected = list(everybody.order_by(*order))
        pages, cursor = [], ""
        while True:
            page = page_of(everybody, order=order, cursor=cursor, size=size)
            pages.append(page.rows)
            if not page.next:
                break
            cursor = page.next
        assert [row for rows in pages for row in rows] == expected
        for rows in reversed(pages[:-1]):
            page = page_of(everybody, order=order, cursor=page.previous, size=size)
            assert page.rows == rows
        assert page.previous == ""


def cursor_of(*parts: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(parts)).encode()).decode().rstrip("=")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "cursor",
    [
        "x", "====", "é", cursor_of(), cursor_of("n"), cursor_of("q", "a", "b", 1), cursor_of("n", "a", "b"),
        cursor_of("n", "a", "b", None), cursor_of("n", "a", "b", 1.5), cursor_of("n", "a", "b", True),
        cursor_of("n", ["a"], "b", 1), cursor_of("n", "a\x00", "b", 1), cursor_of("n", "a", "b", 2**63),
        cursor_of("n", "a", "b", "seven"), "[" * 5_000,
        base64.urlsafe_b64encode(b"[" * 100_000).decode(), cursor_of("n", "\ud800", "b", 1),
    ],
)  # fmt: skip
def test_a_cursor_that_names_no_page_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        page_of(Contact.objects.all(), order=ORDERS[0], cursor=cursor)


@pytest.mark.django_db
@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", 7, "9999-99-99T00:00:00+00:00"])
def test_a_cursor_without_a_moment_is_refused_where_the_order_is_by_time(moment: object) -> None:
    with pytest.raises(BadCursor):
        page_of(Contact.objects.all(), order=ORDERS[1], cursor=cursor_of("n", moment, 1))
