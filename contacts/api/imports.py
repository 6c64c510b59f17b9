"""Imports through the web service: upload, what the columns are, a look at what it would do, running, taking back.

The worker reads and runs them, so each of these answers at once, and the import tells how far it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, BinaryIO, cast

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.http.response import HttpResponseBase
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from ninja import File, Query, Router, Status
from ninja.files import UploadedFile

from contacts.api.door import ApiRequest, Scoped, largest_body
from contacts.api.import_shapes import (
    CheckIn,
    ImportOut,
    ImportRowOut,
    ImportUndoIn,
    ImportUndoOut,
    RowFilters,
    RunIn,
    import_out,
    import_rows_out,
    undo_out,
)
from contacts.api.paging import Paged, listed
from contacts.api.shapes import ContactOut, Listed, contacts_out
from contacts.csv_reading import open_table
from contacts.downloads import CSV, download
from contacts.errors import ConfirmationMismatch, RegisterError
from contacts.forms.import_columns import ColumnsForm, ReadingForm, as_typed
from contacts.models import ImportJob
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.origin import Origin
from contacts.selectors import import_rows
from contacts.selectors.import_columns import Sample, sample_of
from contacts.selectors.imports import import_of, imports_of
from contacts.services.exports import log_export
from contacts.services.imports import jobs, replacing, undoing
from contacts.services.imports.guessing import PeopleWhoLeft
from contacts.tables import Reading
from contacts.vocabulary import ApiScope, Method

router = Router(tags=["Imports"])
ENVELOPE = 100_000  # what multipart writes around a file


class NotTheColumns(RegisterError):
    code = "not_the_columns"
    message = gettext_lazy("These are not what the columns of this file can be.")


class FileGone(RegisterError):
    code = "file_gone"
    message = gettext_lazy("The file is not kept any more.")
    remedy = gettext_lazy("Upload it again.")


@router.get("imports", response=Listed[ImportOut], auth=Scoped(ApiScope.READ), operation_id="list_imports")
def imports(request: ApiRequest, paged: Query[Paged]) -> object:
    """The imports of the project, the newest first."""

    def show(found: Sequence[ImportJob]) -> list[dict[str, Any]]:
        return [import_out(job) for job in found]

    return listed(imports_of(request.api.project), paged, show, order=["-id"])


@router.post("imports", response={201: ImportOut}, auth=Scoped(ApiScope.WRITE), operation_id="upload_import")
@largest_body(jobs.MOST_BYTES + ENVELOPE)
def upload(request: ApiRequest, file: File[UploadedFile]) -> object:
    """Upload a list (CSV, TSV, XLSX or ODS, at most 100 MB) as the field `file` of `multipart/form-data`.

    Nothing is changed by it yet: the answer tells the columns, and what each of them probably is.
    """
    content, name = cast(BinaryIO, file.file), file.name or ""
    open_table(content, name=name)
    origin = Origin(Method.IMPORT, request.api.actor)
    job = jobs.upload(request.api.project, content, file_name=name, origin=origin, most=jobs.MOST_BYTES)
    return Status(201, import_out(job, _sample(job, Reading())))


@router.get("imports/{int:import_id}", response=ImportOut, auth=Scoped(ApiScope.READ), operation_id="get_import")
def get(request: ApiRequest, import_id: int) -> object:
    """One import: how far it is, what it would do, what it did."""
    job = _job(request, import_id)
    return import_out(job, _sample(job, Reading()) if job.state == ImportState.UPLOADED else None)


@router.post(
    "imports/{int:import_id}/check", response={202: ImportOut}, auth=Scoped(ApiScope.WRITE),
    operation_id="check_import",
)  # fmt: skip
def check(request: ApiRequest, import_id: int, sent: CheckIn) -> object:
    """Say what the rows and columns are, and let the file be read. Nothing is changed by it.

    Once the import is `ready`, `planned` tells what it would do, and `GET imports/{id}/rows` each row. It may be said
    anew until it runs. A file that looks like a list of people who left is refused as contacts, unless `as_contacts`.
    """
    job = _job(request, import_id)
    if job.state not in jobs.CHOOSABLE:
        raise jobs.WrongState
    sample = _sample(job, _reading(sent))
    if sample.suspicion and sent.kind == ImportKind.CONTACTS and not sent.as_contacts:
        raise PeopleWhoLeft(
            sample.suspicion.words, remedy=_("Say so: another kind, or as_contacts if they are contacts all the same.")
        )
    form = _form(request, sample, sent)
    form.check_targets()
    jobs.choose(
        job, kind=sent.kind, mode=form.chosen_mode, columns=sample.table.columns, targets=form.targets,
        reading=sample.table.reading, options=form.options, dated=form.day_of_list,
    )  # fmt: skip
    return Status(202, import_out(job))


@router.get(
    "imports/{int:import_id}/rows", response=Listed[ImportRowOut], auth=Scoped(ApiScope.READ),
    operation_id="list_import_rows",
)  # fmt: skip
def rows(request: ApiRequest, import_id: int, filters: Query[RowFilters]) -> object:
    """The rows of one outcome, in the order of the file: what each would do, or did."""
    job = _job(request, import_id)
    found = import_rows.rows_of(job, outcome=filters.outcome, reason=filters.code or "")
    return listed(found, filters, import_rows_out, order=["line"])


@router.get(
    "imports/{int:import_id}/rejected-rows", auth=Scoped(ApiScope.READ), operation_id="download_rejected_rows",
    openapi_extra={
        "responses": {
            200: {
                "description": "CSV: the columns of the file, with the line and the reason behind them.",
                "content": {"text/csv": {"schema": {"type": "string"}}},
            }
        }
    },
)  # fmt: skip
def rejected_rows(request: ApiRequest, import_id: int) -> HttpResponseBase:
    """The rejected rows as a file, to be mended and imported again."""
    job = _job(request, import_id)
    number = import_rows.rows_of(job, outcome=RowOutcome.REJECTED).count()
    log_export(
        request.api.project, subject="rejected rows", filters=["import"], rows=number, actor=request.api.actor
    )  # fmt: skip
    name = slugify(job.file_name.rpartition(".")[0] or job.file_name)[:80] or "import"
    header = import_rows.rejected_header(job)
    return download(CSV, f"{name}-{job.pk}-rejected", header, import_rows.rejected_rows(job))


@router.get(
    "imports/{int:import_id}/absent", response=Listed[ContactOut], auth=Scoped(ApiScope.READ),
    operation_id="list_absent_contacts",
)  # fmt: skip
def absent(request: ApiRequest, import_id: int, paged: Query[Paged]) -> object:
    """Whom a replacement that is `ready` would deactivate, because they are not in the file."""
    job = _job(request, import_id)
    if job.kind != ImportKind.CONTACTS or job.mode != ImportMode.REPLACE or job.state != ImportState.READY:
        raise jobs.WrongState(_("Only of a replacement that is ready it is known who is absent."))
    return listed(replacing.absent(job), paged, contacts_out, order=["id"])


@router.post(
    "imports/{int:import_id}/run", response={202: ImportOut}, auth=Scoped(ApiScope.WRITE), operation_id="run_import"
)
def run(request: ApiRequest, import_id: int, sent: RunIn) -> object:
    """Let an import that is `ready` run. It lifts no opt-out, and activates nobody but whom only an earlier replacement
    had deactivated.

    A replacement that deactivates more contacts than the project's share needs their number, `deactivate`.
    """
    job = _reached(request, import_id)
    try:
        jobs.start(job, typed="" if sent.deactivate is None else str(sent.deactivate))
    except ConfirmationMismatch as error:
        error.field = "deactivate"
        raise
    return Status(202, import_out(job))


@router.post(
    "imports/{int:import_id}/stop", response={202: ImportOut}, auth=Scoped(ApiScope.WRITE), operation_id="stop_import"
)
def stop(request: ApiRequest, import_id: int) -> object:
    """Let an import at work end after the rows that it is at. What is done stays done."""
    job = _job(request, import_id)
    jobs.stop(job)
    return Status(202, import_out(job))


@router.post(
    "imports/{int:import_id}/resume", response={202: ImportOut}, auth=Scoped(ApiScope.WRITE),
    operation_id="resume_import",
)  # fmt: skip
def resume(request: ApiRequest, import_id: int) -> object:
    """Go on with an import that was stopped."""
    job = _reached(request, import_id)
    jobs.resume(job)
    return Status(202, import_out(job))


@router.post(
    "imports/{int:import_id}/cancel", response=ImportOut, auth=Scoped(ApiScope.WRITE), operation_id="cancel_import"
)
def cancel(request: ApiRequest, import_id: int) -> object:
    """Put away an import that did not run, with its file."""
    job = _job(request, import_id)
    jobs.discard(job)
    return import_out(job)


@router.get(
    "imports/{int:import_id}/undo",
    response=ImportUndoOut,
    auth=Scoped(ApiScope.READ),
    operation_id="preview_import_undo",
)
def undo_preview(request: ApiRequest, import_id: int) -> object:
    """What undoing an import would do. Only who started it may, so a token sees this of its own."""
    return undo_out(_undo_preview(request, _job(request, import_id)))


@router.post(
    "imports/{int:import_id}/undo", response={202: ImportOut}, auth=Scoped(ApiScope.WRITE), operation_id="undo_import"
)
def undo(request: ApiRequest, import_id: int, sent: ImportUndoIn) -> object:
    """Take an import back that the same token started: its entries are voided, and values go back where nobody changed
    them since."""
    job = _job(request, import_id)
    if sent.erase_created is not None:
        request.api.require(ApiScope.ERASE)
    found = _undo_preview(request, job)
    if sent.erase_created is not None and sent.erase_created != found.untouched:
        raise ConfirmationMismatch(
            _("The number does not match."), remedy=_("Send %(number)d.") % {"number": found.untouched},
            field="erase_created",
        )  # fmt: skip
    undoing.begin(job, request.api.origin(), erase_created=bool(sent.erase_created))
    return Status(202, import_out(job))


def _job(request: ApiRequest, import_id: int) -> ImportJob:
    job = import_of(request.api.project, import_id)
    if job is None:
        raise Http404
    return job


def _reached(request: ApiRequest, import_id: int) -> ImportJob:
    """An import that a token may let run: what holds in the whole organization is let run by its admins alone."""
    job = _job(request, import_id)
    if jobs.is_everywhere(job):
        raise PermissionDenied(_("Only an admin of the organization may suppress addresses in all of it."))
    return job


def _undo_preview(request: ApiRequest, job: ImportJob) -> undoing.UndoPreview:
    refused = undoing.refusal(job, request.api.actor)
    if refused is not None:
        raise refused
    return undoing.preview(job, request.api.actor)


def _sample(job: ImportJob, reading: Reading) -> Sample:
    sample = sample_of(job, reading)
    if sample is None:
        raise FileGone
    return sample


def _reading(sent: CheckIn) -> Reading:
    if sent.reading is None:
        return Reading()
    form = ReadingForm(as_typed(Reading.from_json(sent.reading.model_dump())))
    for name, words in form.errors.items():
        raise NotTheColumns(str(words[0]), field=f"reading.{name}")
    return form.reading


def _form(request: ApiRequest, sample: Sample, sent: CheckIn) -> ColumnsForm:
    """The choices, checked as those of the page. Raises NotTheColumns."""
    targets = sample.targets if sent.columns is None else sent.columns
    if len(targets) != len(sample.table.columns):
        words = _("The file has %(number)d columns.") % {"number": len(sample.table.columns)}
        raise NotTheColumns(words, remedy=_("Name the target of each, in their order."), field="columns")
    typed: dict[str, Any] = {
        "kind": sent.kind, "mode": sent.mode, "reason": sent.reason, "dated": str(sent.dated or ""),
        "country": sent.country or request.api.project.default_country, "day_first": sent.day_first,
    }  # fmt: skip
    for place, target in enumerate(targets):
        kind, _colon, name = target.partition(":")
        typed[f"target-{place}"] = kind if kind == "attribute" else target
        typed[f"name-{place}"] = name if kind == "attribute" else ""
    form = ColumnsForm(
        typed, columns=sample.table.columns, guessed=targets, tables=sample.tables, project=request.api.project,
        may_suppress_everywhere=False, asks_kind=sample.suspicion is not None,
    )  # fmt: skip
    for field, wrong in form.errors.items():
        name, _hyphen, number = field.partition("-")
        raise NotTheColumns(str(wrong[0]), field=f"columns.{number}" if name in ("target", "name") else field)
    return form
