"""A project's settings, and what left it as exports."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import ADMINISTER, access_for
from contacts.errors import RegisterError
from contacts.forms.settings import SettingsForm, settings_of
from contacts.models import Export, RelationalTable
from contacts.services.projects import change_settings
from contacts.services.relational_tables import columns_of
from contacts.views.rendering import project_page

LATEST = 20


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = SettingsForm(request.POST if request.method == "POST" else None, initial=settings_of(access.project))
    if form.is_valid():
        try:
            change_settings(access.project, form.settings)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Settings saved."))
            return redirect("contacts:settings", project_slug)
    exports = Export.objects.filter(project=access.project).order_by("-exported_at", "-pk")[:LATEST]
    tables = RelationalTable.objects.filter(project=access.project).order_by("name", "pk")
    context = {"form": form, "exports": exports, "tables": [(table, columns_of(table)) for table in tables]}
    return project_page(request, access, "contacts/settings.html", context, section="settings")
