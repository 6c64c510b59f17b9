"""Who knocks at the doors: the people of a project and of its organization, and somebody of quite another."""

from __future__ import annotations

import pytest

from contacts.models import Organization, Project, User
from contacts.vocabulary import Role
from tests.factories import (
    MembershipFactory,
    OrganizationAdminFactory,
    OrganizationFactory,
    ProjectFactory,
    UserFactory,
)


@pytest.fixture
def organization(db: None) -> Organization:
    return OrganizationFactory(name="Maison du livre", slug="maison")


@pytest.fixture
def project(organization: Organization) -> Project:
    return ProjectFactory(organization=organization, name="Newsletter", slug="newsletter")


@pytest.fixture
def viewer(project: Project) -> User:
    return MembershipFactory(project=project, role=Role.VIEWER, user__name="Vera Viewer").user


@pytest.fixture
def editor(project: Project) -> User:
    return MembershipFactory(project=project, role=Role.EDITOR, user__name="Edgar Editor").user


@pytest.fixture
def admin(project: Project) -> User:
    return MembershipFactory(project=project, role=Role.ADMIN, user__name="Ada Admin").user


@pytest.fixture
def organization_admin(organization: Organization) -> User:
    return OrganizationAdminFactory(organization=organization, user__name="Olga Owner").user


@pytest.fixture
def other_project(db: None) -> Project:
    """A project of another organization."""
    return ProjectFactory(name="Elsewhere", slug="elsewhere", organization__slug="other-house")


@pytest.fixture
def stranger(other_project: Project) -> User:
    """An admin of the other project, and nobody here."""
    return MembershipFactory(project=other_project, role=Role.ADMIN, user__name="Stan Stranger").user


@pytest.fixture
def nobody(db: None) -> User:
    """A user without any project."""
    return UserFactory(name="Nora Nobody")
