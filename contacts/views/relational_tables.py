"""A project's own tables: adding one, changing its name and columns, removing it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError, StaleConfirmation
from contacts.forms.relational import RemovalForm, TableForm
from contacts.models import RelationalTable
from contacts.services.relational_tables import (
    ValuesWouldGo,
    change_table,
    columns_of,
    declare_table,
    removal_of,
    remove_table,
)
from contacts.views.rendering import project_page


@require_http_methods(["GET", "HEAD", "POST"])
def table_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = TableForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            columns = [column.label for column in form.columns]
            declare_table(access.project, name=form.cleaned_data["name"], columns=columns)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The table was added."))
            return _back(access)
    return _page(request, access, "contacts/table_form.html", {"form": form})


@require_http_methods(["GET", "HEAD", "POST"])
def table_edit(request: HttpRequest, project_slug: str, table_id: int) -> HttpResponse:
    """Name and columns. What would take values with it comes back with the counts, to be confirmed."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    table = _table(access, table_id)
    form = TableForm(request.POST if request.method == "POST" else None, table=table)
    context: dict[str, Any] = {"form": form, "table": table}
    if form.is_valid():
        values = form.cleaned_data
        try:
            changed = change_table(
                table, name=values["name"], columns=form.columns, seen=values["digest"], confirmed=values["confirmed"]
            )
        except ValuesWouldGo as error:
            form.ask(error.digest)
            context |= {"losses": error.losses, "is_stale": bool(values["confirmed"])}
        except StaleConfirmation:
            now = _table(access, table_id)
            form.show_anew(now)
            context["meanwhile"] = [column.label for column in columns_of(now)]
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("The changes are saved.") if changed else _("There was nothing to change."))
            return _back(access)
    return _page(request, access, "contacts/table_form.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def table_remove(request: HttpRequest, project_slug: str, table_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    table = _table(access, table_id)
    form = RemovalForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_valid():
        try:
            remove_table(table, expected=form.cleaned_data["digest"])
        except StaleConfirmation as error:
            refusal = error
        else:
            messages.success(request, _("The table was removed."))
            return _back(access)
    context = {"table": table, "columns": columns_of(table), "removal": removal_of(table), "refusal": refusal}
    return _page(request, access, "contacts/table_remove.html", context)


def _table(access: Access, table_id: int) -> RelationalTable:
    tables = RelationalTable.objects.filter(project=access.project)
    table = tables.filter(pk=table_id).first() if table_id < 2**63 else None
    if table is None:
        raise Http404
    table.project = access.project
    return table


def _back(access: Access) -> HttpResponse:
    response = redirect("contacts:settings", access.project.slug)
    response["Location"] += "#tables"
    return response


def _page(request: HttpRequest, access: Access, template: str, context: dict[str, Any]) -> HttpResponse:
    return project_page(request, access, template, context, section="settings")
