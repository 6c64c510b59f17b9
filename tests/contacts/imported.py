"""A list put through an import by its services, without a page or a worker."""

from __future__ import annotations

import io
import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from contacts.csv_columns import guess_targets
from contacts.csv_reading import open_table
from contacts.models import ImportJob, ImportRow, Project
from contacts.origin import Actor, Origin
from contacts.services.imports import jobs, work
from contacts.vocabulary import Method
from tests.origins import EDITOR


def checked(
    project: Project,
    text: str,
    *,
    kind: str = "contacts",
    mode: str = "add_and_update",
    targets: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
    dated: date | None = None,
    actor: Actor = EDITOR,
) -> ImportJob:
    """An import that was read and waits for a look."""
    content = text.encode()
    origin = Origin(Method.IMPORT, actor, request_id=uuid.uuid4())
    job = jobs.upload(project, io.BytesIO(content), file_name="list.csv", origin=origin)
    table = open_table(io.BytesIO(content), name="list.csv")
    jobs.choose(
        job, kind=kind, mode=mode, columns=table.columns, targets=targets or guess_targets(table.columns),
        reading=table.reading, options=options or {}, dated=dated,
    )  # fmt: skip
    return worked(job)


def imported(project: Project, text: str, **choices: Any) -> ImportJob:
    """An import that ran. Its counts are what the preview said."""
    job = checked(project, text, **choices)
    assert job.state == "ready", job.error
    started(job)
    assert job.state == "done", job.error
    return job


def started(job: ImportJob) -> ImportJob:
    """Let a checked import run to its end."""
    going = job.planned.get("deactivated", 0)
    jobs.start(job, typed=str(going))
    return worked(job)


def worked(job: ImportJob) -> ImportJob:
    """Do what the import's state asks for."""
    work.work_on(job.pk)
    job.refresh_from_db()
    return job


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    """created, updated, unchanged, rejected: as they were planned, and as they came to be."""
    names = ("created", "updated", "unchanged", "rejected")
    planned, done = (tuple(numbers.get(name, 0) for name in names) for numbers in (job.planned, job.counts))
    assert job.state != "done" or planned == done, (planned, done)
    assert sum(planned) == job.rows
    return planned


def row(job: ImportJob, line: int) -> ImportRow:
    return ImportRow.objects.get(job=job, line=line)
