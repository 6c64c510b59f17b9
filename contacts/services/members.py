"""Who may do what: members of a project, admins of an organization, and the users behind them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError
from contacts.models import Membership, Organization, OrganizationAdmin, Project, User
from contacts.models.project import all_channels
from contacts.text import clean_text
from contacts.vocabulary import Role


class AlreadyMember(RegisterError):
    code = "already_member"
    message = _("This user is a member of the project already.")
    remedy = _("Change the role and the permissions in the list of members.")
    field = "email"


class AccountClosed(RegisterError):
    code = "account_closed"
    message = _("The account with this email address is closed.")
    remedy = _("Use another email address.")
    field = "email"


class LastAdmin(RegisterError):
    """Somebody must stay who can manage the project, or the organization."""

    code = "last_admin"
    message = _("This is the last admin of the project.")
    remedy = _("Make another member an admin first.")


class LastOrganizationAdmin(LastAdmin):
    code = "last_organization_admin"
    message = _("This is the last admin of the organization.")
    remedy = _("Add another admin first.")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a membership allows. Admins may delete and export whatever the two switches say."""

    role: str = Role.VIEWER
    may_delete: bool = False
    may_export: bool = False
    send_channels: Iterable[str] = field(default_factory=all_channels)

    def columns(self) -> dict[str, object]:
        return {
            "role": self.role,
            "may_delete": self.may_delete,
            "may_export": self.may_export,
            "send_channels": sorted(self.send_channels),
        }


@dataclass(frozen=True, slots=True)
class Welcome:
    """Who was added, and whether their account was made for it: then they have no password yet."""

    user: User
    is_new_account: bool
    was_added: bool


@transaction.atomic
def add_member(project: Project, *, email: str, name: str, permissions: Permissions) -> Welcome:
    """Make the user with this email address a member; an address that nobody has becomes an account.

    The same request again changes nothing. Raises AlreadyMember when the user is a member with other
    permissions, AccountClosed, InvalidText.
    """
    user, is_new = _user(email, name)
    membership, was_added = Membership.objects.get_or_create(
        project=project, user=user, defaults=permissions.columns()
    )  # fmt: skip
    if not was_added and any(getattr(membership, column) != value for column, value in permissions.columns().items()):
        raise AlreadyMember
    return Welcome(user, is_new, was_added)


@transaction.atomic
def change_member(membership: Membership, permissions: Permissions, *, by_organization_admin: bool) -> Membership:
    """Set role and permissions.

    Raises LastAdmin when the only admin would be demoted, unless an organization admin does it.
    """
    _lock(membership.project)
    if permissions.role != Role.ADMIN and not by_organization_admin:
        _refuse_last_admin(membership)
    for column, value in permissions.columns().items():
        setattr(membership, column, value)
    membership.save(update_fields=list(permissions.columns()))
    return membership


@transaction.atomic
def remove_member(membership: Membership, *, by_organization_admin: bool) -> None:
    """Take the user out of the project. The account stays, and the history keeps their name.

    Raises LastAdmin for the only admin, unless an organization admin does it.
    """
    _lock(membership.project)
    if not by_organization_admin:
        _refuse_last_admin(membership)
    Membership.objects.filter(pk=membership.pk).delete()


@transaction.atomic
def add_organization_admin(organization: Organization, *, email: str, name: str) -> Welcome:
    """Let the user with this email address manage the organization; nothing changes for who does already.

    Raises AccountClosed, InvalidText.
    """
    user, is_new = _user(email, name)
    _admin, was_added = OrganizationAdmin.objects.get_or_create(organization=organization, user=user)
    return Welcome(user, is_new, was_added)


@transaction.atomic
def remove_organization_admin(admin: OrganizationAdmin) -> None:
    """Take the organization out of the user's hands. Raises LastOrganizationAdmin for the only one."""
    Organization.objects.select_for_update().get(pk=admin.organization_id)
    others = OrganizationAdmin.objects.filter(organization=admin.organization_id, user__is_active=True)
    if not others.exclude(pk=admin.pk).exists():
        raise LastOrganizationAdmin
    OrganizationAdmin.objects.filter(pk=admin.pk).delete()


def _user(email: str, name: str) -> tuple[User, bool]:
    email = clean_text(email, max_length=254, field="email").lower()
    user = User.objects.filter(email=email).first()
    if user is None:
        try:
            with transaction.atomic():
                return User.objects.create_user(email, name=clean_text(name, max_length=150, field="name")), True
        except IntegrityError:
            user = User.objects.get(email=email)
    if not user.is_active:
        raise AccountClosed
    return user, False


def _lock(project: Project) -> None:
    Project.objects.select_for_update().get(pk=project.pk)


def _refuse_last_admin(membership: Membership) -> None:
    """Read after the lock: two admins who demote each other at once must not both succeed."""
    admins = Membership.objects.filter(project=membership.project_id, role=Role.ADMIN, user__is_active=True)
    if admins.filter(pk=membership.pk).exists() and not admins.exclude(pk=membership.pk).exists():
        raise LastAdmin
