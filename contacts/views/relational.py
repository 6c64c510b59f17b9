"""A contact's rows in the project's own tables: adding, changing, removing and exporting them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from contacts.access import EDIT, EXPORT, Access, contact_for
from contacts.downloads import asked_format, download
from contacts.errors import RegisterError, StaleConfirmation
from contacts.forms.relational import RemovalForm, RowForm
from contacts.models import Contact, RelationalRow, RelationalTable
from contacts.selectors.relational import cells_of, exported_header, exported_rows
from contacts.services.exports import log_export
from contacts.services.relational import add_row, change_row, columns_digest, remove_row, row_digest
from contacts.views.rendering import project_page


@require_http_methods(["GET", "HEAD", "POST"])
def row_add(request: HttpRequest, project_slug: str, contact_id: int, table_slug: str) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    table = _table(access, table_slug)
    form = RowForm(request.POST if request.method == "POST" else None, table=table)
    context: dict[str, Any] = {"form": form, "table": table}
    if form.is_valid():
        try:
            origin = access.origin(request_id=form.request_number)
            add_row(contact, table, form.typed, seen=form.cleaned_data["digest"], origin=origin)
        except StaleConfirmation:
            form.show_anew(columns_digest(_table(access, table_slug)))
            context["is_stale"] = True
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The row was added."))
            return redirect(_place(contact, table))
    return _page(request, access, contact, "contacts/row_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def row_edit(request: HttpRequest, project_slug: str, contact_id: int, row_id: int) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    row = _row(contact, row_id)
    form = RowForm(request.POST if request.method == "POST" else None, table=row.table, row=row)
    context: dict[str, Any] = {"form": form, "table": row.table, "row": row}
    if form.is_valid():
        try:
            changed = change_row(row, form.typed, seen=form.cleaned_data["digest"])
        except StaleConfirmation:
            now = _row(contact, row_id)
            form.show_anew(row_digest(now))
            context |= {"is_stale": True, "meanwhile": form.differences(now)}
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The changes are saved.") if changed else _("There was nothing to change."))
            return redirect(_place(contact, row.table))
    return _page(request, access, contact, "contacts/row_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def row_remove(request: HttpRequest, project_slug: str, contact_id: int, row_id: int) -> HttpResponse:
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EDIT)
    row = _row(contact, row_id)
    form = RemovalForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            remove_row(row, seen=form.cleaned_data["digest"])
        except StaleConfirmation as error:
            refusal = error
            row = _row(contact, row_id)
        else:
            messages.success(request, _("The row was removed."))
            return redirect(_place(contact, row.table))
    context = {"table": row.table, "row": row, "cells": cells_of(row), "digest": row_digest(row), "refusal": refusal}
    return _page(request, access, contact, "contacts/row_remove.html", context)


@require_POST
def rows_export(request: HttpRequest, project_slug: str, contact_id: int, table_slug: str) -> HttpResponseBase:
    """The contact's rows in one table, as a file."""
    access, contact = contact_for(request.user, project_slug, contact_id, needs=EXPORT)
    table = _table(access, table_slug)
    header = exported_header(table)
    number = RelationalRow.objects.filter(contact=contact, table=table).count()
    file_format = asked_format(request, rows=number, columns=len(header))
    log_export(access.project, subject="relational rows", filters=["contact", "table"], rows=number, actor=access.actor)
    moment = timezone.localtime(timezone.now())
    name = f"{access.project.slug}-{table.slug}-{contact.pk}-{moment:%Y-%m-%d-%H%M}"
    return download(file_format, name, header, exported_rows(contact, table))


def _table(access: Access, table_slug: str) -> RelationalTable:
    table = RelationalTable.objects.filter(project=access.project, slug=table_slug).first()
    if table is None:
        raise Http404
    return table


def _row(contact: Contact, row_id: int) -> RelationalRow:
    rows = RelationalRow.objects.filter(contact=contact).select_related("table")
    row = rows.filter(pk=row_id).first() if row_id < 2**63 else None
    if row is None:
        raise Http404
    return row


def _place(contact: Contact, table: RelationalTable) -> str:
    """Where the profile shows the table's rows."""
    return f"{contact.get_absolute_url()}?{urlencode({'table': table.slug})}#tab"


def _page(
    request: HttpRequest, access: Access, contact: Contact, template: str, context: dict[str, Any]
) -> HttpResponse:
    shared = {"contact": contact, "back_url": _place(contact, context["table"])}
    return project_page(request, access, template, {**shared, **context}, section="contacts")
