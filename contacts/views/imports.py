"""Imports: their list, the upload, one import from its check to its report, and what is done to it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from contacts.access import EDIT, EXPORT, Access, access_for
from contacts.csv_reading import open_table
from contacts.errors import ConfirmationMismatch, RegisterError, StaleConfirmation
from contacts.forms.imports import StartForm, UploadForm
from contacts.models import ImportJob
from contacts.models.contact import ContactQuerySet
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.origin import Origin
from contacts.selectors import import_rows
from contacts.selectors import imports as reads
from contacts.selectors.keyset import page_of
from contacts.services.imports import jobs, replacing, undoing
from contacts.views.rendering import project_page
from contacts.vocabulary import ActorKind, Method

POLLED = "contacts/import_progress.html"
TEMPLATES = {
    ImportState.STAGING: "contacts/import_work.html",
    ImportState.RUNNING: "contacts/import_work.html",
    ImportState.UNDOING: "contacts/import_work.html",
    ImportState.READY: "contacts/import_check.html",
    ImportState.STOPPED: "contacts/import_report.html",
    ImportState.DONE: "contacts/import_report.html",
    ImportState.UNDONE: "contacts/import_report.html",
    ImportState.FAILED: "contacts/import_failed.html",
    ImportState.DISCARDED: "contacts/import_failed.html",
}
STEP_OF = {
    ImportState.UPLOADED: 1, ImportState.STAGING: 2, ImportState.FAILED: 2, ImportState.READY: 2,
    ImportState.RUNNING: 3, ImportState.STOPPED: 3, ImportState.DONE: 4, ImportState.UNDOING: 4,
    ImportState.UNDONE: 4, ImportState.DISCARDED: 5,
}  # fmt: skip


@require_safe
def imports(request: HttpRequest, project_slug: str) -> HttpResponse:
    """The imports of the project, the newest first."""
    access = access_for(request.user, project_slug, needs=EDIT)
    page = page_of(reads.imports_of(access.project), order=["-id"], cursor=request.GET.get("cursor", ""))
    context = {"page": page, "imports": reads.listed(page.rows, access.project)}
    return project_page(request, access, "contacts/imports.html", context, section="imports")


@require_http_methods(["GET", "HEAD", "POST"])
def import_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Upload a list. What cannot be opened is refused here, and nothing of it is kept."""
    access = access_for(request.user, project_slug, needs=EDIT)
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if form.is_valid():
        file = form.cleaned_data["file"]
        origin = Origin(Method.IMPORT, access.actor, request_id=form.request_number)
        try:
            open_table(file.file, name=file.name)
            job = jobs.upload(access.project, file.file, file_name=file.name, origin=origin, most=jobs.MOST_BYTES)
        except RegisterError as error:
            form.refuse(error)
        else:
            return redirect("contacts:import_columns", project_slug, job.pk)
    return project_page(request, access, "contacts/import_add.html", {"form": form}, section="imports")


