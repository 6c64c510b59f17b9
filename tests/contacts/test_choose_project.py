"""Where a user lands: in the only project, before a list, or before words that say whom to ask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from contacts.models import Organization, Project, User
from tests.factories import MembershipFactory, OrganizationAdminFactory, ProjectFactory

pytestmark = pytest.mark.django_db


def page_for(client: Client, user: User) -> str:
    client.force_login(user)
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def test_only_project_opens(client: Client, editor: User) -> None:
    client.force_login(editor)
    assert client.get("/").headers["Location"] == "/p/newsletter/"


def test_several_projects_by_organization(client: Client, editor: User, other_project: Project) -> None:
    MembershipFactory(user=editor, project=other_project)
    page = page_for(client, editor)
    assert page.index("Maison du livre") < page.index("/p/newsletter/") < page.index("/p/elsewhere/")
    assert "/o/" not in page


def test_projects_of_others_are_not_named(client: Client, organization_admin: User, other_project: Project) -> None:
    page = page_for(client, organization_admin)
    assert "Elsewhere" not in page
    assert other_project.organization.name not in page


def test_organization_admin_sees_all_its_projects_and_the_organization(
    client: Client, organization_admin: User, project: Project
) -> None:
    ProjectFactory(organization=project.organization, slug="schools")
    page = page_for(client, organization_admin)
    assert "/p/newsletter/" in page
    assert "/p/schools/" in page
    assert 'href="/o/maison/"' in page


def test_organization_admin_with_one_project_reaches_the_organization(
    client: Client, organization_admin: User, project: Project
) -> None:
    assert 'href="/o/maison/"' in page_for(client, organization_admin)


def test_organization_without_project_leads_to_adding_one(
    client: Client, nobody: User, organization: Organization
) -> None:
    OrganizationAdminFactory(organization=organization, user=nobody)
    assert "/o/maison/projects/add/" in page_for(client, nobody)


def test_no_project_says_whom_to_ask(client: Client, nobody: User) -> None:
    page = page_for(client, nobody)
    assert "No project yet" in page
    assert "Ask an admin of the project" in page
    assert nobody.email in page


def test_member_who_is_organization_admin_as_well_sees_the_project_once(
    client: Client, admin: User, project: Project
) -> None:
    OrganizationAdminFactory(organization=project.organization, user=admin)
    assert page_for(client, admin).count('href="/p/newsletter/"') == 1


def test_changes_nothing(client: Client, editor: User) -> None:
    client.force_login(editor)
    assert client.post("/").status_code == 405
    assert client.head("/").status_code == 302


@pytest.mark.parametrize("projects", [2, 12])
def test_queries_do_not_grow(
    client: Client, nobody: User, projects: int, django_assert_num_queries: Callable[..., Any]
) -> None:
    for _number in range(projects):
        MembershipFactory(user=nobody, project=ProjectFactory())
    client.force_login(nobody)
    with django_assert_num_queries(4):
        client.get("/")
