"""Importing a file in a test, as the command does it: read, checked, started, worked off."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from contacts.csv_reading import UnreadableFile, open_table
from contacts.models import ImportJob, ImportRow, Project
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.origin import Actor, Origin
from contacts.services.imports import guessing, jobs, work
from contacts.vocabulary import ActorKind, Method


@dataclass(frozen=True)
class Imported:
    """What became of a file. ``rejections`` are lines with their reasons."""

    job: ImportJob
    rejections: list[tuple[int, str]]

    @property
    def counts(self) -> tuple[int, ...]:
        """rows, created, updated, unchanged, rejected."""
        return (self.job.rows, *(self.job.counts.get(name, 0) for name in RowOutcome.values))

    def summary(self) -> str:
        names = ("rows", *RowOutcome.values)
        return " ".join(f"{name}={number}" for name, number in zip(names, self.counts, strict=True))

    def __getattr__(self, name: str) -> int:
        if name in RowOutcome.values:
            return int(self.job.counts.get(name, 0))
        if name == "rows":
            return self.job.rows
        raise AttributeError(name)


def staged(
    project: Project,
    text: str | bytes,
    *,
    name: str = "list.csv",
    key: str = "",
    kind: str = ImportKind.CONTACTS,
    mode: str = ImportMode.ADD_AND_UPDATE,
    as_contacts: bool = False,
    targets: list[str] | None = None,
    origin: Origin | None = None,
    **fields: Any,
) -> ImportJob:
    """An import whose rows are read and which waits for a check. Raises UnreadableFile, PeopleWhoLeft."""
    table = open_table(io.BytesIO(text.encode() if isinstance(text, str) else text), name=name)
    if targets is None:
        targets = guessing.targets_of(project, table, key=key, kind=kind, is_sure=as_contacts)
    options = {"as_contacts": as_contacts, **fields.pop("options", {})}
    job = jobs.new_job(
        project,
        file_name=name,
        origin=origin or Origin(Method.IMPORT, Actor(ActorKind.IMPORT)),
        kind=kind,
        mode=mode,
        reading=table.reading.as_json(),
        mapping={"columns": table.columns, "targets": targets},
        options=options,
        state=ImportState.STAGING,
        **fields,
    )
    work.work_on(job.pk, table=table)
    job.refresh_from_db()
    if job.state == ImportState.FAILED:
        raise UnreadableFile(job.error)
    return job


def run(job: ImportJob, *, typed: str = "") -> Imported:
    """Start a checked import, and work it off."""
    jobs.start(job, typed=typed)
    work.work_on(job.pk)
    job.refresh_from_db()
    assert job.state == ImportState.DONE
    rejected = ImportRow.objects.filter(job=job, outcome=RowOutcome.REJECTED).order_by("line")
    return Imported(job, list(rejected.values_list("line", "error")))


def import_text(project: Project, text: str | bytes, *, typed: str = "", **fields: Any) -> Imported:
    """The whole way."""
    return run(staged(project, text, **fields), typed=typed)
