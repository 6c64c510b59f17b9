"""How the web service shows and takes imports."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Literal

from ninja import Field, Schema

from contacts.api.paging import Paged
from contacts.api.reading import Day, text
from contacts.models import ImportJob, ImportRow
from contacts.models.imports import ImportState, RowOutcome
from contacts.selectors.import_columns import Sample
from contacts.selectors.imports import LEFT_ALONE
from contacts.services.imports.undoing import UndoPreview

KindName = Literal["contacts", "opt_outs", "suppressions"]
ModeName = Literal["add_and_update", "add", "update", "replace"]
OutcomeName = Literal["created", "updated", "unchanged", "rejected"]
StateName = Literal[
    "uploaded", "staging", "ready", "running", "stopped", "done", "undoing", "undone", "failed", "discarded"
]  # fmt: skip


class ImportColumnOut(Schema):
    name: str = Field(examples=["E-mail"])
    target: str = Field(
        examples=["email"],
        description="What it is: `key`, `first_name`, `last_name`, `full_name`, `language`, `notes`, `email`, `sms`, "
        "`push`, `attribute`, `attribute:<name>`, `skip`, `opt_out:<channel>`, `opt_out_on:<channel>`, "
        "`relational:<table>:<column>`, `consent:<communication type>:<what>`, or a sign that other tools write.",
    )
    examples: list[str] = Field([], examples=[["ann@example.org"]], description="Of an import that was uploaded.")


class CountsOut(Schema):
    """Rows by outcome, whose sum is that of all rows; and of a replacement how many contacts it deactivates."""

    created: int = Field(0, examples=[120])
    updated: int = Field(0, examples=[30])
    unchanged: int = Field(0, examples=[8])
    rejected: int = Field(0, examples=[2])
    deactivated: int = Field(0, examples=[25])


class ReadingOut(Schema):
    encoding: str = Field("", examples=["utf-8"])
    delimiter: str = Field("", examples=[";"])
    header: int | None = Field(None, examples=[1], description="The line with the columns’ names; 0: there is none.")
    sheet: str = ""


class ImportOut(Schema):
    """An import. While it is `staging`, `running` or `undoing` the worker is at it: ask again."""

    id: int = Field(examples=[12])
    state: StateName
    file_name: str = Field(examples=["members.csv"])
    kind: KindName
    mode: ModeName
    dated: date | None
    reading: ReadingOut
    columns: list[ImportColumnOut]
    looks_like: str = Field("", description="What the file seems to be where it is a list of people who left.")
    rows: int = Field(examples=[160], description="How many were read.")
    done: int = Field(examples=[0], description="How many were worked off.")
    planned: CountsOut = Field(description="What running it would do, once it is `ready`.")
    left_alone: dict[str, int] = Field(
        examples=[{"kept_opted_out": 3}], description="Decisions of before that the import does not overrule."
    )
    counts: CountsOut = Field(description="What it did.")
    error: str = Field("", description="Why it `failed`.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ReadingIn(Schema, extra="forbid"):
    """How the file is read. What is left out is found out."""

    encoding: text(20) = Field("", examples=["cp1252"])  # type: ignore[valid-type]
    delimiter: Literal["", ",", ";", "\t", "|"] = ""
    header: int | None = Field(
        None, strict=True, ge=0, le=10, examples=[1], description="The line with the columns’ names; 0: there is none."
    )
    sheet: text(200) = ""  # type: ignore[valid-type]


class CheckIn(Schema, extra="forbid"):
    """What the rows of a file are, what they may do, and what each column is."""

    kind: KindName
    mode: ModeName = Field("add_and_update", description="Of contacts. `replace` deactivates who is not in the file.")
    columns: list[text(250)] | None = Field(  # type: ignore[valid-type]
        None,
        max_length=2_000,
        examples=[["email", "first_name", "attribute:City", "skip"]],
        description="The target of each column, in the order of the file. Left out: as they were guessed.",
    )
    as_contacts: bool = Field(False, description="Take a list of people who left for contacts all the same.")
    reason: Literal["", "written_request", "verbal_request", "complaint", "other"] = Field(
        "", description="Of opt-outs and suppressions: whose word they are. It decides who may lift them."
    )
    dated: Day | None = Field(None, description="With `replace`: when it was exported. Who came later is left alone.")
    country: text(2) = Field("", examples=["CA"], description="Of national phone numbers. Left out: the project’s.")  # type: ignore[valid-type]
    day_first: bool = Field(False, description="In dates like 01/03/2026 the day comes first.")
    reading: ReadingIn | None = None


class RunIn(Schema, extra="forbid"):
    deactivate: int | None = Field(
        None,
        strict=True,
        ge=0,
        le=2**53,
        examples=[25],
        description="How many contacts a replacement deactivates (`planned.deactivated`), where these are more than "
        "the project’s share.",
    )


class ImportUndoIn(Schema, extra="forbid"):
    erase_created: int | None = Field(
        None,
        strict=True,
        ge=0,
        le=2**53,
        examples=[11],
        description="How many contacts (`untouched`) are to be erased whom the import added and nobody has touched "
        "since: for good, by a token with the scope `erase`. Left out: they stay.",
    )


class ImportUndoOut(Schema):
    """What undoing the import would do. ``entries`` are voided, ``too_old`` can no longer be; the values of
    ``contacts`` go back, but for ``overlapping`` ones, who were changed since."""

    entries: int = Field(examples=[24])
    too_old: int = Field(examples=[0])
    contacts: int = Field(examples=[30])
    overlapping: int = Field(examples=[2])
    relational: int = Field(examples=[0])
    created: int = Field(examples=[12], description="Contacts whom it added and who are still there.")
    untouched: int = Field(examples=[11], description="Those of them whom nobody has touched since.")
    until: datetime = Field(description="When it can no longer be undone.")


class ImportRowOut(Schema):
    line: int = Field(examples=[17])
    outcome: OutcomeName
    key: str = Field(examples=["K-1001"])
    contact: int | None = Field(examples=[4711])
    code: str = Field("", examples=["invalid_address"], description="Why it is rejected.")
    detail: str = ""


class RowFilters(Paged):
    outcome: OutcomeName = "rejected"
    code: text(30) | None = Field(None, min_length=1, description="Rejected for this reason.")  # type: ignore[valid-type]


def import_out(job: ImportJob, sample: Sample | None = None) -> dict[str, Any]:
    """An import; with a ``sample`` of its file, what its columns probably are."""
    return {
        "id": job.pk, "state": job.state, "file_name": job.file_name, "kind": job.kind, "mode": job.mode,
        "dated": job.dated,
        "reading": sample.table.reading.as_json() if sample else job.reading,
        "columns": _columns(job, sample),
        "looks_like": sample.suspicion.words if sample and sample.suspicion else "",
        "rows": job.rows,
        "done": sum(job.counts.get(outcome, 0) for outcome in RowOutcome.values),
        "planned": job.planned,
        "left_alone": {key: job.planned[key] for key, *_words in LEFT_ALONE if job.planned.get(key)},
        "counts": job.counts,
        "error": job.error if job.state == ImportState.FAILED else "",
        "created_at": job.created_at, "started_at": job.started_at, "finished_at": job.finished_at,
    }  # fmt: skip


def _columns(job: ImportJob, sample: Sample | None) -> list[dict[str, Any]]:
    if sample is not None:
        found = zip(sample.table.columns, sample.targets, sample.examples, strict=True)
        return [{"name": name, "target": target, "examples": examples} for name, target, examples in found]
    names, targets = job.mapping.get("columns", []), job.mapping.get("targets", [])
    return [{"name": name, "target": target} for name, target in zip(names, targets, strict=False)]


def import_rows_out(rows: Sequence[ImportRow]) -> list[dict[str, Any]]:
    return [
        {
            "line": row.line, "outcome": row.outcome, "key": row.key, "contact": row.contact_id,
            "code": row.error_code, "detail": row.error,
        }
        for row in rows
    ]  # fmt: skip


def undo_out(found: UndoPreview) -> dict[str, Any]:
    names = ("entries", "too_old", "contacts", "overlapping", "relational", "created", "untouched", "until")
    return {name: getattr(found, name) for name in names}
