"""Members of a project: who they are, what they may do, how they come and go."""

from __future__ import annotations

import re

import pytest
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from contacts.models import Membership, Organization, OrganizationAdmin, Project, User
from contacts.vocabulary import Role
from tests.factories import MembershipFactory, UserFactory

URL = "/p/newsletter/members/"


def url_of(user: User, *, remove: bool = False) -> str:
    membership = Membership.objects.get(user=user, project__slug="newsletter")
    return f"{URL}{membership.pk}/{'remove/' if remove else ''}"


def add(client: Client, user: User, email: str, **fields: object) -> HttpResponse:
    client.force_login(user)
    data = {"name": "Nina New", "role": Role.EDITOR, "send_channels": ["email", "sms"]}
    return client.post(f"{URL}add/", {"email": email, **data, **fields})


def change(client: Client, user: User, member: User, **fields: object) -> HttpResponse:
    client.force_login(user)
    return client.post(url_of(member), {"role": Role.VIEWER, "send_channels": ["email"], **fields})


def remove(client: Client, user: User, member: User) -> HttpResponse:
    client.force_login(user)
    return client.post(url_of(member, remove=True))


def test_list_names_role_permissions_channels_and_last_log_in(
    client: Client, project: Project, admin: User, organization_admin: User
) -> None:
    MembershipFactory(project=project, user__name="Max Mail", may_export=True, send_channels=["email"])
    MembershipFactory(user__name="Somebody of elsewhere")
    client.force_login(admin)
    text = client.get(URL).content.decode()
    assert "Max Mail" in text and "Viewer" in text and "Never" in text
    assert "delete, export" in text
    assert "Olga Owner" in text
    assert "Somebody of elsewhere" not in text


class TestAdd:
    def test_an_existing_user_is_added_without_mail(self, client: Client, project: Project, admin: User) -> None:
        user = UserFactory(email="nina@example.org", name="Nina Known")
        response = add(client, admin, "NINA@example.org", may_delete="on")
        assert response.status_code == 302
        membership = Membership.objects.get(project=project, user=user)
        assert (membership.role, membership.may_delete, membership.may_export) == (Role.EDITOR, True, False)
        assert membership.send_channels == ["email", "sms"]
        user.refresh_from_db()
        assert user.name == "Nina Known"
        assert mail.outbox == []

    def test_an_unknown_address_becomes_an_account_that_chooses_its_password(
        self, client: Client, project: Project, admin: User
    ) -> None:
        add(client, admin, "New@Example.org", name="Nina Ünü 🙂")
        user = User.objects.get(email="new@example.org")
        assert user.name == "Nina Ünü 🙂" and not user.has_usable_password()
        [message] = mail.outbox
        assert message.to == ["new@example.org"]
        assert "Ada Admin made an account for you, for Newsletter." in message.body
        found = re.search(r"http://testserver(/\S+key\S*/)", message.body)
        assert found
        guest = Client()
        form = guest.get(found[1], follow=True)
        assert form.status_code == 200
        chosen = {"password1": "a long enough passphrase", "password2": "a long enough passphrase"}
        guest.post(form.redirect_chain[-1][0], chosen)
        assert Client().login(email="new@example.org", password="a long enough passphrase")

    def test_the_same_twice_is_harmless(self, client: Client, project: Project, admin: User) -> None:
        for _again in range(2):
            assert add(client, admin, "new@example.org").status_code == 302
        assert Membership.objects.filter(project=project, user__email="new@example.org").count() == 1
        assert len(mail.outbox) == 1

    def test_a_member_is_not_changed_by_adding(
        self, client: Client, project: Project, admin: User, viewer: User
    ) -> None:
        response = add(client, admin, viewer.email, role=Role.ADMIN)
        assert "member of the project already" in response.content.decode()
        assert Membership.objects.get(user=viewer).role == Role.VIEWER

    def test_a_closed_account_is_refused(self, client: Client, project: Project, admin: User) -> None:
        UserFactory(email="gone@example.org", name="Gone")
        User.objects.filter(email="gone@example.org").update(is_active=False)
        assert "is closed" in add(client, admin, "gone@example.org").content.decode()
        assert not Membership.objects.filter(user__email="gone@example.org").exists()

    def test_says_when_the_mail_could_not_be_sent(
        self, client: Client, project: Project, admin: User, settings: pytest.FixtureRequest
    ) -> None:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
        add(client, admin, "new@example.org")
        text = client.get(URL).content.decode()
        assert "the mail could not be sent" in text and "has no password yet" in text

    @pytest.mark.parametrize(
        ("fields", "words"),
        [
            ({"email": ""}, "Enter the email address"),
            ({"email": "foo@"}, "name@example.org"),
            ({"email": "a\x00@example.org"}, "Error:"),
            ({"email": "a" * 250 + "@example.org"}, "Error:"),
            ({"name": "a\x00b"}, "cannot be stored"),
            ({"name": "x" * 151}, "too long"),
            ({"role": "owner"}, "Choose one of the roles"),
            ({"role": ""}, "Choose a role"),
            ({"send_channels": ["pigeon"]}, "Choose among the channels"),
        ],
    )
    def test_bad_input_is_refused_in_words(
        self, client: Client, project: Project, admin: User, fields: dict[str, object], words: str
    ) -> None:
        response = add(client, admin, **{"email": "new@example.org", **fields})
        assert response.status_code == 200
        assert words in response.content.decode()
        assert not User.objects.filter(email="new@example.org").exists()