@require_safe
def import_page(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """One import, as its state is. While it is at work the page asks for its progress alone, until that is over."""
    access, job = import_for(request, project_slug, import_id)
    if job.state == ImportState.UPLOADED:
        return redirect("contacts:import_columns", project_slug, job.pk)
    if request.GET.get("part") == "progress":
        return _progress(request, access, job)
    return show(request, access, job)


@require_http_methods(["GET", "HEAD", "POST"])
def import_start(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """Let a checked import run."""
    access, job = import_for(request, project_slug, import_id)
    if request.method != "POST" or job.state != ImportState.READY:
        return redirect(job)
    require_reach(access, job)
    form = StartForm(request.POST)
    if not form.is_valid():
        return show(request, access, job, start=form)
    given = form.cleaned_data
    mode = given["mode"] if given["mode"] in offered_modes(job) else job.mode
    try:
        jobs.start(job, mode=mode, typed=given["typed"], shown=given["shown"] or None)
    except StaleConfirmation:
        return show(request, access, job, stale=True)
    except ConfirmationMismatch as error:
        form.refuse(error)
        return show(request, access, job, start=form)
    except jobs.WrongState as error:
        messages.warning(request, str(error))
    return redirect(job)


@require_POST
def import_stop(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    _access, job = import_for(request, project_slug, import_id)
    jobs.stop(job)
    return redirect(job)


@require_POST
def import_resume(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    access, job = import_for(request, project_slug, import_id)
    require_reach(access, job)
    try:
        jobs.resume(job)
    except jobs.WrongState as error:
        messages.warning(request, str(error))
    return redirect(job)


@require_http_methods(["GET", "HEAD", "POST"])
def import_discard(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """Put away an import that did not run."""
    access, job = import_for(request, project_slug, import_id)
    if request.method == "POST":
        try:
            jobs.discard(job)
        except jobs.WrongState as error:
            messages.warning(request, str(error))
            return redirect(job)
        messages.success(request, _("The import is cancelled. Nothing was changed."))
        return redirect("contacts:imports", project_slug)
    if job.state not in jobs.CHOOSABLE:
        return redirect(job)
    return project_page(request, access, "contacts/import_discard.html", shared(job), section="imports")


@require_safe
def import_row_list(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """The staged rows of one outcome, in the order of the file."""
    access, job = import_for(request, project_slug, import_id)
    outcome, reason = request.GET.get("outcome", ""), request.GET.get("reason", "")
    if outcome not in RowOutcome.values or "\x00" in reason:
        raise Http404
    rows = import_rows.rows_of(job, outcome=outcome, reason=reason)
    page = page_of(rows, order=["line"], cursor=request.GET.get("cursor", ""))
    context = {
        **shared(job),
        "page": page,
        "rows": import_rows.in_words(job, page.rows),
        "outcome": outcome,
        "label": reads.OUTCOMES[job.kind][outcome],
        "reason": reads.reason_label(reason) if reason else "",
        "is_planned": job.state not in reads.RAN,
        "may_download": may_download(access, job),
    }
    return project_page(request, access, "contacts/import_row_list.html", context, section="imports")


@require_safe
def import_absent(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """Who would be deactivated by a replacement, and who would come back."""
    access, job = import_for(request, project_slug, import_id)
    is_returning = request.GET.get("who") == "returning"
    people = people_of(job, is_returning=is_returning)
    if people is None:
        return redirect(job)
    page = page_of(people, order=["id"], cursor=request.GET.get("cursor", ""))
    context = {**shared(job), "page": page, "is_returning": is_returning, "may_export": access.may(EXPORT)}
    return project_page(request, access, "contacts/import_absent.html", context, section="imports")


def people_of(job: ImportJob, *, is_returning: bool) -> ContactQuerySet | None:
    """Whom a checked replacement would deactivate, or bring back; None of an import that is none."""
    if job.kind != ImportKind.CONTACTS or job.mode != ImportMode.REPLACE or job.state != ImportState.READY:
        return None
    return replacing.returning(job) if is_returning else replacing.absent(job)


def import_for(request: HttpRequest, project_slug: str, import_id: int) -> tuple[Access, ImportJob]:
    """An import that the user may work on. Raises Http404, PermissionDenied."""
    access = access_for(request.user, project_slug)
    job = reads.import_of(access.project, import_id)
    if job is None:
        raise Http404
    access.require(EDIT)
    return access, job


def require_reach(access: Access, job: ImportJob) -> None:
    """What holds in the whole organization is let run by its admins alone. Raises PermissionDenied."""
    if jobs.is_everywhere(job) and not access.is_organization_admin:
        raise PermissionDenied(_("Only an admin of the organization may suppress addresses in all of it."))


def show(
    request: HttpRequest, access: Access, job: ImportJob, *, start: StartForm | None = None, stale: bool = False
) -> HttpResponse:
    """The page of an import in its state."""
    context = {**shared(job), "is_stale": stale}
    if job.is_at_work:
        context |= _work(request, job)
    elif job.state == ImportState.READY:
        context |= _check(access, job, start)
    elif job.state in reads.RAN:
        context |= _report(access, job)
    elif job.state == ImportState.FAILED:
        context["can_choose_again"] = reads.has_file(job)
    return project_page(request, access, TEMPLATES[ImportState(job.state)], context, section="imports")


def shared(job: ImportJob) -> dict[str, Any]:
    """What every page of an import shows above."""
    return {
        "job": job,
        "what": reads.what_in_words(job),
        "reading": reads.reading_in_words(job),
        "steps": steps(STEP_OF[ImportState(job.state)], is_over=job.state in (ImportState.DONE, ImportState.UNDONE)),
    }


def steps(current: int, *, is_over: bool = False) -> list[dict[str, str]]:
    """The steps of an import; of one that is over the last one is done as well."""
    labels = (_("File"), _("Columns"), _("Check"), _("Run"), _("Report"))
    return [
        {
            "label": label,
            "state": "done" if place < current else "current" if place == current else "later",
        }
        for place, label in enumerate(labels)
    ]


def offered_modes(job: ImportJob) -> list[str]:
    """What a checked import may be started as: as chosen, and of a replacement without deactivating anybody."""
    return [job.mode, ImportMode.ADD_AND_UPDATE] if job.mode == ImportMode.REPLACE else [job.mode]


def may_download(access: Access, job: ImportJob) -> bool:
    """Whoever uploaded a file gets its rejected rows back; others need to be allowed to export."""
    is_theirs = job.actor_kind == ActorKind.USER and job.actor_number == access.user.pk
    return is_theirs or access.may(EXPORT)


def _progress(request: HttpRequest, access: Access, job: ImportJob) -> HttpResponse:
    """The part of the page that changes while the import is at work; once it is over, the whole page anew."""
    if not job.is_at_work:
        response = HttpResponse()
        response["HX-Refresh"] = "true"
        return response
    response = render(request, POLLED, {"job": job, "project": access.project, **_work(request, job)})
    response["Cache-Control"] = "no-store"
    return response


def _work(request: HttpRequest, job: ImportJob) -> dict[str, Any]:
    progress = reads.progress_of(job, timezone.now(), since=request.GET.get("since", ""))
    outcomes = reads.outcomes(job) if job.state == ImportState.RUNNING else []
    return {
        "progress": progress,
        "as_of": timezone.now(),
        "refresh_url": f"{job.get_absolute_url()}?since={progress.mark}",
        "stats": [{"label": outcome.label, "value": reads.grouped(outcome.rows)} for outcome in outcomes],
        "next_line": job.done_line + 1,
    }


def _check(access: Access, job: ImportJob, start: StartForm | None) -> dict[str, Any]:
    is_replacement = job.kind == ImportKind.CONTACTS and job.mode == ImportMode.REPLACE
    outcomes = reads.outcomes(job)
    return {
        "outcomes": outcomes,
        "examples": import_rows.examples(job, job.planned),
        "reasons": import_rows.rejected_by_reason(job) if job.planned.get(RowOutcome.REJECTED) else [],
        "left_alone": reads.left_alone(job),
        "taken": job.rows - job.planned.get(RowOutcome.REJECTED, 0),
        "is_replacement": is_replacement,
        "needs_typing": is_replacement and replacing.needs_typing(job),
        "active": reads.active_contacts(access.project) if is_replacement else 0,
        "form": start or StartForm(),
        "shown": jobs.digest(job),
        "may_download": may_download(access, job),
    }


def _report(access: Access, job: ImportJob) -> dict[str, Any]:
    is_kept = job.purged_at is None
    return {
        "outcomes": reads.outcomes(job),
        "examples": import_rows.examples(job, job.counts) if is_kept else {},
        "reasons": import_rows.rejected_by_reason(job) if is_kept and job.counts.get(RowOutcome.REJECTED) else [],
        "left_alone": reads.left_alone(job),
        "done_rows": reads.done_rows(job),
        "next_line": job.done_line + 1,
        "may_download": may_download(access, job),
        "is_kept": is_kept,
        "may_undo": undoing.refusal(job, access.actor) is None,
        "undone": job.counts.get("undone", {}),
    }
