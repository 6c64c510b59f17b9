"""A statement of an import fails, or of its undo: whole chunks are there, and what goes on ends as undisturbed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import transaction

from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow, Project, StatusHistory
from contacts.services.imports import jobs, replacing, undoing, work
from contacts.services.verify import differences
from tests.contacts.imported import checked, imported
from tests.faults.test_interrupted import Pulled, failing_at
from tests.origins import ADMIN, by

pytestmark = pytest.mark.django_db

EVERY = 7
PEOPLE = "number,email\n" + "\n".join(f"P{number},p{number}@example.org" for number in range(6))
TARGETS = ["key", "email"]


def noes(project: Project) -> ImportJob:
    job = checked(
        project, "email,on\np0@example.org,2026-03-01\nnew@example.org,\np1@example.org,\nbad,", kind="opt_outs",
        targets=["email", "opt_out_on:email"],
    )  # fmt: skip
    jobs.start(job)
    return job


def columns_of_noes(project: Project) -> ImportJob:
    text = "number,email,out\nP0,p0@example.org,yes\nNEW,new@example.org,yes\nP1,not an address,yes"
    job = checked(project, text, targets=[*TARGETS, "opt_out:email"])
    jobs.start(job)
    return job


def replacement(project: Project) -> ImportJob:
    imported(project, PEOPLE.replace("P5,p5@example.org", ""), targets=TARGETS, mode="replace")
    job = checked(project, "number,email\nP5,p5@example.org\nP1,p1@example.org", targets=TARGETS, mode="replace")
    jobs.start(job, typed="4")
    return job


def undo(project: Project) -> ImportJob:
    text = "number,email,out\nP0,other@example.org,yes\nNEW,new@example.org,yes"
    job = imported(project, text, targets=[*TARGETS, "opt_out:email"])
    undoing.begin(job, by(ADMIN), erase_created=True)
    return job


def facts(job: ImportJob) -> list[Any]:
    """What there is, but for numbers and moments."""
    job.refresh_from_db()
    channels = ChannelStatus.objects.order_by("contact__key", "channel")
    entries = StatusHistory.objects.values_list("contact__key", "aspect", "channel", "says", "from_value", "to_value")
    return [
        job.state,
        job.counts,
        sorted(Contact.objects.values_list("key", "is_active")),
        list(channels.values_list("contact__key", "channel", "address", "opted_out")),
        Counter(entries),
        sorted(ImportRow.objects.filter(job=job).values_list("line", "outcome", "error_code")),
    ]


class _Enough(Exception):
    """Takes back what a trial did."""


@pytest.mark.parametrize("begin", [noes, columns_of_noes, replacement, undo])
def test_what_goes_on_ends_as_if_nothing_had_happened(
    project: Project, begin: Callable[[Project], ImportJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contacts.services.imports.running.CHUNK", 2)
    monkeypatch.setattr(replacing, "CHUNK", 2)
    for name in ("ENTRIES_AT_ONCE", "LINES_AT_ONCE", "CONTACTS_AT_ONCE"):
        monkeypatch.setattr(undoing, name, 1)
    imported(project, PEOPLE, targets=TARGETS)
    job = begin(project)
    undisturbed: list[Any] = []
    with suppress(_Enough), transaction.atomic(), failing_at(-1) as ran:
        work.work_on(job.pk)
        undisturbed = facts(job)
        raise _Enough
    assert undisturbed[0] in ("done", "undone")
    numbers = [n for n, sql in enumerate(ran, start=1) if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK"))]
    assert len(numbers) > 50
    for number in numbers[::EVERY]:
        with suppress(_Enough), transaction.atomic():
            with suppress(Pulled), failing_at(number):
                work.work_on(job.pk)
            transaction.set_rollback(False)  # the statement that failed never came to the database
            assert list(differences()) == []
            ImportJob.objects.filter(pk=job.pk).update(claim=None)
            work.work_on(job.pk)
            assert facts(job) == undisturbed, f"statement {number}: {ran[number - 1]}"
            raise _Enough
