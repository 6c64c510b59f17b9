"""Who may do what in a project."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError
from contacts.forms.members import MemberForm, PermissionsForm, permissions_of
from contacts.models import Membership, OrganizationAdmin
from contacts.services.members import add_member, change_member, remove_member
from contacts.views.invitations import welcome_in_words
from contacts.views.rendering import project_page
from contacts.vocabulary import Channel, Role


@require_http_methods(["GET", "HEAD"])
def members(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    memberships = Membership.objects.filter(project=access.project).select_related("user").order_by("user__email")
    administering = OrganizationAdmin.objects.filter(organization=access.project.organization_id)
    context = {
        "members": [_in_words(membership) for membership in memberships],
        "organization_admins": administering.select_related("user").order_by("user__email"),
    }
    return project_page(request, access, "contacts/members.html", context, section="members")


@require_http_methods(["GET", "HEAD", "POST"])
def member_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = MemberForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            welcome = add_member(
                access.project,
                email=form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                permissions=form.permissions,
            )
        except RegisterError as error:
            form.refuse(error)
        else:
            went_well, words = welcome_in_words(request, welcome, access.project.name)
            messages.add_message(request, messages.SUCCESS if went_well else messages.WARNING, words)
            return redirect("contacts:members", project_slug)
    return project_page(request, access, "contacts/member_form.html", {"form": form}, section="members")


@require_http_methods(["GET", "HEAD", "POST"])
def member_edit(request: HttpRequest, project_slug: str, membership_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    membership = _membership(access, membership_id)
    form = PermissionsForm(request.POST if request.method == "POST" else None, initial=permissions_of(membership))
    if form.is_valid():
        try:
            change_member(membership, form.permissions, by_organization_admin=access.is_organization_admin)
        except RegisterError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Role and permissions saved."))
            return _back(access, membership)
    context = {"form": form, "member": _in_words(membership), "is_self": membership.user_id == access.user.pk}
    return project_page(request, access, "contacts/member_form.html", context, section="members")


@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: HttpRequest, project_slug: str, membership_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    membership = _membership(access, membership_id)
    is_self = membership.user_id == access.user.pk
    context = {"member": _in_words(membership), "is_self": is_self, "refusal": None}
    if request.method == "POST":
        try:
            remove_member(membership, by_organization_admin=access.is_organization_admin)
        except RegisterError as error:
            context["refusal"] = error
        else:
            messages.success(request, _("Removed from the project."))
            return _back(access, membership, removed=True)
    return project_page(request, access, "contacts/member_remove.html", context, section="members")


def _membership(access: Access, membership_id: int) -> Membership:
    memberships = Membership.objects.filter(project=access.project).select_related("user")
    membership = memberships.filter(pk=membership_id).first() if membership_id < 2**63 else None
    if membership is None:
        raise Http404
    membership.project = access.project
    return membership


def _back(access: Access, membership: Membership, *, removed: bool = False) -> HttpResponse:
    """To the list; who took it from themselves goes where they still may."""
    is_self = membership.user_id == access.user.pk and not access.is_organization_admin
    if is_self and removed:
        return redirect("contacts:choose_project")
    if is_self and membership.role != Role.ADMIN:
        return redirect(access.project)
    return redirect("contacts:members", access.project.slug)


def _in_words(membership: Membership) -> dict[str, object]:
    user, is_admin = membership.user, membership.role == Role.ADMIN
    return {
        "id": membership.pk,
        "name": user.get_full_name(),
        "email": user.email if user.name else "",
        "role": Role(membership.role).label,
        "permissions": [
            label
            for label, has in (
                (_("delete"), membership.may_delete or is_admin),
                (_("export"), membership.may_export or is_admin),
            )
            if has
        ],
        "channels": [Channel(channel).label for channel in membership.send_channels if channel in Channel.values],
        "last_login": user.last_login,
        "is_closed": not user.is_active,
        "is_invited": user.last_login is None and not user.has_usable_password(),
    }
