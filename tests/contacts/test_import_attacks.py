"""Imports in the wrong order, from the wrong place, twice, too late, or with far too much of one thing."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.csv_reading import open_table
from contacts.errors import StaleConfirmation
from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow, Project, StatusHistory, User
from contacts.origin import Origin
from contacts.services.erasure import erase
from contacts.services.imports import jobs, staging, undoing
from contacts.services.merging import merge
from contacts.services.opt_outs import opt_out
from contacts.services.verify import differences
from contacts.tables import Reading
from contacts.vocabulary import Method
from tests.clock import at
from tests.contacts.imported import checked, counts, imported, worked
from tests.factories import ContactFactory, RelationalRowFactory, RelationalTableFactory
from tests.origins import ADMIN, EDITOR, ORGANIZATION_ADMIN, asked, by, days_ago

pytestmark = pytest.mark.django_db

NAMED = ["key", "email", "first_name"]
ONE = "number,email,first\nANN,ann@example.org,Ann\n"


@pytest.fixture(autouse=True)
def everything_follows_from_the_history(db: None) -> Iterator[None]:
    yield
    assert list(differences()) == []


def uploaded(project: Project, content: bytes, request: uuid.UUID | None = None) -> ImportJob:
    origin = Origin(Method.IMPORT, EDITOR, request_id=request or uuid.uuid4())
    return jobs.upload(project, io.BytesIO(content), file_name="list.csv", origin=origin)


def chosen(job: ImportJob, content: bytes, targets: Sequence[str], reading: Reading | None = None) -> ImportJob:
    table = open_table(io.BytesIO(content), name="list.csv", reading=reading)
    jobs.choose(
        job, kind="contacts", mode="add_and_update", columns=table.columns, targets=targets,
        reading=table.reading, options={},
    )  # fmt: skip
    return worked(job)


def stopped(job: ImportJob) -> ImportJob:
    jobs.start(job, typed=str(job.planned.get("deactivated", "")))
    jobs.stop(job)
    worked(job)
    assert job.state == "stopped"
    return job


# Somebody who said no


@pytest.mark.parametrize("kind", ["contacts", "opt_outs"])
def test_undoing_the_first_of_two_lists_drops_no_dated_no(project: Project, kind: str) -> None:
    ContactFactory(project=project, key="ANN", email="ann@example.org")
    text, targets = f"number,out\nANN,{days_ago(20).date()}", ["key", "opt_out_on:email"]
    first, second = (imported(project, text, targets=targets, kind=kind) for _time in range(2))
    undoing.begin(first, by(EDITOR))
    worked(first)
    row = ChannelStatus.objects.get(contact__key="ANN", channel="email")
    assert row.opted_out
    undoing.begin(second, by(EDITOR))
    worked(second)
    row.refresh_from_db()
    assert not row.opted_out


def test_undoing_an_import_voids_nothing_else_of_its_request(project: Project, other_project: Project) -> None:
    """A page sends the request's number along, and may send one that was used before."""
    request = uuid.uuid4()
    here, there = (ContactFactory(project=where, email="x@example.org") for where in (project, other_project))
    for contact in (here, there):
        opt_out(contact.as_set(), "email", origin=asked(request_id=request))
        table = RelationalTableFactory(project=contact.project)
        RelationalRowFactory(table=table, contact=contact, request_id=request)
    content = ONE.encode()
    job = chosen(uploaded(project, content, request), content, NAMED)
    jobs.start(job)
    worked(job)
    undoing.begin(job, by(ADMIN))
    worked(job)
    assert ChannelStatus.objects.filter(contact__in=[here, there], opted_out=True).count() == 2
    assert not StatusHistory.objects.filter(says="void").exists()
    assert there.relational_rows.exists()


# Other projects


def test_one_request_in_two_projects_is_an_import_in_each(project: Project, other_project: Project) -> None:
    request = uuid.uuid4()
    first = uploaded(project, ONE.encode(), request)
    second = uploaded(other_project, ONE.encode(), request)
    assert first.request_id == request
    assert second.project == other_project and second.request_id != request
    assert uploaded(other_project, ONE.encode(), request) == second


@pytest.mark.parametrize("action", ["start", "resume"])
def test_only_its_admins_suppress_in_the_whole_organization(
    client: Client, project: Project, admin: User, organization_admin: User, action: str
) -> None:
    options = {"scope": "organization", "reason": "other"}
    job = checked(project, "email\na@example.org\n", kind="suppressions", options=options, actor=ORGANIZATION_ADMIN)
    if action == "resume":
        stopped(job)
    before, address = job.state, f"{job.get_absolute_url()}{action}/"
    client.force_login(admin)
    assert client.post(address).status_code == 403
    job.refresh_from_db()
    assert job.state == before
    client.force_login(organization_admin)
    assert client.post(address).status_code == 302
    job.refresh_from_db()
    assert job.state == "running"


# Too late, and twice