class TestChange:
    def test_role_and_permissions(self, client: Client, project: Project, admin: User, viewer: User) -> None:
        fields = {"role": Role.ADMIN, "may_export": "on", "send_channels": []}
        assert change(client, admin, viewer, **fields).status_code == 302
        membership = Membership.objects.get(user=viewer)
        assert (membership.role, membership.may_delete, membership.may_export) == (Role.ADMIN, False, True)
        assert membership.send_channels == []

    def test_looking_changes_nothing(self, client: Client, project: Project, admin: User, viewer: User) -> None:
        client.force_login(admin)
        before = Membership.objects.values().get(user=viewer)
        for url in (url_of(viewer), url_of(viewer, remove=True), f"{URL}add/"):
            for method in (client.get, client.head):
                assert method(url, {"role": Role.ADMIN}).status_code == 200
        assert Membership.objects.values().get(user=viewer) == before

    def test_the_last_admin_is_not_demoted(self, client: Client, project: Project, admin: User) -> None:
        response = change(client, admin, admin)
        assert "Make another member an admin first." in response.content.decode()
        assert Membership.objects.get(user=admin).role == Role.ADMIN

    def test_one_of_two_admins_demotes_themselves(self, client: Client, project: Project, admin: User) -> None:
        MembershipFactory(project=project, role=Role.ADMIN)
        response = change(client, admin, admin)
        assert response.headers["Location"] == "/p/newsletter/"
        assert Membership.objects.get(user=admin).role == Role.VIEWER

    def test_an_admin_whose_account_is_closed_does_not_count(
        self, client: Client, project: Project, admin: User
    ) -> None:
        closed = MembershipFactory(project=project, role=Role.ADMIN).user
        User.objects.filter(pk=closed.pk).update(is_active=False)
        change(client, admin, admin)
        assert Membership.objects.get(user=admin).role == Role.ADMIN

    def test_an_admin_of_the_organization_may_demote_the_last(
        self, client: Client, project: Project, admin: User, organization_admin: User
    ) -> None:
        assert change(client, organization_admin, admin).status_code == 302
        assert Membership.objects.get(user=admin).role == Role.VIEWER


class TestRemove:
    def test_takes_the_project_away_and_leaves_the_account(
        self, client: Client, project: Project, admin: User, editor: User
    ) -> None:
        assert remove(client, admin, editor).status_code == 302
        assert User.objects.filter(pk=editor.pk).exists()
        client.force_login(editor)
        assert client.get("/p/newsletter/blocks/").status_code == 404

    def test_the_last_admin_stays(self, client: Client, project: Project, admin: User) -> None:
        response = remove(client, admin, admin)
        assert response.status_code == 200
        assert "This is the last admin of the project." in response.content.decode()
        assert Membership.objects.filter(user=admin).exists()

    def test_one_of_two_admins_leaves(self, client: Client, project: Project, admin: User) -> None:
        MembershipFactory(project=project, role=Role.ADMIN)
        assert remove(client, admin, admin).headers["Location"] == "/"
        assert not Membership.objects.filter(user=admin).exists()

    def test_an_admin_of_the_organization_may_remove_the_last(
        self, client: Client, project: Project, admin: User, organization_admin: User
    ) -> None:
        assert remove(client, organization_admin, admin).status_code == 302
        assert not Membership.objects.filter(user=admin).exists()


@pytest.mark.parametrize("path", ["", "add/", "{id}/", "{id}/remove/"])
@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_only_admins_come_here(
    client: Client, project: Project, admin: User, request: pytest.FixtureRequest, path: str, role: str, status: int
) -> None:
    url = URL + path.format(id=Membership.objects.get(user=admin).pk)
    client.force_login(request.getfixturevalue(role))
    assert client.get(url).status_code == status
    if path:
        data = {"email": "new@example.org", "role": Role.ADMIN}
        assert client.post(url, data).status_code == status
    assert Membership.objects.get(user=admin).role == Role.ADMIN
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize("path", ["{id}/", "{id}/remove/"])
def test_bad_id(client: Client, project: Project, admin: User, stranger: User, path: str) -> None:
    elsewhere = Membership.objects.get(user=stranger).pk
    client.force_login(admin)
    for number in (elsewhere, 0, 2**63, 10**30):
        url = URL + path.format(id=number)
        assert client.get(url).status_code == 404
        assert client.post(url, {"role": Role.VIEWER}).status_code == 404
    assert Membership.objects.filter(pk=elsewhere, role=Role.ADMIN).exists()


def test_an_admin_of_a_project_makes_no_admin_of_the_organization(
    client: Client, organization: Organization, project: Project, admin: User
) -> None:
    client.force_login(admin)
    assert client.post("/o/maison/admins/add/", {"email": admin.email}).status_code == 404
    assert not OrganizationAdmin.objects.exists()
    assert "/o/maison/" not in client.get(URL).content.decode()


def test_queries_do_not_grow(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    with CaptureQueriesContext(connection) as few:
        client.get(URL)
    MembershipFactory.create_batch(10, project=project)
    with CaptureQueriesContext(connection) as many:
        client.get(URL)
    assert len(many) == len(few)
