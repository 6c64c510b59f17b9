"""A project's settings."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client

from contacts.models import ChannelStatus, Contact, Export, Project, StatusHistory, User
from tests.api.program import Program
from tests.factories import ContactFactory, ExportFactory, ProjectFactory

URL = "/p/newsletter/settings/"
VALUES = {
    "name": "Lettre d’info 🙂",
    "time_zone": "Asia/Kolkata",
    "default_country": "CA",
    "delivery_errors": "5",
    "delivery_error_days": "30",
    "burst_addresses": "200",
    "import_share": "10",
    "import_days": "60",
}


def save(client: Client, user: User, **fields: str) -> HttpResponse:
    client.force_login(user)
    return client.post(URL, {**VALUES, **fields})


def test_admin_saves(client: Client, project: Project, admin: User) -> None:
    assert save(client, admin).status_code == 302
    project.refresh_from_db()
    assert (project.name, project.time_zone, project.default_country) == ("Lettre d’info 🙂", "Asia/Kolkata", "CA")
    assert (project.delivery_errors, project.delivery_error_days, project.burst_addresses) == (5, 30, 200)
    assert (project.import_share, project.import_days) == (10, 60)
    text = client.get(URL).content.decode()
    assert 'value="Asia/Kolkata" selected' in text and "Canada (+1)" in text


def test_contacts_are_not_touched(client: Client, project: Project, admin: User) -> None:
    ContactFactory(project=project, email="a@example.org", sms="+14185550137")
    before = [list(model.objects.values()) for model in (Contact, ChannelStatus, StatusHistory)]
    save(client, admin)
    assert [list(model.objects.values()) for model in (Contact, ChannelStatus, StatusHistory)] == before


def test_looking_changes_nothing(client: Client, project: Project, admin: User) -> None:
    client.force_login(admin)
    for method in (client.get, client.head):
        assert method(URL, VALUES).status_code == 200
    project.refresh_from_db()
    assert project.name == "Newsletter"


@pytest.mark.parametrize(("role", "status"), [("viewer", 403), ("editor", 403), ("stranger", 404), ("nobody", 404)])
def test_only_admins_come_here(
    client: Client, project: Project, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    user = request.getfixturevalue(role)
    client.force_login(user)
    assert client.get(URL).status_code == status
    assert save(client, user).status_code == status
    project.refresh_from_db()
    assert project.name == "Newsletter"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": " "}, "Enter a name"),
        ({"name": "a\x00"}, "cannot be stored"),
        ({"name": "x" * 201}, "too long"),
        ({"time_zone": "Mars/Olympus"}, "Choose a time zone of the list."),
        ({"time_zone": "../../etc/passwd"}, "Choose a time zone of the list."),
        ({"time_zone": ""}, "Choose a time zone."),
        ({"default_country": "ZZ"}, "Choose a country of the list."),
        ({"delivery_errors": "0"}, "from 1 to 100"),
        ({"delivery_errors": "101"}, "from 1 to 100"),
        ({"delivery_errors": "9" * 400}, "from 1 to 100"),
        ({"delivery_errors": "three"}, "from 1 to 100"),
        ({"delivery_error_days": ""}, "from 1 to 365"),
        ({"delivery_error_days": "366"}, "from 1 to 365"),
        ({"burst_addresses": "1"}, "from 2 to 1,000,000"),
        ({"burst_addresses": "1000001"}, "from 2 to 1,000,000"),
        ({"import_share": "101"}, "from 0 to 100"),
        ({"import_days": "0"}, "from 1 to 365"),
    ],
)
def test_bad_input_is_refused_in_words(
    client: Client, project: Project, admin: User, fields: dict[str, str], words: str
) -> None:
    response = save(client, admin, **fields)
    assert response.status_code == 200
    assert words in response.content.decode()
    project.refresh_from_db()
    assert (project.name, project.time_zone, project.delivery_errors) == ("Newsletter", "America/Toronto", 3)


def test_two_projects_of_an_organization_have_two_names(client: Client, project: Project, admin: User) -> None:
    ProjectFactory(organization=project.organization, name="Schools")
    ProjectFactory(name="Elsewhere too")
    assert "project of this name already" in save(client, admin, name="SCHOOLS").content.decode()
    assert save(client, admin, name="Elsewhere too").status_code == 302


def test_an_export_by_a_program_names_its_token(client: Client, project: Project, admin: User) -> None:
    program = Program(project, name="Shop")
    assert b"".join(program.ask("audience").streaming_content) == b""
    client.force_login(admin)
    assert "API token Shop" in client.get(URL).content.decode()
    assert Export.objects.get().actor_number is None


def test_latest_exports_of_this_project_are_listed(client: Client, project: Project, admin: User) -> None:
    ExportFactory(project=project, actor_label="Claire Fontaine", rows=1924, filters=["status"])
    ExportFactory(actor_label="Somebody of elsewhere")
    client.force_login(admin)
    text = client.get(URL).content.decode()
    assert "Claire Fontaine" in text and "1,924" in text and "status" in text
    assert "Somebody of elsewhere" not in text
