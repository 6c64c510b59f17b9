"""The export of the status history: what is filtered, as a file, and a note that it left."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.csv_guard import unguarded
from contacts.csv_reading import open_table
from contacts.models import Export, Membership, Project, StatusHistory, User
from contacts.services.status import deactivate
from contacts.vocabulary import Channel, Method, Reason
from tests.factories import ContactFactory, by_the_system


def export(client: Client, project: Project, filters: str = "") -> Any:
    return client.post(reverse("contacts:history_export", args=[project.slug]), {"filters": filters})


def rows_of(response: Any) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_admin_exports_what_is_filtered(client: Client, project: Project, admin: User) -> None:
    one = ContactFactory(project=project, key="HM-1", first_name="=2+3", email="one@example.org")
    two = ContactFactory(project=project, key="HM-2", email="two@example.org")
    deactivate(one.as_set(), origin=by_the_system(reason=Reason.OTHER, note="=cmd()", evidence={"file": "a.csv"}))
    deactivate(two.as_set(), origin=by_the_system(reason=Reason.OTHER))
    client.force_login(admin)
    response = export(client, project, "contact=HM-1&aspect=active")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"].startswith('attachment; filename="newsletter-history-')
    rows = rows_of(response)
    expected = StatusHistory.objects.filter(contact=one, aspect="active").newest_first()
    assert [int(row["entry"]) for row in rows] == [entry.pk for entry in expected]
    assert rows[0]["what_changed"] == "Deactivated" and rows[0]["contact_key"] == "HM-1"
    assert rows[0]["note"] == "'=cmd()" and rows[0]["contact_name"] == "'=2+3"
    assert rows[0]["evidence"] == '{"file": "a.csv"}'
    assert rows[0]["recorded_at"][-6:] in ("-05:00", "-04:00")


def test_xlsx_holds_the_same_cells(client: Client, project: Project, admin: User) -> None:
    ContactFactory(project=project, key="HM-1", first_name="=2+3", email="one@example.org")
    client.force_login(admin)
    expected = [[unguarded(cell) for cell in row.values()] for row in rows_of(export(client, project))]
    url = reverse("contacts:history_export", args=[project.slug])
    response = client.post(url, {"filters": "", "format": "xlsx"})
    assert response["Content-Disposition"].endswith('.xlsx"')
    table = open_table(io.BytesIO(b"".join(response.streaming_content)))  # type: ignore[attr-defined]
    assert [row.cells for row in table.rows()] == expected
    assert Export.objects.count() == 2


def test_export_is_noted_without_values(client: Client, project: Project, admin: User) -> None:
    ContactFactory(project=project, last_name="Roy")
    client.force_login(admin)
    export(client, project, "contact=Roy&since=2020-01-01")
    note = Export.objects.get()
    assert (note.subject, note.rows, note.filters) == ("history", 1, ["since", "contact"])
    assert (note.actor_number, note.actor_label) == (admin.pk, "Ada Admin")


def test_everything_is_exported_however_long_it_is(client: Client, project: Project, admin: User) -> None:
    for number in range(260):
        ContactFactory(project=project, email=f"reader{number}@example.org")
    client.force_login(admin)
    rows = rows_of(export(client, project))
    assert len(rows) == StatusHistory.objects.filter(project=project).count() == 520
    assert {row["channel"] for row in rows} == {"", Channel.EMAIL}
    assert {row["method"] for row in rows} == {Method.SYSTEM}


def test_get_exports_nothing(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    assert client.get(reverse("contacts:history_export", args=[project.slug])).status_code == 405
    assert not Export.objects.exists()


@pytest.mark.parametrize(("who", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_who_may_not(client: Client, project: Project, who: str, status: int, request: pytest.FixtureRequest) -> None:
    client.force_login(request.getfixturevalue(who))
    assert export(client, project).status_code == status
    assert not Export.objects.exists()


def test_permission_to_export_is_not_enough(client: Client, project: Project, editor: User) -> None:
    Membership.objects.filter(user=editor).update(may_export=True)
    client.force_login(editor)
    assert export(client, project).status_code == 403


@pytest.mark.parametrize("filters", ["since=yesterday", "contact=%00", "by=nobody"])
def test_bad_filters_are_refused_in_words(client: Client, project: Project, admin: User, filters: str) -> None:
    client.force_login(admin)
    response = export(client, project, filters)
    assert response.status_code == 400
    assert not Export.objects.exists()


def test_another_project_stays_out(client: Client, project: Project, other_project: Project, admin: User) -> None:
    ContactFactory(project=other_project)
    client.force_login(admin)
    assert rows_of(export(client, project)) == []
