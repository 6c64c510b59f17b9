"""Imports by a program: uploaded, checked, run by the worker, looked into, taken back."""

from __future__ import annotations

import csv
from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.models import Contact, ImportJob, Project, StatusHistory
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.contacts.imported import imported, worked
from tests.factories import ContactFactory, ProjectFactory

pytestmark = pytest.mark.django_db
WorkOff = Callable[[], int]

LIST = "Email,First name,City\nann@example.org,Ann,Québec\nbob@example.org,Bob,Lévis\nnobody,Eve,\n"


@pytest.fixture
def program(project: Project) -> Program:
    return Program(project)


def upload(program: Program, text: str | bytes = LIST, *, name: str = "members.csv", key: str = "") -> Any:
    content = text.encode() if isinstance(text, str) else text
    headers = {"Idempotency-Key": key} if key else {}
    return program.post("/api/v1/imports", {"file": SimpleUploadedFile(name, content)}, headers=headers)


def checked(program: Program, work_off: WorkOff, text: str = LIST, **choices: Any) -> int:
    """The number of an import that is ready."""
    number = int(upload(program, text).json()["id"])
    answer = program.send(f"imports/{number}/check", {"kind": "contacts", **choices})
    assert answer.status_code == 202, answer.content
    assert answer.json()["state"] == "staging"
    work_off()
    assert program.ask(f"imports/{number}").json()["state"] == "ready"
    return number


def ran(program: Program, work_off: WorkOff, text: str = LIST, **choices: Any) -> int:
    number = checked(program, work_off, text, **choices)
    assert program.send(f"imports/{number}/run").status_code == 202
    work_off()
    return number


def test_from_the_file_to_its_rejected_rows(program: Program, project: Project, work_off: WorkOff) -> None:
    uploaded = upload(program)
    assert uploaded.status_code == 201
    told = uploaded.json()
    assert told["state"] == "uploaded"
    assert [(column["name"], column["target"]) for column in told["columns"]] == [
        ("Email", "email"), ("First name", "first_name"), ("City", "attribute"),
    ]  # fmt: skip
    assert told["columns"][0]["examples"] == ["ann@example.org", "bob@example.org", "nobody"]
    place = f"imports/{told['id']}"
    assert program.send(f"{place}/check", {"kind": "contacts"}).status_code == 202
    work_off()
    ready = program.ask(place).json()
    assert (ready["state"], ready["rows"], ready["done"]) == ("ready", 3, 0)
    assert (ready["planned"]["created"], ready["planned"]["rejected"]) == (2, 1)
    assert not Contact.objects.filter(project=project).exists()

    assert program.send(f"{place}/run").json()["state"] == "running"
    work_off()
    done = program.ask(place).json()
    assert (done["state"], done["done"], done["counts"]["created"]) == ("done", 3, 2)
    [rejected] = program.ask(f"{place}/rows").json()["items"]
    assert (rejected["line"], rejected["outcome"], rejected["code"]) == (4, "rejected", "invalid_address")
    created = program.ask(f"{place}/rows", outcome="created").json()["items"]
    assert [program.ask(f"contacts/{row['contact']}").json()["first_name"] for row in created] == ["Ann", "Bob"]
    file = program.ask(f"{place}/rejected-rows")
    text = b"".join(file.streaming_content).decode("utf-8-sig")
    assert [row[:4] for row in csv.reader(text.splitlines())] == [
        ["Email", "First name", "City", "Line"], ["nobody", "Eve", "", "4"],
    ]  # fmt: skip


def test_its_entries_name_the_token(program: Program, project: Project, work_off: WorkOff) -> None:
    ContactFactory(project=project, key="gone@example.org", email="gone@example.org")
    number = checked(program, work_off, mode="replace")
    assert program.send(f"imports/{number}/run", {"deactivate": 1}).status_code == 202
    work_off()
    entry = StatusHistory.objects.get(contact__key="gone@example.org", aspect="active", says="no")
    assert (entry.method, entry.actor_kind, entry.actor_label) == ("import", "token", "Shop")


