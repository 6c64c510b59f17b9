"""``GET communication-types``, ``GET communication-types/{slug or id}``."""

from __future__ import annotations

import pytest

from consent.services.types import archive_type
from contacts.models import Project
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import CommunicationTypeFactory

pytestmark = pytest.mark.django_db


def test_the_types_in_use_are_listed_in_their_order(project: Project, other_project: Project) -> None:
    for place, slug in enumerate(("news", "offers", "receipts")):
        CommunicationTypeFactory(project=project, slug=slug, name=slug.title(), position=place)
    CommunicationTypeFactory(project=other_project, slug="theirs")
    archive_type(project.communication_types.get(slug="offers"))
    program = Program(project, [ApiScope.READ])

    listed = program.ask("communication-types").json()
    assert [item["slug"] for item in listed["items"]] == ["news", "receipts"]
    assert listed["next"] is None
    everything = program.ask("communication-types", archived="true").json()["items"]
    assert [(item["slug"], item["is_archived"]) for item in everything] == [
        ("news", False), ("offers", True), ("receipts", False)
    ]  # fmt: skip
    first = program.ask("communication-types", limit=1).json()
    second = program.ask("communication-types", limit=1, cursor=first["next"]).json()
    assert [first["items"][0]["slug"], second["items"][0]["slug"]] == ["news", "receipts"]


def test_one_is_got_by_slug_or_id(project: Project) -> None:
    topic = CommunicationTypeFactory(
        project=project, slug="news", name="News", channels=["email", "sms"], accepts_implied=True, purchase_months=12
    )
    program = Program(project, [ApiScope.READ])
    shape = program.ask("communication-types/news").json()
    assert shape == program.ask(f"communication-types/{topic.pk}").json()
    assert (shape["id"], shape["name"], shape["channels"]) == (topic.pk, "News", ["email", "sms"])
    assert shape["needs_consent"] is True
    assert (shape["accepts_implied"], shape["purchase_months"]) == (True, 12)


def test_those_of_others_are_not_found(project: Project, other_project: Project) -> None:
    theirs = CommunicationTypeFactory(project=other_project, slug="theirs")
    program = Program(project, [ApiScope.READ])
    for name in ("theirs", theirs.pk, NO_SUCH_ID, "%00", "x" * 300):
        assert program.ask(f"communication-types/{name}").status_code == 404


def test_reading_is_asked_for(project: Project) -> None:
    program = Program(project, [ApiScope.SEND_CHECK])
    assert program.ask("communication-types").status_code == 403
    assert program.ask("communication-types/news").status_code == 403