def test_columns_that_were_chosen_anew_are_not_started_unseen(project: Project) -> None:
    content = ONE.encode()
    job = chosen(uploaded(project, content), content, NAMED)
    shown = jobs.digest(job)
    chosen(job, content, ["key", "email", "last_name"])
    with pytest.raises(StaleConfirmation):
        jobs.start(job, shown=shown)
    job.refresh_from_db()
    assert job.state == "ready"
    jobs.start(job, shown=jobs.digest(job))


def test_stopping_what_is_still_read_does_not_stop_the_run(project: Project) -> None:
    job = uploaded(project, ONE.encode())
    table = open_table(io.BytesIO(ONE.encode()))
    jobs.choose(
        job, kind="contacts", mode="add_and_update", columns=table.columns, targets=NAMED, reading=table.reading,
        options={},
    )  # fmt: skip
    jobs.stop(job)
    worked(job)
    jobs.start(job)
    assert worked(job).state == "done"


def test_a_replacement_whose_rows_are_gone_does_not_go_on(project: Project) -> None:
    """In a list without rows everybody is missing."""
    ContactFactory(project=project, key="ANN", email="ann@example.org")
    job = stopped(checked(project, ONE, mode="replace", targets=NAMED))
    with at(timezone.now() + timedelta(days=60)):
        assert jobs.purge() == 1
        with pytest.raises(jobs.WrongState):
            jobs.resume(job)
    assert worked(job).state == "stopped"
    assert Contact.objects.get(key="ANN").is_active


def test_the_rows_of_what_was_started_meanwhile_are_not_deleted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = checked(project, ONE, targets=NAMED)
    seen = ImportJob.objects.get(pk=job.pk)
    jobs.start(job)
    assert not jobs._purge(seen, timezone.now())
    assert worked(job).state == "done"
    assert ImportRow.objects.filter(job=job).exists()


# Erasure


def test_a_first_row_that_was_taken_for_names_goes_with_the_contact(project: Project) -> None:
    contact = ContactFactory(project=project, key="C-1", email="ann@example.org")
    content = b"Ann@Example.org,Ann\nbob@example.org,Bob\n"
    job = chosen(uploaded(project, content), content, ["email", "attribute"], Reading(header=1))
    jobs.start(job)
    worked(job)
    assert "Ann@Example.org" in job.mapping["columns"]
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    job.refresh_from_db()
    assert "ann" not in json.dumps(job.mapping).lower()
    assert len(job.mapping["columns"]) == 2


@pytest.mark.parametrize("action", ["discard", "purge"])
def test_names_of_columns_go_with_the_rows(project: Project, action: str) -> None:
    job = checked(project, ONE, targets=NAMED)
    if action == "discard":
        jobs.discard(job)
    else:
        with at(timezone.now() + timedelta(days=60)):
            jobs.purge()
    job.refresh_from_db()
    assert job.mapping == {"targets": NAMED}


def test_cells_of_who_was_erased_do_not_come_back_from_a_file_that_is_open(project: Project) -> None:
    contact = ContactFactory(project=project, key="ANN", email="ann@example.org")
    text = f"{ONE}ANN,ann@example.org,Ann\n"
    job = checked(project, text, targets=NAMED)
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    jobs.start(job)
    taken = jobs.claim(job.pk)
    assert taken is not None
    staging.keep_cells(*taken, open_table(io.BytesIO(text.encode())))
    assert not ImportRow.objects.filter(job=job, cells__isnull=False).exists()


# Far too much of one thing: a statement for each row would take longer than a worker may be silent


def test_statements_do_not_grow_with_the_rows_about_one_contact(project: Project) -> None:
    staying = ContactFactory(project=project, key="K")
    for number in range(30):
        other = ContactFactory(project=project, key=f"k{number}")
        merge(staying, other, origin=by(EDITOR))

    def statements(rows: int) -> int:
        text = "number,first\n" + "".join(f"k{number},x\n" for number in range(rows))
        with CaptureQueriesContext(connection) as found:
            job = checked(project, text, targets=["key", "first_name"])
        assert counts(job) == (0, 1, 0, rows - 1)
        return len([query for query in found if "UPDATE" in query["sql"]])

    statements(3)  # the meaning of the columns is kept
    assert statements(5) == statements(30)


@pytest.mark.parametrize(
    ("header", "cells", "outcomes"), [("email", "a@example.org", (1, 0)), ("email,sms", "{}@x.org,+14165550100", None)]
)
def test_statements_do_not_grow_with_the_rows_about_one_address(
    project: Project, header: str, cells: str, outcomes: tuple[int, int] | None
) -> None:
    def statements(rows: int) -> int:
        text = f"{header}\n" + "".join(f"{cells.format(number)}\n" for number in range(rows))
        with CaptureQueriesContext(connection) as found:
            job = checked(project, text, kind="opt_outs", options={"reason": "other"})
        assert outcomes is None or counts(job)[:2] == outcomes
        return len([query for query in found if "UPDATE" in query["sql"]])

    assert statements(30) <= statements(5)