def test_a_replacement_beyond_the_share_needs_the_number(program: Program, project: Project, work_off: WorkOff) -> None:
    gone = [ContactFactory(project=project, email=f"gone{place}@example.org") for place in range(5)]
    number = checked(program, work_off, mode="replace")
    absent = program.ask(f"imports/{number}/absent").json()["items"]
    assert [item["id"] for item in absent] == [contact.pk for contact in gone]
    for sent in ({}, {"deactivate": 4}):
        refused = program.send(f"imports/{number}/run", sent)
        assert (refused.status_code, refused.json()["code"]) == (422, "confirmation_mismatch")
        assert "5" in refused.json()["remedy"]
    assert program.send(f"imports/{number}/run", {"deactivate": 5}).status_code == 202
    work_off()
    assert not Contact.objects.filter(pk__in=[contact.pk for contact in gone], is_active=True).exists()


def test_the_same_upload_twice_is_one_import(program: Program) -> None:
    first, again = upload(program, key="k-1"), upload(program, key="k-1")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    assert ImportJob.objects.count() == 1
    other = upload(program, LIST + "cid@example.org,Cid,\n", key="k-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_the_border_between_parts_does_not_count(program: Program) -> None:
    def sent(border: str) -> Any:
        body = (
            f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n'
            f"Content-Type: text/csv\r\n\r\n{LIST}\r\n--{border}--\r\n"
        )
        return program.generic(
            "POST", "/api/v1/imports", body.encode(), f"multipart/form-data; boundary={border}",
            headers={"Idempotency-Key": "k-2"},
        )  # fmt: skip

    assert sent("one").json() == sent("two").json()
    assert ImportJob.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "name", "status"),
    [
        (b"", "a.csv", 422), (b"\0\0\0\0", "a.csv", 422), (b"PK\x03\x04garbage", "a.xlsx", 422),
        (b"Email\n", "a.csv", 201),
    ],
)  # fmt: skip
def test_what_cannot_be_opened_is_refused_and_not_kept(
    program: Program, content: bytes, name: str, status: int
) -> None:
    answer = upload(program, content, name=name)
    assert answer.status_code == status, answer.content
    if status != 201:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert ImportJob.objects.count() == 0


