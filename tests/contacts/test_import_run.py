"""An import while it runs, stopped, done, failed, and after its rows have gone."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.csv_reading import open_table
from contacts.models import Contact, Export, ImportJob, Project, User
from contacts.models.imports import ImportState
from contacts.origin import Actor
from contacts.selectors.imports import progress_of
from contacts.services.imports import jobs
from tests.contacts.imported import checked, imported, worked
from tests.contacts.test_import_columns import uploaded
from tests.contacts.test_overview import words
from tests.factories import MembershipFactory

LIST = "key;email;Stadt\nC-1;a@example.org;Ulm\nC-2;no;=1+1\nC-2;b@example.org;\n"


def address(job: ImportJob, name: str = "import") -> str:
    return reverse(f"contacts:{name}", args=[job.project.slug, job.pk])


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


@pytest.fixture
def running(project: Project) -> ImportJob:
    job = checked(project, LIST)
    jobs.start(job)
    return job


def test_page_of_a_running_import_asks_for_its_progress(signed_in: Client, running: ImportJob) -> None:
    response = signed_in.get(address(running))
    text = words(response)
    assert "Importing list.csv" in text
    assert "0 of 3 rows" in text
    assert "You can leave this page; the work goes on." in text
    [asked] = re.findall(r'hx-get="([^"]+)" hx-trigger="every 2s"', response.content.decode())
    part = signed_in.get(asked.replace("&amp;", "&"))
    assert part.status_code == 200
    assert "<html" not in part.content.decode()
    assert "0 of 3 rows" in words(part)


def test_asking_is_cheap_and_ends_with_the_work(
    signed_in: Client, running: ImportJob, django_assert_max_num_queries: Any
) -> None:
    path = address(running)
    with django_assert_max_num_queries(6):
        signed_in.get(path, {"part": "progress"})
    worked(running)
    over = signed_in.get(address(running), {"part": "progress"})
    assert (over["HX-Refresh"], over.content) == ("true", b"")


def test_rate_and_time_left_are_those_since_an_earlier_look(running: ImportJob) -> None:
    now = timezone.now()
    running.rows, running.counts = 3_000, {"created": 1_000}
    first = progress_of(running, now)
    assert first.left == ""
    running.counts = {"created": 1_500, "rejected": 500}
    second = progress_of(running, now + timedelta(seconds=10), since=first.mark)
    assert (second.label, second.left) == ("2,000 of 3,000 rows", "about 10 seconds left, 100 rows a second")
    assert second.mark == first.mark


@pytest.mark.parametrize("mark", ["", "x", "-", "1-", "9" * 40 + "-1", "5000-1", "0-99999999999999", "0-٣", "\x00"])
def test_mark_that_means_nothing_is_none(signed_in: Client, running: ImportJob, mark: str) -> None:
    assert signed_in.get(address(running), {"since": mark}).status_code == 200
    assert progress_of(running, timezone.now(), since=mark).left == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.2, "about 1 second left"), (59, "about 59 seconds left"), (61, "about 1 minute left"),
     (3_000, "about 50 minutes left"), (7_300, "about 2 hours left")],
)  # fmt: skip
def test_time_left_in_words(running: ImportJob, seconds: float, said: str) -> None:
    now = timezone.now()
    running.rows, running.counts = 1_000_000 + round(seconds * 1_000), {"created": 1_000_000}
    mark = f"0-{(now - timedelta(seconds=1_000)).timestamp() * 1000:.0f}"
    assert progress_of(running, now, since=mark).left.startswith(said)


def test_reading_is_told_without_a_total(signed_in: Client, project: Project) -> None:
    job = uploaded(project, LIST)
    jobs.choose(
        job, kind="contacts", mode="add", columns=["key", "email", "Stadt"], targets=["key", "email", "attribute"],
        reading=jobs.Reading(), options={},
    )  # fmt: skip
    text = words(signed_in.get(address(job)))
    assert "Reading list.csv" in text
    assert "Waiting for the worker" in text
    ImportJob.objects.filter(pk=job.pk).update(rows=20_000)
    assert "20,000 rows read so far" in words(signed_in.get(address(job)))


def test_editor_stops_and_resumes_it(signed_in: Client, running: ImportJob) -> None:
    assert signed_in.post(address(running, "import_stop"))["Location"] == address(running)
    assert "It is about to stop" in words(signed_in.get(address(running)))
    assert worked(running).state == ImportState.STOPPED
    text = words(signed_in.get(address(running)))
    assert "0 of 3 rows are done, and stay done." in text
    assert "Resume goes on from line 1." in text
    signed_in.post(address(running, "import_resume"))
    assert worked(running).state == ImportState.DONE
    assert Contact.objects.count() == 2
    assert "This import has gone on meanwhile." in words(signed_in.post(address(running, "import_resume"), follow=True))


def test_get_changes_nothing(signed_in: Client, running: ImportJob) -> None:
    for name in ("import_stop", "import_resume", "import_rejected", "import_absent_export"):
        assert signed_in.get(address(running, name)).status_code == 405
    running.refresh_from_db()
    assert not running.stop_requested


def test_report_adds_up(signed_in: Client, project: Project) -> None:
    text = words(signed_in.get(address(imported(project, LIST))))
    assert "list.csv is imported" in text
    assert "All 3 rows of the file were worked through" in text
    assert "Created 2 Created 66.7 %" in text
    assert "Rejected 1 Rejected 33.3 %" in text
    assert "Rows in the file 3 100 %" in text
    assert "Correct these rows and import them again." in text


def test_updated_rows_say_afterwards_what_they_changed(signed_in: Client, project: Project) -> None:
    imported(project, "key,email,first name,City\nC-1,a@example.org,Ana,Québec\n")
    job = imported(project, "key,email,first name,City\nC-1,new@example.org,Anna,Lévis\n")
    text = words(signed_in.get(address(job, "import_rows"), {"outcome": "updated"}))
    assert "What the row did" in text
    assert "Email a@example.org → becomes new@example.org" in text
    assert "First name Ana → becomes Anna City Québec → becomes Lévis" in text


def rejected(client: Client, job: ImportJob, **data: str) -> Any:
    return client.post(address(job, "import_rejected"), data)


def test_rejected_rows_come_back_in_their_own_columns(signed_in: Client, project: Project, editor: User) -> None:
    job = imported(project, LIST, actor=Actor("user", editor.pk, "Edgar Editor"))
    response = rejected(signed_in, job)
    assert f'filename="list-{job.pk}-rejected.csv"' in response["Content-Disposition"]
    content = b"".join(response.streaming_content).decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(content))) == [
        ["key", "email", "Stadt", "Line", "Reason"],
        ["C-2", "no", "'=1+1", "3",
         "email: This is not an address that can be written to. Write it like name@example.org."],
    ]  # fmt: skip
    workbook = io.BytesIO(b"".join(rejected(signed_in, job, format="xlsx").streaming_content))
    [row] = open_table(workbook).rows()
    assert row.cells[:4] == ["C-2", "no", "=1+1", "3"]
    assert [(export.subject, export.rows) for export in Export.objects.all()] == [("rejected rows", 1)] * 2


def test_rejected_rows_of_others_need_the_permission_to_export(client: Client, project: Project, editor: User) -> None:
    job = imported(project, LIST, actor=Actor("user", editor.pk + 1, "Somebody Else"))
    client.force_login(editor)
    assert "Download the 1 rejected row" not in words(client.get(address(job)))
    assert rejected(client, job).status_code == 403
    assert not Export.objects.exists()
    client.force_login(MembershipFactory(project=project, role="editor", may_export=True).user)
    assert "Download the 1 rejected row with its reason" in words(client.get(address(job)))
    assert rejected(client, job).status_code == 200


def test_file_that_breaks_off_is_told_with_its_line(signed_in: Client, project: Project) -> None:
    rows = "".join(f"C-{number},a{number}@example.org\n" for number in range(30_000))
    job = checked(project, f"key,email\n{rows}C-X,\0\n")
    assert job.state == ImportState.FAILED
    text = words(signed_in.get(address(job)))
    assert "list.csv could not be read" in text
    assert "Line 30002: There is a NUL character" in text
    assert "Upload it again" in text
    assert "Change how it is read" in text
    assert signed_in.get(address(job, "import_columns")).status_code == 200
    assert not Contact.objects.exists()


def test_rows_that_have_gone_leave_the_counts(signed_in: Client, project: Project, admin: User) -> None:
    job = imported(project, LIST)
    ImportJob.objects.filter(pk=job.pk).update(created_at=timezone.now() - timedelta(days=31))
    jobs.purge()
    response = signed_in.get(address(job))
    text = words(response)
    assert "Created 2 66.7 %" in text
    assert "The rows themselves are no longer kept since" in text
    assert "?outcome=" not in response.content.decode()
    assert "The rows of this import are no longer kept" in words(
        signed_in.get(address(job, "import_rows"), {"outcome": "created"})
    )


def test_admin_finds_its_entries(client: Client, project: Project, admin: User, editor: User) -> None:
    job = imported(project, LIST)
    client.force_login(admin)
    history = f"{reverse('contacts:history', args=[project.slug])}?request={job.request_id}"
    assert history in client.get(address(job)).content.decode()
    text = words(client.get(history))
    assert "Import list.csv, line 2" in text
    assert "Import list.csv, line 4" in text
    assert "Import: list.csv Remove filter" in text
    client.force_login(editor)
    assert history not in client.get(address(job)).content.decode()


@pytest.mark.parametrize("number", [2, 60])
def test_queries_of_the_report_do_not_grow(
    signed_in: Client, project: Project, django_assert_max_num_queries: Any, number: int
) -> None:
    job = imported(project, "key,email\n" + "".join(f"K-{n},k{n}@example.org\n" for n in range(number)) + "X,no\n")
    with django_assert_max_num_queries(12):
        signed_in.get(address(job))
