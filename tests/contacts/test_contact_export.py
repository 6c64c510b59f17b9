"""The export of contacts: what is filtered, with statuses and reasons, and importable again without a change."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from contacts import xlsx_writing
from contacts.csv_guard import unguarded
from contacts.csv_reading import open_table
from contacts.csv_writing import csv_lines
from contacts.models import Contact, Export, Project, StatusHistory, User
from contacts.selectors.exports import exported_contacts, exported_header
from contacts.services.opt_outs import opt_out
from contacts.services.set_sql import database_clock
from contacts.services.status import deactivate
from contacts.vocabulary import Channel
from contacts.xlsx_writing import xlsx_file
from tests.factories import (
    BlockFactory,
    ContactFactory,
    MembershipFactory,
    ProjectFactory,
    StatusHistoryFactory,
    by_the_system,
)
from tests.imports import import_text


def export_url(project: Project) -> str:
    return reverse("contacts:contact_export", args=[project.slug])


def export(client: Client, project: Project, filters: str = "") -> list[dict[str, str]]:
    response = client.post(export_url(project), {"filters": filters})
    assert response.status_code == 200
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def as_exporter(client: Client, project: Project) -> Client:
    client.force_login(MembershipFactory(project=project, may_export=True, user__name="Eve Exporter").user)
    return client


@pytest.mark.django_db
def test_a_row_says_who_where_whether_and_why(project: Project, as_exporter: Client) -> None:
    contact = ContactFactory(
        project=project, key="K-1", first_name="Ada", last_name="Lovelace", language="en", email="ada@example.org",
        sms="+1 418 555 0137", notes="Calls\non Mondays", attributes={"City": "Québec"},
    )  # fmt: skip
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_the_system())
    BlockFactory(organization=project.organization, address="ada@example.org")
    deactivate(contact.as_set(), origin=by_the_system())
    [row] = export(as_exporter, project)
    read_at, changed_at = row.pop("Sendable read at"), row.pop("Sendable latest change at")
    assert row == {
        "key": "K-1", "first name": "Ada", "last name": "Lovelace", "language": "en", "email": "ada@example.org",
        "sms": "+1 418-555-0137", "push": "", "notes": "Calls\non Mondays", "attributes": '{"City": "Québec"}',
        "Sendable status": "inactive",
        "Sendable email": "no",
        "Sendable email reasons": "Contact is inactive; On the suppression list; Opted out of email",
        "Sendable sms": "no", "Sendable sms reasons": "Contact is inactive",
        "Sendable push": "no", "Sendable push reasons": "Contact is inactive; Has no device",
        "Sendable latest change": "Deactivated",
    }  # fmt: skip
    assert datetime.fromisoformat(changed_at) <= datetime.fromisoformat(read_at)


@pytest.mark.django_db
def test_a_clock_that_was_turned_back_hides_no_deactivation(project: Project, as_exporter: Client) -> None:
    contact = ContactFactory(project=project, email="ada@example.org")
    moment = datetime(2100, 5, 6, 16, 30, tzinfo=UTC)
    StatusHistoryFactory(contact=contact, occurred_at=moment)
    contact.as_set().update(is_active=False, last_entry_at=moment)
    [row] = export(as_exporter, project)
    assert (row["Sendable status"], row["Sendable email"]) == ("inactive", "no")
    assert datetime.fromisoformat(row["Sendable read at"]) >= moment


@pytest.mark.django_db
def test_xlsx_holds_the_same_cells(project: Project, as_exporter: Client) -> None:
    ContactFactory(project=project, key="00123", first_name="=1+1", sms="+1 418 555 0137", notes="one\ntwo")
    [expected] = export(as_exporter, project)
    response = as_exporter.post(export_url(project), {"format": "xlsx"})
    assert response["Content-Disposition"].endswith('.xlsx"')
    table = open_table(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
    [row] = table.rows()
    found = dict(zip(table.columns, row.cells, strict=True))
    assert (found["key"], found["first name"]) == ("00123", "=1+1")
    moment = "Sendable read at"
    assert {**found, moment: ""} == {name: unguarded(cell) for name, cell in {**expected, moment: ""}.items()}
    assert Export.objects.count() == 2


@pytest.mark.django_db
def test_xlsx_that_would_be_too_large_leaves_nothing(
    project: Project, as_exporter: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ContactFactory(project=project)
    monkeypatch.setattr(xlsx_writing, "MOST_CELLS", 30)
    response = as_exporter.post(export_url(project), {"format": "xlsx"})
    assert (response.status_code, Export.objects.count()) == (400, 0)
    assert "Export it as CSV" in response.content.decode()


@pytest.mark.django_db
def test_only_what_is_filtered_and_only_of_this_project(
    project: Project, other_project: Project, as_exporter: Client
) -> None:
    ContactFactory(project=project, key="K-1", last_name="Roy", email="roy@example.org")
    ContactFactory(project=project, key="K-2", last_name="Roy")
    ContactFactory(project=project, key="K-3", last_name="Doe")
    ContactFactory(project=other_project, key="K-4", last_name="Roy", email="roy@example.org")
    assert [row["key"] for row in export(as_exporter, project)] == ["K-1", "K-2", "K-3"]
    assert [row["key"] for row in export(as_exporter, project, "q=roy")] == ["K-1", "K-2"]
    [row] = export(as_exporter, project, "q=roy&reason=email%3Asendable")
    assert (row["key"], row["Sendable email"], row["Sendable email reasons"]) == ("K-1", "yes", "")


@pytest.mark.django_db
def test_an_export_is_written_down_without_values(project: Project, as_exporter: Client) -> None:
    ContactFactory(project=project, last_name="Roy")
    export(as_exporter, project, "q=roy&status=active&order=change")
    logged = Export.objects.get()
    assert (logged.project, logged.subject, logged.filters, logged.rows, logged.actor_label) == (
        project, "contacts", ["q", "status"], 1, "Eve Exporter",
    )  # fmt: skip


@pytest.mark.django_db
def test_a_filter_that_means_nothing_exports_nothing(project: Project, as_exporter: Client) -> None:
    ContactFactory(project=project)
    response = as_exporter.post(export_url(project), {"filters": "status=zz\r\nX: y"})
    assert response.status_code == 302
    assert "Error:" in as_exporter.get(response["Location"]).content.decode()
    assert not Export.objects.exists()


@pytest.mark.django_db
def test_who_may_not_export_is_told_who_can_help(
    client: Client, project: Project, viewer: User, editor: User, stranger: User
) -> None:
    for user, status in ((viewer, 403), (editor, 403), (stranger, 404)):
        client.force_login(user)
        assert client.post(export_url(project)).status_code == status
    assert not Export.objects.exists()


@pytest.mark.django_db
def test_looking_at_the_address_exports_nothing(project: Project, as_exporter: Client) -> None:
    assert as_exporter.get(export_url(project)).status_code == 405
    assert as_exporter.head(export_url(project)).status_code == 405


@pytest.mark.django_db
def test_the_file_is_named_after_project_and_moment(project: Project, as_exporter: Client) -> None:
    response = as_exporter.post(export_url(project))
    assert response["Content-Disposition"].startswith('attachment; filename="newsletter-contacts-20')
    assert response["Cache-Control"] == "no-store"


@pytest.mark.django_db
def test_verdicts_are_those_of_one_moment(project: Project) -> None:
    contact = ContactFactory(project=project, email="ada@example.org")
    moment = database_clock()
    deactivate(contact.as_set(), origin=by_the_system())
    late = ContactFactory(project=project)
    rows = [dict(zip(exported_header(), row, strict=True)) for row in exported_contacts(Contact.objects.all(), moment)]
    assert [(row["key"], row["Sendable status"], row["Sendable email"]) for row in rows] == [
        (contact.key, "active", "yes")
    ]
    assert late.key not in {row["key"] for row in rows}


@pytest.mark.django_db
def test_contacts_are_read_batch_by_batch_as_the_file_leaves(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """So memory holds one batch, however long the list is, and each batch takes as many queries."""
    monkeypatch.setattr("contacts.selectors.exports.AT_ONCE", 2)
    for number in range(6):
        ContactFactory(project=project, key=f"{number}", email=f"a{number}@example.org")
    rows = exported_contacts(Contact.objects.all(), database_clock())
    costs = []
    for _batch in range(3):
        with CaptureQueriesContext(connection) as queries:
            assert len(list(islice(rows, 2))) == 2
        costs.append(len(queries))
    assert costs[1] == costs[2] <= costs[0] <= 7
    assert list(rows) == []


def words(*, lines: bool = False, length: int = 12) -> st.SearchStrategy[str]:
    """Text that the register takes, with what trips files: formulas, quotes, delimiters, line breaks, emoji."""
    letters = st.sampled_from(list("=+-@'\"\t,;|{}[]\\ 0éß🦊陈ي") + (["\n"] if lines else []))
    return st.lists(letters, max_size=length).map(lambda found: "".join(found).replace("\t", "\n" if lines else " "))


people = st.lists(
    st.fixed_dictionaries({
        "key": words(),
        "first_name": words(),
        "last_name": words(),
        "language": st.sampled_from(["", "fr", "en-CA"]),
        "notes": words(lines=True, length=40),
        "attributes": st.dictionaries(words(), words(lines=True), max_size=3),
        "email": st.sampled_from(["", "=a@example.org", "+b@example.org", "-1@example.org", "Ünï@bücher.example"]),
        "sms": st.sampled_from(["", "+1 418 555 0137", "+33612345678", "+49 30 901820"]),
        "push": words(),
    }),
    min_size=1,
    max_size=4,
)  # fmt: skip


class TestRoundTrip(TestCase):
    @settings(max_examples=10, deadline=None)
    @given(people=people)
    def test_what_was_exported_imports_as_unchanged(self, people: list[dict[str, Any]]) -> None:
        project = ProjectFactory()
        for number, person in enumerate(people):
            ContactFactory(project=project, **{**person, "key": f"{person['key']}{number}"})
        deactivate(Contact.objects.in_project(project), origin=by_the_system())
        before = StatusHistory.objects.count()
        rows = list(exported_contacts(Contact.objects.all(), database_clock()))
        with xlsx_file(exported_header(), rows) as workbook:
            files = ["".join(csv_lines(exported_header(), rows)).encode(), workbook.read()]
        for content in files:
            result = import_text(project, content)
            assert result.rejections == []
            assert result.counts == (len(people), 0, 0, len(people), 0)
            assert StatusHistory.objects.count() == before


@pytest.mark.django_db
def test_what_was_said_of_status_is_not_taken_for_new_attributes(project: Project, other_project: Project) -> None:
    ContactFactory(project=project, key="K-1", attributes={"City": "Québec"})
    text = "".join(csv_lines(exported_header(), exported_contacts(Contact.objects.all(), database_clock())))
    import_text(other_project, text)
    assert json.loads(json.dumps(other_project.contacts.get().attributes)) == {"City": "Québec"}