def test_a_file_is_wanted(program: Program) -> None:
    for body, kind in (
        (b"{}", "application/json"), (b"", "text/csv"), (b"--x", "multipart/form-data; boundary=x"),
        (b"--x\r\nbroken", "multipart/form-data"), (b"", "multipart/form-data; boundary=x"),
    ):  # fmt: skip
        answer = program.generic("POST", "/api/v1/imports", body, kind, headers={"Idempotency-Key": kind[:20]})
        assert answer.status_code in (400, 422), (kind, answer.content)
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_more_than_a_page_takes_is_refused_before_it_is_read(program: Program) -> None:
    answer = program.generic(
        "POST", "/api/v1/imports", b"x", "multipart/form-data; boundary=x", CONTENT_LENGTH="200000000"
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_columns_are_said_otherwise(program: Program, project: Project, work_off: WorkOff) -> None:
    number = ran(program, work_off, columns=["email", "attribute:Nickname", "skip"], reading={"delimiter": ","})
    told = program.ask(f"imports/{number}").json()
    assert [column["target"] for column in told["columns"]] == ["email", "attribute:Nickname", "skip"]
    assert Contact.objects.get(project=project, key="ann@example.org").attributes == {"Nickname": "Ann"}


@pytest.mark.parametrize(
    ("choices", "field"),
    [
        ({"columns": ["email"]}, "columns"), ({"columns": ["email", "no-such", "skip"]}, "columns.1"),
        ({"kind": "opt_outs"}, "reason"), ({"dated": "2999-01-01"}, "dated"), ({"country": "XX"}, "country"),
        ({"reading": {"encoding": "no-such"}}, "reading.encoding"), ({"kind": "people"}, "kind"),
        ({"columns": ["email", "\0", "skip"]}, "columns.1"), ({"reading": {"header": True}}, "reading.header"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_named(program: Program, choices: dict[str, Any], field: str) -> None:
    number = upload(program).json()["id"]
    answer = program.send(f"imports/{number}/check", {"kind": "contacts", **choices})
    assert answer.status_code == 422, answer.content
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert program.ask(f"imports/{number}").json()["state"] == "uploaded"


def test_people_who_left_are_no_contacts_unless_said_so(program: Program, work_off: WorkOff) -> None:
    text = "Email,Unsubscribe date\nann@example.org,2026-01-05\n"
    uploaded = upload(program, text, name="unsubscribed_members.csv").json()
    assert uploaded["looks_like"]
    place = f"imports/{uploaded['id']}"
    refused = program.send(f"{place}/check", {"kind": "contacts"})
    assert (refused.status_code, refused.json()["code"]) == (422, "people_who_left")
    sent = {"kind": "opt_outs", "reason": "written_request"}
    assert program.send(f"{place}/check", sent).status_code == 202
    work_off()
    assert program.send(f"{place}/run").status_code == 202


@pytest.mark.parametrize("action", ["check", "run", "resume", "cancel"])
def test_what_is_done_is_not_done_again(program: Program, work_off: WorkOff, action: str) -> None:
    number = ran(program, work_off)
    entries = StatusHistory.objects.count()
    sent = {"kind": "contacts"} if action == "check" else {}
    answer = program.send(f"imports/{number}/{action}", sent)
    assert (answer.status_code, answer.json()["code"]) == (409, "import_went_on")
    assert work_off() == 0
    assert StatusHistory.objects.count() == entries


def test_cancelled_before_it_ran(program: Program, project: Project, work_off: WorkOff) -> None:
    number = checked(program, work_off)
    assert program.send(f"imports/{number}/cancel").json()["state"] == "discarded"
    assert program.send(f"imports/{number}/run").status_code == 409
    assert not Contact.objects.filter(project=project).exists()


def test_taken_back_by_who_started_it(program: Program, project: Project, work_off: WorkOff) -> None:
    number = ran(program, work_off)
    preview = program.ask(f"imports/{number}/undo").json()
    assert (preview["created"], preview["untouched"]) == (2, 2)
    stranger = Program(project, name="Other")
    assert stranger.ask(f"imports/{number}/undo").status_code == 403
    assert stranger.send(f"imports/{number}/undo").status_code == 403
    assert program.send(f"imports/{number}/undo", {"erase_created": 1}).json()["code"] == "confirmation_mismatch"
    assert program.send(f"imports/{number}/undo", {"erase_created": 2}).status_code == 202
    work_off()
    assert program.ask(f"imports/{number}").json()["state"] == "undone"
    assert not Contact.objects.filter(project=project).exists()
    assert program.send(f"imports/{number}/undo").json()["code"] == "cannot_undo"


def test_erasing_with_it_needs_the_scope(project: Project, work_off: WorkOff) -> None:
    program = Program(project, [ApiScope.READ, ApiScope.WRITE])
    number = ran(program, work_off)
    refused = program.send(f"imports/{number}/undo", {"erase_created": 2})
    assert (refused.status_code, refused.json()["code"]) == (403, "scope_needed")
    assert program.send(f"imports/{number}/undo").status_code == 202
    work_off()
    assert Contact.objects.filter(project=project).count() == 2


def test_what_holds_everywhere_is_not_run_by_a_token(program: Program, project: Project) -> None:
    job = imported(project, "Email\nann@example.org\n", kind="suppressions", options={"scope": "organization"})
    answer = program.send(f"imports/{job.pk}/run")
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


def test_no_import_of_another_project(program: Program) -> None:
    theirs = worked(imported(ProjectFactory(), LIST))
    for number in (theirs.pk, NO_SUCH_ID):
        for path in ("", "/rows", "/rejected-rows", "/absent", "/undo"):
            assert program.ask(f"imports/{number}{path}").status_code == 404
        for action in ("run", "stop", "resume", "cancel", "undo"):
            assert program.send(f"imports/{number}/{action}").status_code == 404
        assert program.send(f"imports/{number}/check", {"kind": "contacts"}).status_code == 404
    assert program.ask("imports").json()["items"] == []


def test_the_list_takes_as_many_queries_for_many(
    program: Program, project: Project, django_assert_num_queries: Any
) -> None:
    upload(program)
    program.ask("imports")
    with django_assert_num_queries(2):
        program.ask("imports")
    for _place in range(5):
        upload(program)
    with django_assert_num_queries(2):
        assert len(program.ask("imports").json()["items"]) == 6
