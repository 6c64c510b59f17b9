"""A project's public forms, for users."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from consent.forms.forms import FormForm
from consent.models import CommunicationType, Form, FormVersion
from consent.selectors import forms as selectors
from consent.services import forms as services
from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError, StaleConfirmation
from contacts.views.rendering import project_page

LARGEST = 2**31


@require_safe
def forms(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug)
    found = selectors.forms_of(access.project)
    return project_page(request, access, "consent/forms.html", {"forms": found}, section="forms")


@require_http_methods(["GET", "HEAD", "POST"])
def form_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = FormForm(_topics(access), request.POST if request.method == "POST" else None, is_new=True)
    if form.is_valid():
        given = form.cleaned_data
        try:
            made = services.create_form(
                access.project, name=given["name"], kind=given["kind"], is_open=given["is_open"],
                content=form.content, author=access.user.get_full_name(),
            )  # fmt: skip
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("“%(name)s” is added. Below is what to copy into your site.") % {"name": made})
            return redirect("consent:form_edit", project_slug, made.pk)
    return project_page(request, access, "consent/form_edit.html", {"form": form}, section="forms")


@require_http_methods(["GET", "HEAD", "POST"])
def form_edit(request: HttpRequest, project_slug: str, form_id: int) -> HttpResponse:
    """What a form says, asks and offers, its versions, and what to copy. Saving a change makes a new version."""
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    row = _form(access, form_id)
    last = row.versions.first()
    if last is None:
        raise Http404
    last.form = row
    initial = FormForm.initial_of(last, services.digest(row))
    data = request.POST if request.method == "POST" else None
    form = FormForm(_topics(access), data, is_new=False, initial=initial)
    if form.is_valid():
        given = form.cleaned_data
        try:
            if given["shown"] and given["shown"] != services.digest(row):
                form.show_again(services.digest(row))
                raise StaleConfirmation(
                    _("Somebody else changed this form meanwhile."),
                    remedy=_("Open it in another window and look, then save yours again or leave it."),
                )
            made = services.change_form(
                row, name=given["name"], is_open=given["is_open"], content=form.content,
                author=access.user.get_full_name(),
            )  # fmt: skip
        except RegisterError as error:
            form.refuse(error)
        else:
            said = _("“%(name)s” is saved as version %(number)s.") if made else _("“%(name)s” is saved.")
            messages.success(request, said % {"name": row, "number": made.number if made else last.number})
            return redirect("consent:form_edit", project_slug, row.pk)
    context = {
        "form": form, "row": row, "version": last, "versions": row.versions.all(),
        "snippets": selectors.snippets_of(last),
    }  # fmt: skip
    return project_page(request, access, "consent/form_edit.html", context, section="forms")


@require_safe
def form_version(request: HttpRequest, project_slug: str, form_id: int, number: int) -> HttpResponse:
    """What a form said and asked from one day on."""
    access = access_for(request.user, project_slug)
    row = _form(access, form_id)
    version = FormVersion.objects.filter(form=row, number=number).first() if number < LARGEST else None
    if version is None:
        raise Http404
    version.form = row
    context = {
        "row": row, "version": selectors.version_of(version),
        "until": FormVersion.objects.filter(form=row, number=number + 1).values_list("created_at", flat=True).first(),
    }  # fmt: skip
    return project_page(request, access, "consent/form_version.html", context, section="forms")


def _form(access: Access, form_id: int) -> Form:
    row = Form.objects.filter(project=access.project, pk=form_id).first() if form_id < 2**63 else None
    if row is None:
        raise Http404
    row.project = access.project
    return row


def _topics(access: Access) -> list[CommunicationType]:
    return list(CommunicationType.objects.in_project(access.project).in_use().filter(administrative=False))
