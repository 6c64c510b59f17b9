"""Importing a list of contacts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import EDIT, Access, access_for
from contacts.csv_reading import UnreadableFile
from contacts.forms.imports import MOST_BYTES, ImportForm
from contacts.origin import Origin
from contacts.services.csv_import import SMALL, ImportResult, Rejection, clean_file_name, import_small_csv
from contacts.views.rendering import project_page
from contacts.vocabulary import Method

MOST_SHOWN = 500


@require_http_methods(["GET", "HEAD", "POST"])
def imports(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Upload a list; it is imported at once, all of it or (when it can't be read) nothing."""
    access = access_for(request.user, project_slug, needs=EDIT)
    form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
    if form.is_valid():
        rejections: list[Rejection] = []
        try:
            result = _run(access, form, rejections)
        except UnreadableFile as error:
            form.refuse(error)
        else:
            return _done(request, access, form.cleaned_data["file"].name, result, rejections)
    context = {"form": form, "most_rows": SMALL, "most_bytes": MOST_BYTES}
    return project_page(request, access, "contacts/imports.html", context, section="imports")


def _run(access: Access, form: ImportForm, rejections: list[Rejection]) -> ImportResult:
    def keep(rejection: Rejection) -> None:
        if len(rejections) < MOST_SHOWN:
            rejections.append(rejection)

    upload = form.cleaned_data["file"]
    return import_small_csv(
        access.project,
        upload.file,
        file_name=upload.name,
        origin=Origin(Method.IMPORT, access.actor, request_id=form.request_number),
        key=form.cleaned_data["key"],
        as_contacts=form.cleaned_data["as_contacts"],
        on_rejection=keep,
    )


def _done(
    request: HttpRequest, access: Access, file_name: str, result: ImportResult, rejections: list[Rejection]
) -> HttpResponse:
    context = {
        "file_name": clean_file_name(file_name),
        "result": result,
        "delimiter": {",": _("commas"), ";": _("semicolons"), "\t": _("tabs"), "|": _("bars")}[result.delimiter],
        "outcomes": [
            (_("Created"), result.created),
            (_("Updated"), result.updated),
            (_("Unchanged"), result.unchanged),
            (_("Rejected"), result.rejected),
        ],
        "rejections": rejections,
        "not_shown": result.rejected - len(rejections),
    }
    return project_page(request, access, "contacts/import_done.html", context, section="imports")
