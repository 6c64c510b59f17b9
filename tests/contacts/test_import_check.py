"""The check of an import before it runs: what each row will do, the start, the way out, and the lists of rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ImportJob, ImportPiece, ImportRow, Project, StatusHistory, User
from contacts.models.imports import ImportState
from contacts.services.imports import jobs
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from tests.contacts.imported import checked, worked
from tests.contacts.test_overview import words
from tests.factories import ContactFactory
from tests.origins import by_link

LIST = (
    "key,email,first name,City\nC-1,a@example.org,Ana,Lévis\nC-2,b@example.org,Bo,\nC-3,c@example.org,Cy,\nC-4,no,Di,\n"
)


def address(job: ImportJob, name: str = "import") -> str:
    return reverse(f"contacts:{name}", args=[job.project.slug, job.pk])


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def job(project: Project) -> ImportJob:
    ContactFactory(project=project, key="C-1", email="a@example.org", first_name="Ana", attributes={"City": "Québec"})
    ContactFactory(project=project, key="C-2", email="b@example.org", first_name="Bo")
    return checked(project, LIST)


def test_page_shows_what_each_row_will_do(signed_in: Client, job: ImportJob) -> None:
    text = words(signed_in.get(address(job)))
    assert "list.csv 4 rows UTF-8, commas Contacts, add and update" in text
    assert "Created 1 Created 25.0 % Line 4: C-3 Cy" in text
    assert "Updated 1 Updated 25.0 % Line 2: C-1 City Québec → becomes Lévis" in text
    assert "Unchanged 1 Unchanged 25.0 % Line 3: C-2 Bo" in text
    assert "Rejected 1 Rejected 25.0 % Line 5: email: This is not an address" in text
    assert "Rows in the file 4 100 %" in text
    assert "Not an address that can be written to 1" in text
    assert "Import 3 rows" in text
    assert Contact.objects.count() == 2


def test_page_says_what_it_leaves_alone(signed_in: Client, project: Project) -> None:
    deactivate(ContactFactory(project=project, key="C-1", email="a@example.org").as_set(), origin=by_link())
    opt_out(ContactFactory(project=project, key="C-2", email="b@example.org").as_set(), "email", origin=by_link())
    text = words(signed_in.get(address(checked(project, LIST))))
    assert "Stay inactive 1 Deactivated earlier. An import never activates." in text
    assert "Stay opted out of a channel 1" in text
    assert "Stay suppressed" not in text


def test_looking_changes_nothing(signed_in: Client, job: ImportJob) -> None:
    for name in ("import", "import_start", "import_discard"):
        for method in (signed_in.get, signed_in.head):
            assert method(address(job, name)).status_code in (200, 302)
    job.refresh_from_db()
    assert job.state == ImportState.READY


def test_editor_starts_it(signed_in: Client, job: ImportJob) -> None:
    shown = signed_in.get(address(job)).context["shown"]
    response = signed_in.post(address(job, "import_start"), {"shown": shown})
    assert response["Location"] == job.get_absolute_url()
    assert Contact.objects.count() == 2
    assert worked(job).state == ImportState.DONE
    assert Contact.objects.get(key="C-1").attributes == {"City": "Lévis"}
    assert Contact.objects.filter(key="C-3").exists()


def test_starting_twice_runs_once(signed_in: Client, job: ImportJob) -> None:
    for _time in range(2):
        assert signed_in.post(address(job, "import_start"))["Location"] == job.get_absolute_url()
    worked(job)
    assert StatusHistory.objects.filter(request_id=job.request_id).count() == 2
    assert signed_in.post(address(job, "import_start")).status_code == 302
    assert worked(job).counts["created"] == 1


def test_history_names_user_file_and_line(signed_in: Client, job: ImportJob) -> None:
    signed_in.post(address(job, "import_start"))
    worked(job)
    entries = StatusHistory.objects.filter(request_id=job.request_id)
    assert {(entry.method, entry.actor_label, entry.line) for entry in entries} == {("import", job.actor_label, 4)}


@pytest.mark.parametrize("data", [{"mode": "destroy"}, {"mode": "update\x00"}, {"shown": "x" * 100}])
def test_start_that_means_nothing_is_refused(signed_in: Client, job: ImportJob, data: dict[str, str]) -> None:
    response = signed_in.post(address(job, "import_start"), data)
    assert response.status_code == 200
    assert "<title>Error:" in response.content.decode()
    job.refresh_from_db()
    assert job.state == ImportState.READY


def test_mode_that_was_not_chosen_is_not_taken(signed_in: Client, job: ImportJob) -> None:
    signed_in.post(address(job, "import_start"), {"mode": "replace"})
    job.refresh_from_db()
    assert (job.state, job.mode) == (ImportState.RUNNING, "add_and_update")


def test_list_without_rows_cannot_be_started(signed_in: Client, project: Project) -> None:
    text = words(signed_in.get(address(checked(project, "key,email\n"))))
    assert "The file has column names and no rows." in text
    assert "Import 0 rows" not in text


def test_editor_cancels_it(signed_in: Client, job: ImportJob, project: Project) -> None:
    assert "The file and what was read of it are deleted now." in words(signed_in.get(address(job, "import_discard")))
    response = signed_in.post(address(job, "import_discard"), follow=True)
    assert "The import is cancelled. Nothing was changed." in words(response)
    job.refresh_from_db()
    assert job.state == ImportState.DISCARDED
    assert not ImportRow.objects.exists()
    assert not ImportPiece.objects.exists()
    assert "Its file and its rows are no longer kept." in words(signed_in.get(address(job)))
    assert "This import has gone on meanwhile." in words(signed_in.post(address(job, "import_discard"), follow=True))


def test_one_that_ran_is_not_cancelled(signed_in: Client, job: ImportJob) -> None:
    jobs.start(job)
    assert signed_in.get(address(job, "import_discard"))["Location"] == job.get_absolute_url()
    signed_in.post(address(job, "import_discard"))
    job.refresh_from_db()
    assert job.state == ImportState.RUNNING


def test_rows_of_an_outcome(signed_in: Client, job: ImportJob) -> None:
    contact = Contact.objects.get(key="C-1")
    response = signed_in.get(address(job, "import_rows"), {"outcome": "updated"})
    assert "Line 2 C-1 Ana City Québec → becomes Lévis" in words(response)
    assert contact.get_absolute_url() in response.content.decode()
    assert "Line 4 C-3 Cy Email c@example.org" in words(
        signed_in.get(address(job, "import_rows"), {"outcome": "created"})
    )
    assert "Line 3 C-2 Bo" in words(signed_in.get(address(job, "import_rows"), {"outcome": "unchanged"}))
    rejected = words(signed_in.get(address(job, "import_rows"), {"outcome": "rejected"}))
    assert "Line 5 email: This is not an address that can be written to." in rejected
    assert "key C-4 · email no · first name Di" in rejected


def test_rows_of_a_reason(signed_in: Client, project: Project) -> None:
    job = checked(project, "key,email\nC-1,no\n,a@example.org\n")
    text = words(signed_in.get(address(job, "import_rows"), {"outcome": "rejected", "reason": "missing_key"}))
    assert "Nothing tells who the row is about. All rejected rows" in text
    assert "Line 3" in text
    assert "Line 2" not in text
    assert "The file has no such rows" in words(
        signed_in.get(address(job, "import_rows"), {"outcome": "rejected", "reason": "☃"})
    )


@pytest.mark.parametrize(
    ("query", "status"),
    [({}, 404), ({"outcome": "eaten"}, 404), ({"outcome": "rejected", "reason": "a\x00"}, 404),
     ({"outcome": "created", "cursor": "x"}, 400), ({"outcome": "created", "cursor": "W3sibiI6MX1d"}, 400)],
)  # fmt: skip
def test_rows_that_do_not_exist(signed_in: Client, job: ImportJob, query: dict[str, str], status: int) -> None:
    assert signed_in.get(address(job, "import_rows"), query).status_code == status


def test_pages_of_rows(signed_in: Client, project: Project) -> None:
    job = checked(project, "key\n" + "".join(f"C-{number:03}\n" for number in range(60)))
    first = signed_in.get(address(job, "import_rows"), {"outcome": "created"})
    assert "C-049" in words(first)
    assert "C-050" not in words(first)
    cursor = first.context["page"].next
    assert "C-059" in words(signed_in.get(address(job, "import_rows"), {"outcome": "created", "cursor": cursor}))


def many(number: int) -> str:
    return "key,email,first name\n" + "".join(f"K-{n},k{n}@example.org,New\n" for n in range(number))


@pytest.mark.parametrize("number", [2, 40])
def test_queries_do_not_grow(
    signed_in: Client, project: Project, django_assert_max_num_queries: Any, number: int
) -> None:
    for n in range(number):
        ContactFactory(project=project, key=f"K-{n}", email=f"k{n}@example.org", first_name="Old")
    job = checked(project, many(number + 3) + "K-X,nonsense,X\n")
    with django_assert_max_num_queries(16):
        assert signed_in.get(address(job)).status_code == 200
    for outcome in ("created", "updated", "rejected"):
        with django_assert_max_num_queries(10):
            assert signed_in.get(address(job, "import_rows"), {"outcome": outcome}).status_code == 200


def test_opt_outs_are_told_as_such(signed_in: Client, project: Project) -> None:
    ContactFactory(project=project, key="C-1", email="a@example.org")
    job = checked(
        project, "email,when\na@example.org,2026-03-01\nnobody@example.org,\n", kind="opt_outs",
        targets=["email", "opt_out_on:email"], options={"reason": "written_request"},
    )  # fmt: skip
    text = words(signed_in.get(address(job)))
    assert "Opted out 2" in text
    assert "Record 2 opt-outs" in text
    rows = words(signed_in.get(address(job, "import_rows"), {"outcome": "created"}))
    assert "Email a@example.org Opt-out email, 1 March 2026" in rows


def test_viewer_is_refused_stranger_finds_nothing(client: Client, job: ImportJob, viewer: User, stranger: User) -> None:
    for person, status in ((viewer, 403), (stranger, 404)):
        client.force_login(person)
        for name in ("import", "import_rows", "import_absent", "import_discard"):
            assert client.get(address(job, name), {"outcome": "created"}).status_code == status
        for name in ("import_start", "import_stop", "import_resume", "import_discard", "import_rejected"):
            assert client.post(address(job, name)).status_code == status
    job.refresh_from_db()
    assert job.state == ImportState.READY


@pytest.mark.parametrize("number", [0, 10**9, 2**63, 10**40])
def test_import_that_does_not_exist(signed_in: Client, project: Project, number: int) -> None:
    assert signed_in.get(reverse("contacts:import", args=[project.slug, number])).status_code == 404


def test_import_of_another_project_is_not_found(signed_in: Client, job: ImportJob, other_project: Project) -> None:
    theirs = checked(other_project, "key\nC-1\n")
    assert signed_in.get(reverse("contacts:import", args=[job.project.slug, theirs.pk])).status_code == 404
