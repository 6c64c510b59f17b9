"""The page that asks how a file is read, what its rows are, and what each column is."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import Access
from contacts.csv_reading import UnreadableFile
from contacts.forms.import_columns import ColumnsForm, ReadingForm, as_typed
from contacts.models import ImportJob
from contacts.models.imports import ImportState
from contacts.selectors.import_columns import Sample, sample_of
from contacts.services.imports import jobs
from contacts.tables import Reading
from contacts.views.imports import import_for, shared, steps
from contacts.views.rendering import project_page

READING = ("encoding", "delimiter", "header", "sheet")


@require_http_methods(["GET", "HEAD", "POST"])
def import_columns(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """What was found, and a form for everything that the reading of the rows depends on.

    The reading comes with the address (GET) or the form (POST); what it leaves open is found out.
    """
    access, job = import_for(request, project_slug, import_id)
    if job.state not in jobs.CHOOSABLE:
        return redirect(job)
    given = request.POST if request.method == "POST" else request.GET
    asked = ReadingForm(given) if any(name in given for name in READING) else None
    reading = Reading.from_json(job.reading)
    if asked is not None and asked.is_valid():
        reading = asked.reading
    try:
        sample = sample_of(job, reading)
    except UnreadableFile as error:
        return _unreadable(request, access, job, error, reading)
    if sample is None:
        messages.warning(request, _("The file is not kept any more. Upload it again."))
        return redirect("contacts:import_add", project_slug)
    form = _form(request, access, job, sample)
    if request.method == "POST" and form.is_valid():
        try:
            form.check_targets()
            jobs.choose(
                job, kind=form.cleaned_data["kind"], mode=form.chosen_mode, columns=sample.table.columns,
                targets=form.targets, reading=sample.table.reading, options=form.options, dated=form.day_of_list,
            )  # fmt: skip
        except UnreadableFile as error:
            form.refuse(error)
        except jobs.WrongState as error:
            messages.warning(request, str(error))
            return redirect(job)
        else:
            return redirect(job)
    context = {
        "form": form,
        "sample": sample,
        "reading_form": ReadingForm(initial=as_typed(sample.table.reading), table=sample.table),
        "reading_asked": asked if asked is not None and asked.errors else None,
        "columns": zip(sample.table.columns, sample.examples, form.column_fields(), strict=True),
        "hidden_reading": as_typed(sample.table.reading),
    }
    return _page(request, access, job, context)


def _form(request: HttpRequest, access: Access, job: ImportJob, sample: Sample) -> ColumnsForm:
    initial: dict[str, Any] = {"country": access.project.default_country}
    if job.state != ImportState.UPLOADED:
        initial |= {"kind": job.kind, "mode": job.mode, "dated": job.dated, **job.options}
    elif sample.suspicion is None:
        initial["kind"] = job.kind
    return ColumnsForm(
        request.POST if request.method == "POST" else None,
        initial=initial,
        columns=sample.table.columns,
        guessed=sample.targets,
        tables=sample.tables,
        project=access.project,
        may_suppress_everywhere=access.is_organization_admin,
        asks_kind=sample.suspicion is not None,
    )


def _unreadable(
    request: HttpRequest, access: Access, job: ImportJob, error: UnreadableFile, reading: Reading
) -> HttpResponse:
    form = ReadingForm(initial=as_typed(reading))
    return _page(request, access, job, {"error": str(error), "reading_form": form})


def _page(request: HttpRequest, access: Access, job: ImportJob, context: dict[str, Any]) -> HttpResponse:
    """The page goes back to the second step, whatever was done since."""
    shown = {**shared(job), **context, "steps": steps(1)}
    return project_page(request, access, "contacts/import_columns.html", shown, section="imports")
