"""The one way to a project, a contact or an entry: outsiders find nothing (404), members may or may not (403)."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError
from contacts.models import ApiToken, Contact, Membership, Organization, OrganizationAdmin, Project, User
from contacts.origin import Actor, Origin
from contacts.services.prepared import PreparedObjects
from contacts.vocabulary import ActorKind, ApiScope, Channel, Method, Role, Weight

VIEW, EDIT, ADMINISTER, DELETE, EXPORT = "view", "edit", "administer", "delete", "export"

_REFUSALS = {
    EDIT: _("You may look at this project, and not change it. An admin of the project can make you an editor."),
    ADMINISTER: _("Only an admin of this project may do this."),
    DELETE: _("You may not delete contacts. An admin of this project can give you the permission."),
    EXPORT: _("You may not export. An admin of this project can give you the permission."),
}


@dataclass(frozen=True, slots=True)
class Access:
    """What a user may do in a project."""

    project: Project
    user: User
    role: str
    is_organization_admin: bool
    may_delete: bool
    may_export: bool
    channels: frozenset[str]

    @property
    def role_label(self) -> str:
        return str(Role(self.role).label)

    @property
    def may_edit(self) -> bool:
        return self.role in (Role.EDITOR, Role.ADMIN)

    @property
    def may_administer(self) -> bool:
        return self.role == Role.ADMIN

    @property
    def authority(self) -> int:
        """The weight of a yes that this user may give with an authorization."""
        if self.is_organization_admin:
            return Weight.COMPLAINT
        return {Role.ADMIN: Weight.OWN, Role.EDITOR: Weight.REPORTED}.get(Role(self.role), Weight.OURS)

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.USER, self.user.pk, self.user.get_full_name(), self.authority, self.may_administer)

    def may_send(self, channel: str) -> bool:
        return channel in self.channels

    def may(self, what: str) -> bool:
        return {
            VIEW: True, EDIT: self.may_edit, ADMINISTER: self.may_administer, DELETE: self.may_delete,
            EXPORT: self.may_export,
        }[what]  # fmt: skip

    def require(self, what: str) -> None:
        """Raise PermissionDenied, in words, unless the user may."""
        if not self.may(what):
            raise PermissionDenied(str(_REFUSALS[what]))

    def origin(self, *, request_id: uuid.UUID | None = None, **fields: Any) -> Origin:
        """The origin of this user's own click."""
        if request_id is not None:
            fields["request_id"] = request_id
        return Origin.manual(self.user, authority=self.authority, may_undo_others=self.may_administer, **fields)


def access_for(user: User | AnonymousUser, project_slug: str, *, needs: str = VIEW) -> Access:
    """What the user may do in the project, whose time zone is that of everything shown from here on.

    Raises Http404 for outsiders, PermissionDenied for who may not.
    """
    project = Project.objects.select_related("organization").filter(slug=project_slug).first()
    if project is None or not isinstance(user, User):
        raise Http404
    membership = Membership.objects.filter(project=project, user=user).first()
    administers = OrganizationAdmin.objects.filter(organization=project.organization_id, user=user).exists()
    if membership is None and not administers:
        raise Http404
    role = Role.ADMIN if administers else Role(membership.role) if membership else Role.VIEWER
    access = Access(
        project=project,
        user=user,
        role=role,
        is_organization_admin=administers,
        may_delete=administers or bool(membership and (membership.may_delete or role == Role.ADMIN)),
        may_export=administers or bool(membership and (membership.may_export or role == Role.ADMIN)),
        channels=frozenset(membership.send_channels if membership else Channel.values),
    )
    access.require(needs)
    timezone.activate(project.zone)
    return access


def contact_for(
    user: User | AnonymousUser, project_slug: str, contact_id: int, *, needs: str = VIEW
) -> tuple[Access, Contact]:
    """A contact of a project that the user may see; of who was merged, the one whom they were merged into.

    Raises Http404, PermissionDenied.
    """
    access = access_for(user, project_slug)
    found = Contact.objects.ever_in_project(access.project).filter(pk=contact_id) if contact_id < 2**63 else None
    contact = found.select_related("merged_into").first() if found is not None else None
    contact = contact.merged_into or contact if contact else None
    if contact is None:
        raise Http404
    contact.project = access.project
    access.require(needs)
    return access, contact


def organization_for(user: User | AnonymousUser, organization_slug: str) -> Organization:
    """An organization that the user administers; for everybody else it does not exist."""
    organization = None
    if isinstance(user, User):
        organization = Organization.objects.filter(slug=organization_slug, admins__user=user).first()
    if organization is None:
        raise Http404
    return organization


def projects_of(user: User) -> list[Project]:
    """The projects that a user may open, by organization and name."""
    own = Project.objects.filter(memberships__user=user)
    administered = Project.objects.filter(organization__admins__user=user)
    return list((own | administered).select_related("organization").distinct().order_by("organization__name", "name"))


def organizations_of(user: User) -> list[Organization]:
    """The organizations that a user administers, by name."""
    return list(Organization.objects.filter(admins__user=user).order_by("name"))


class ApiRefusal(RegisterError):
    """A refusal of the web service's own, with the status and headers of its answer."""

    status = 400
    headers: dict[str, str] = {}


class ScopeNeeded(ApiRefusal):
    code = "scope_needed"
    status = 403

    def __init__(self, scope: str) -> None:
        super().__init__(
            _("This token has not the scope “%(scope)s”.") % {"scope": scope},
            remedy=_("Use a token that has it. An admin of the project can make one."),
        )
        self.headers = {"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'}


@dataclass(frozen=True, slots=True)
class ApiAccess:
    """What a token may do in its project."""

    token: ApiToken

    @property
    def project(self) -> Project:
        return self.token.project

    @property
    def authority(self) -> int:
        """The weight of a yes that this token may give with an authorization: never that of a complaint."""
        return Weight.OWN if ApiScope.AUTHORIZE in self.token.scopes else Weight.OURS

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.TOKEN, self.token.pk, self.token.name, self.authority)

    def may(self, scope: str) -> bool:
        return scope in self.token.scopes

    def require(self, scope: str) -> None:
        """Raise ScopeNeeded, in words, unless the token has the scope."""
        if not self.may(scope):
            raise ScopeNeeded(scope)

    def origin(self, **fields: Any) -> Origin:
        """The origin of a change that this token asks for."""
        return Origin(method=Method.API, actor=self.actor, **fields)

    def contact(self, contact_id: int) -> Contact:
        """A contact of the project; of who was merged, the one whom they were merged into. Raises Http404."""
        found = _CONTACT.first(contact=contact_id, project=self.project.pk) if 0 < contact_id < 2**63 else None
        contact = found.merged_into or found if found else None
        if contact is None:
            raise Http404
        contact.project = self.project
        return contact


_CONTACT = PreparedObjects(
    Contact,
    lambda contact, project: Contact.objects.filter(pk=contact, project=project).order_by(),
    related=["merged_into"],
    contact=int,
    project=int,
)
