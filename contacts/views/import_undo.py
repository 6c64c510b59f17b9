"""Taking an import back: what that would do, and what it leaves alone."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from contacts.access import DELETE
from contacts.errors import RegisterError
from contacts.forms.imports import UndoImportForm
from contacts.models.imports import ImportState
from contacts.selectors.import_rows import overlaps_in_words
from contacts.services.imports import jobs, undoing
from contacts.views.imports import import_for, shared
from contacts.views.recent_login import confirm_url, logged_in_recently
from contacts.views.rendering import project_page

REFUSED = 403


@require_http_methods(["GET", "HEAD", "POST"])
def import_undo(request: HttpRequest, project_slug: str, import_id: int) -> HttpResponse:
    """Shows what would go back; whom the import added is erased only by who may delete and logged in lately."""
    access, job = import_for(request, project_slug, import_id)
    if job.state not in (ImportState.DONE, ImportState.STOPPED):
        return redirect(job)
    refused = undoing.refusal(job, access.actor)
    if refused is not None:
        return project_page(
            request, access, "contacts/import_undo.html", {**shared(job), "refusal": str(refused)}, section="imports"
        )
    preview = undoing.preview(job, access.actor)
    may_erase = access.may(DELETE)
    form = UndoImportForm(
        request.POST if request.method == "POST" else None, untouched=preview.untouched if may_erase else 0
    )
    is_recent = logged_in_recently(request)
    is_sent = form.is_valid()
    is_too_old = is_sent and form.erases and not is_recent
    if is_sent and not is_too_old:
        try:
            origin = access.origin(request_id=form.request_number)
            undoing.begin(job, origin, erase_created=form.erases)
        except jobs.WrongState as error:
            messages.warning(request, str(error))
            return redirect(job)
        except RegisterError as error:
            form.refuse(error)
        else:
            return redirect(job)
    context = {
        **shared(job),
        "form": form,
        "preview": preview,
        "overlaps": overlaps_in_words(job, preview.overlaps),
        "is_recent": is_recent,
        "is_too_old": is_too_old,
        "confirm_url": confirm_url(request),
    }
    status = REFUSED if is_too_old else 200
    return project_page(request, access, "contacts/import_undo.html", context, section="imports", status=status)
