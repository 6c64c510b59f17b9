"""An organization: its projects, its admins and its settings. Only its admins find these pages."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts.access import organization_for
from contacts.errors import RegisterError
from contacts.forms.members import PersonForm
from contacts.forms.organization import OrganizationForm
from contacts.forms.settings import NewProjectForm
from contacts.models import OrganizationAdmin, Project
from contacts.services.members import add_organization_admin, remove_organization_admin
from contacts.services.projects import change_organization, create_project
from contacts.views.invitations import welcome_in_words
from contacts.views.rendering import organization_page


@require_safe
def organization(request: HttpRequest, organization_slug: str) -> HttpResponse:
    organization = organization_for(request.user, organization_slug)
    context = {
        "projects": Project.objects.filter(organization=organization).order_by("name", "pk"),
        "admins": OrganizationAdmin.objects.filter(organization=organization)
        .select_related("user")
        .order_by("user__email"),
    }
    return organization_page(request, organization, "contacts/organization.html", context, section="organization")


@require_http_methods(["GET", "HEAD", "POST"])
def organization_settings(request: HttpRequest, organization_slug: str) -> HttpResponse:
    organization = organization_for(request.user, organization_slug)
    started = {"name": organization.name, "postal_address": organization.postal_address}
    form = OrganizationForm(request.POST if request.method == "POST" else None, initial=started)
    if form.is_valid():
        change_organization(organization, **form.cleaned_data)
        messages.success(request, _("Settings saved."))
        return redirect("contacts:organization", organization_slug)
    context = {"form": form}
    return organization_page(request, organization, "contacts/organization_settings.html", context, section="settings")


@require_http_methods(["GET", "HEAD", "POST"])
def project_add(request: HttpRequest, organization_slug: str) -> HttpResponse:
    organization = organization_for(request.user, organization_slug)
    form = NewProjectForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            project = create_project(organization, form.settings, slug=form.cleaned_data["slug"])
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Project added. Add its members next."))
            return redirect("contacts:members", project.slug)
    return organization_page(request, organization, "contacts/project_form.html", {"form": form}, section="project_add")


@require_http_methods(["GET", "HEAD", "POST"])
def admin_add(request: HttpRequest, organization_slug: str) -> HttpResponse:
    organization = organization_for(request.user, organization_slug)
    form = PersonForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            welcome = add_organization_admin(organization, **form.cleaned_data)
        except RegisterError as error:
            form.refuse(error)
        else:
            went_well, words = welcome_in_words(request, welcome, organization.name)
            messages.add_message(request, messages.SUCCESS if went_well else messages.WARNING, words)
            return redirect("contacts:organization", organization_slug)
    template = "contacts/organization_admin_form.html"
    return organization_page(request, organization, template, {"form": form}, section="admin_add")


@require_http_methods(["GET", "HEAD", "POST"])
def admin_remove(request: HttpRequest, organization_slug: str, admin_id: int) -> HttpResponse:
    organization = organization_for(request.user, organization_slug)
    admins = OrganizationAdmin.objects.filter(organization=organization).select_related("user")
    admin = admins.filter(pk=admin_id).first() if admin_id < 2**63 else None
    if admin is None:
        raise Http404
    is_self = admin.user_id == request.user.pk
    context = {"admin": admin, "is_self": is_self, "refusal": None}
    if request.method == "POST":
        try:
            remove_organization_admin(admin)
        except RegisterError as error:
            context["refusal"] = error
        else:
            messages.success(request, _("No longer an admin of the organization."))
            if is_self:
                return redirect("contacts:choose_project")
            return redirect("contacts:organization", organization_slug)
    template = "contacts/organization_admin_remove.html"
    return organization_page(request, organization, template, context, section="admin_remove")
