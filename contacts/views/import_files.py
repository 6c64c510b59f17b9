"""What of an import can be taken away as a file: its rejected rows, and whom a replacement would deactivate."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from contacts.access import EXPORT
from contacts.downloads import asked_format, download
from contacts.models import ImportJob
from contacts.models.imports import RowOutcome
from contacts.selectors import import_rows
from contacts.selectors.exports import exported_contacts, exported_header, moment_of
from contacts.services.exports import log_export
from contacts.views.imports import import_for, may_download, people_of


@require_POST
def import_rejected(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponseBase:
    """The rejected rows in the file's own columns, with the line and the reason."""
    access, job = import_for(request, project_slug, import_id)
    if not may_download(access, job):
        raise PermissionDenied(_("You may not export. Whoever uploaded the file can download its rejected rows."))
    rows = import_rows.rows_of(job, outcome=RowOutcome.REJECTED).count()
    header = import_rows.rejected_header(job)
    file_format = asked_format(request, rows=rows, columns=len(header))
    log_export(access.project, subject="rejected rows", filters=["import"], rows=rows, actor=access.actor)
    return download(file_format, file_name(job, _("rejected")), header, import_rows.rejected_rows(job))


@require_POST
def import_absent_export(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponseBase:
    """Whom a replacement would deactivate (``filters``: who would come back), as an export of contacts."""
    access, job = import_for(request, project_slug, import_id)
    access.require(EXPORT)
    is_returning = request.POST.get("filters") == "returning"
    people = people_of(job, is_returning=is_returning)
    if people is None:
        return redirect(job)
    number, header = people.count(), exported_header()
    file_format = asked_format(request, rows=number, columns=len(header))
    log_export(access.project, subject="contacts", filters=["import"], rows=number, actor=access.actor)
    name = file_name(job, _("returning") if is_returning else _("not in the file"))
    return download(file_format, name, header, exported_contacts(people, moment_of(access.project)))


def file_name(job: ImportJob, what: str) -> str:
    """A name for a file about an import, without an ending."""
    stem = slugify(job.file_name.rpartition(".")[0] or job.file_name) or "import"
    return f"{stem[:80]}-{job.pk}-{slugify(what)}"
