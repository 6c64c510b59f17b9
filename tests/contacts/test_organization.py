"""An organization's pages: only its admins find them."""

from __future__ import annotations

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client

from contacts.models import Organization, OrganizationAdmin, Project, User
from tests.factories import OrganizationAdminFactory, ProjectFactory, UserFactory

URL = "/o/maison/"
NEW = {"name": "École d’été", "slug": "", "time_zone": "Europe/Paris", "default_country": "FR"}


def post(client: Client, user: User, path: str, **fields: str) -> HttpResponse:
    client.force_login(user)
    return client.post(URL + path, fields)


@pytest.mark.parametrize("path", ["", "settings/", "projects/add/", "admins/add/", "admins/{id}/remove/"])
@pytest.mark.parametrize("role", ["viewer", "editor", "admin", "stranger", "nobody"])
def test_nobody_else_finds_them(
    client: Client,
    project: Project,
    organization_admin: User,
    request: pytest.FixtureRequest,
    path: str,
    role: str,
) -> None:
    path = path.format(id=OrganizationAdmin.objects.get().pk)
    client.force_login(request.getfixturevalue(role))
    before = Project.objects.count()
    assert client.get(URL + path).status_code == 404
    if path:
        assert client.post(URL + path, {**NEW, "email": "new@example.org"}).status_code == 404
    assert (OrganizationAdmin.objects.count(), Project.objects.count()) == (1, before)


def test_admins_of_another_organization_find_nothing(client: Client, organization: Organization) -> None:
    client.force_login(OrganizationAdminFactory().user)
    assert client.get(URL).status_code == 404
    assert client.get("/o/nowhere/").status_code == 404


def test_page_names_projects_and_admins(client: Client, project: Project, organization_admin: User) -> None:
    ProjectFactory(name="Somebody else’s")
    client.force_login(organization_admin)
    text = client.get(URL).content.decode()
    assert "Newsletter" in text and "Olga Owner" in text and 'href="/"' in text
    assert "Somebody else’s" not in text


class TestSettings:
    def test_saves_name_and_postal_address(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        post(client, organization_admin, "settings/", name="Maison", postal_address="1 rue du Quai\r\nQuébec")
        organization.refresh_from_db()
        assert (organization.name, organization.postal_address) == ("Maison", "1 rue du Quai\nQuébec")

    @pytest.mark.parametrize("fields", [{"name": ""}, {"name": "a\x00"}, {"name": "a", "postal_address": "x" * 501}])
    def test_bad_input(
        self, client: Client, organization: Organization, organization_admin: User, fields: dict[str, str]
    ) -> None:
        response = post(client, organization_admin, "settings/", **fields)
        assert response.status_code == 200 and "Error:" in response.content.decode()
        organization.refresh_from_db()
        assert organization.name == "Maison du livre"


class TestAddProject:
    def test_short_name_follows_from_the_name(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        response = post(client, organization_admin, "projects/add/", **NEW)
        project = Project.objects.get(organization=organization)
        assert (project.slug, project.name, project.time_zone) == ("ecole-dete", "École d’été", "Europe/Paris")
        assert response.headers["Location"] == "/p/ecole-dete/members/"
        assert client.get("/p/ecole-dete/members/").status_code == 200

    def test_a_name_used_elsewhere_gets_a_number(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        ProjectFactory(slug="ecole-dete")
        post(client, organization_admin, "projects/add/", **NEW)
        assert Project.objects.get(organization=organization).slug == "ecole-dete-2"

    def test_sent_twice_makes_one(self, client: Client, organization: Organization, organization_admin: User) -> None:
        post(client, organization_admin, "projects/add/", **NEW)
        again = post(client, organization_admin, "projects/add/", **NEW)
        assert "project of this name already" in again.content.decode()
        assert Project.objects.filter(organization=organization).count() == 1

    def test_a_short_name_that_is_taken(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        ProjectFactory(slug="summer")
        text = post(client, organization_admin, "projects/add/", **{**NEW, "slug": "Summer"}).content.decode()
        assert "for example “summer-2”" in text
        assert not Project.objects.filter(organization=organization).exists()

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"name": ""}, "Enter a name"),
            ({"name": "夏の学校"}, "Enter a short name in Latin letters"),
            ({"slug": "a b"}, "Use letters from a to z"),
            ({"slug": "../x"}, "Use letters from a to z"),
            ({"slug": "é"}, "Use letters from a to z"),
            ({"slug": "x" * 51}, "at most 50"),
            ({"slug": "a\x00"}, "Error:"),
            ({"time_zone": "Mars"}, "Choose a time zone"),
        ],
    )
    def test_bad_input(
        self,
        client: Client,
        organization: Organization,
        organization_admin: User,
        fields: dict[str, str],
        words: str,
    ) -> None:
        response = post(client, organization_admin, "projects/add/", **{**NEW, **fields})
        assert response.status_code == 200
        assert words in response.content.decode()
        assert not Project.objects.filter(organization=organization).exists()


class TestAdmins:
    def test_an_existing_user(self, client: Client, organization: Organization, organization_admin: User) -> None:
        user = UserFactory(email="nina@example.org")
        for _again in range(2):
            assert post(client, organization_admin, "admins/add/", email="Nina@example.org").status_code == 302
        assert OrganizationAdmin.objects.filter(organization=organization, user=user).count() == 1
        assert mail.outbox == []

    def test_an_unknown_address_gets_an_account_and_a_mail(
        self, client: Client, organization: Organization, organization_admin: User
    ) -> None:
        post(client, organization_admin, "admins/add/", email="new@example.org", name="Nina New")
        assert OrganizationAdmin.objects.filter(user__email="new@example.org", user__name="Nina New").exists()
        [message] = mail.outbox
        assert "for Maison du livre" in message.body

    def test_removing(self, client: Client, organization: Organization, organization_admin: User) -> None:
        other = OrganizationAdminFactory(organization=organization)
        client.force_login(organization_admin)
        assert client.get(f"{URL}admins/{other.pk}/remove/").status_code == 200
        assert OrganizationAdmin.objects.filter(pk=other.pk).exists()
        assert post(client, organization_admin, f"admins/{other.pk}/remove/").status_code == 302
        assert not OrganizationAdmin.objects.filter(pk=other.pk).exists()

    def test_the_last_stays(self, client: Client, organization: Organization, organization_admin: User) -> None:
        closed = OrganizationAdminFactory(organization=organization)
        User.objects.filter(pk=closed.user_id).update(is_active=False)
        own = OrganizationAdmin.objects.get(user=organization_admin)
        response = post(client, organization_admin, f"admins/{own.pk}/remove/")
        assert "This is the last admin of the organization." in response.content.decode()
        assert OrganizationAdmin.objects.filter(pk=own.pk).exists()

    def test_one_of_two_leaves(self, client: Client, organization: Organization, organization_admin: User) -> None:
        OrganizationAdminFactory(organization=organization)
        own = OrganizationAdmin.objects.get(user=organization_admin)
        assert post(client, organization_admin, f"admins/{own.pk}/remove/").headers["Location"] == "/"

    def test_bad_id(self, client: Client, organization: Organization, organization_admin: User) -> None:
        elsewhere = OrganizationAdminFactory()
        for number in (elsewhere.pk, 0, 2**63, 10**30):
            assert post(client, organization_admin, f"admins/{number}/remove/").status_code == 404
        assert OrganizationAdmin.objects.filter(pk=elsewhere.pk).exists()
