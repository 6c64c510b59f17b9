"""The list of imports, and the page on which a file is uploaded."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from contacts.models import Contact, ImportJob, ImportPiece, Project, User
from contacts.models.imports import ImportState
from contacts.services.imports import jobs
from tests.contacts.imported import checked, imported
from tests.contacts.test_overview import words
from tests.origins import EDITOR


def address(project: Project, name: str = "imports") -> str:
    return reverse(f"contacts:{name}", args=[project.slug])


def send(client: Client, project: Project, content: str | bytes, name: str = "list.csv", **fields: Any) -> Any:
    data = content.encode() if isinstance(content, str) else content
    return client.post(address(project, "import_add"), {"file": SimpleUploadedFile(name, data), **fields})


@pytest.fixture
def signed_in(client: Client, editor: User) -> Client:
    client.force_login(editor)
    return client


def test_list_says_what_when_who_and_how_many(signed_in: Client, project: Project) -> None:
    imported(project, "key,email\nC-1,a@example.org\nC-2,nonsense\n")
    checked(project, "key,email\nC-1,a@example.org\nC-9,c@example.org\n", mode="update")
    text = words(signed_in.get(address(project)))
    assert "list.csv Contacts, update only Waiting for a check 1 unchanged · 1 rejected" in text
    assert "list.csv Contacts, add and update Done 1 created · 1 rejected" in text
    assert EDITOR.label in text


def test_empty_list_shows_the_way_on(signed_in: Client, project: Project) -> None:
    response = signed_in.get(address(project))
    assert "Nothing was imported yet" in words(response)
    assert address(project, "import_add") in response.content.decode()


def test_pages_of_the_list(signed_in: Client, project: Project, other_project: Project) -> None:
    for number in range(51):
        jobs.new_job(project, file_name=f"{number:02}.csv", origin=jobs.origin_of(ImportJob(request_id=uuid.uuid4())))
    jobs.new_job(other_project, file_name="theirs.csv", origin=jobs.origin_of(ImportJob(request_id=uuid.uuid4())))
    first = signed_in.get(address(project))
    assert "50.csv" in words(first)
    assert "00.csv" not in words(first)
    assert "theirs.csv" not in words(first)
    older = first.context["page"].next
    assert "00.csv" in words(signed_in.get(address(project), {"cursor": older}))
    assert signed_in.get(address(project), {"cursor": "☃\x00"}).status_code == 400


def test_queries_of_the_list_do_not_grow(
    signed_in: Client, project: Project, django_assert_max_num_queries: Any
) -> None:
    for _number in range(20):
        checked(project, "key\nC-1\n")
    with django_assert_max_num_queries(7):
        signed_in.get(address(project))


def test_viewer_is_refused_and_stranger_finds_nothing(
    client: Client, project: Project, viewer: User, stranger: User
) -> None:
    for person, status in ((viewer, 403), (stranger, 404)):
        client.force_login(person)
        for name in ("imports", "import_add"):
            assert client.get(address(project, name)).status_code == status
        assert send(client, project, "email\na@example.org\n").status_code == status
    assert not ImportJob.objects.exists()


def test_editor_uploads_a_list(signed_in: Client, project: Project, editor: User) -> None:
    response = send(signed_in, project, "key,email\nC-1,a@example.org\n", "Mai 2026.csv")
    job = ImportJob.objects.get()
    assert response["Location"] == reverse("contacts:import_columns", args=[project.slug, job.pk])
    assert (job.state, job.file_name, job.size) == (ImportState.UPLOADED, "Mai 2026.csv", 28)
    assert (job.actor_kind, job.actor_number, job.actor_label) == ("user", editor.pk, "Edgar Editor")
    assert not Contact.objects.exists()
    assert signed_in.get(job.get_absolute_url())["Location"] == response["Location"]


def test_page_says_what_it_takes_and_changes_nothing(signed_in: Client, project: Project) -> None:
    for method in (signed_in.get, signed_in.head):
        assert method(address(project, "import_add")).status_code == 200
    assert "CSV, TSV, XLSX or ODS, at most 100 MB." in words(signed_in.get(address(project, "import_add")))
    assert not ImportJob.objects.exists()


def test_same_upload_twice_is_one_import(signed_in: Client, project: Project) -> None:
    request_id = str(uuid.uuid4())
    places = {send(signed_in, project, "key\nC-1\n", request_id=request_id)["Location"] for _time in range(2)}
    assert len(places) == 1
    assert ImportJob.objects.count() == ImportPiece.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "The file is empty. Choose one with a line of column names"),
        (b"\n\n", "The file is empty."),
        (b"email\0\na@example.org\n", "Line 1: There is a NUL character"),
        (b'"email\na@example.org\n', "Line 1: A quotation mark opens here and is not closed."),
    ],
)
def test_file_that_cannot_be_opened_is_refused_in_words(
    signed_in: Client, project: Project, content: bytes, error: str
) -> None:
    response = send(signed_in, project, content)
    assert response.status_code == 200
    assert error in words(response)
    assert "<title>Error:" in response.content.decode()
    assert not ImportJob.objects.exists()


def test_no_file_at_all(signed_in: Client, project: Project) -> None:
    response = signed_in.post(address(project, "import_add"), {"file": "not a file"})
    assert "Choose a file, for example an export of your mailing tool." in words(response)
    assert not ImportJob.objects.exists()


def test_file_that_is_too_large_is_refused_with_both_sizes(
    signed_in: Client, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.forms.imports.MOST_BYTES", 2_000_000)
    text = words(send(signed_in, project, b"email\n" * 500_000))
    assert "The file has 3 MB, and a page takes at most 2 MB. Split it, or use the command import_contacts." in text
    assert not ImportJob.objects.exists()


@pytest.mark.parametrize("name", ["‮fdp.exe.csv", "🦊 " * 40 + ".csv", "x" * 90 + ".csv", "a\x07b.csv", "../../etc.csv"])
def test_file_names_are_kept_as_far_as_they_can_be(signed_in: Client, project: Project, name: str) -> None:
    assert send(signed_in, project, "key\nC-1\n", name).status_code == 302
    job = ImportJob.objects.get()
    assert job.file_name
    assert job.file_name.isprintable()
    assert "/" not in job.file_name
    assert signed_in.get(address(project)).status_code == 200
