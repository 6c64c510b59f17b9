"""``manage.py create_organization``: what a new installation begins with."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from contacts.models import Organization, OrganizationAdmin, Project, User
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def create(monkeypatch: pytest.MonkeyPatch, *extra: str, name: str = "Harbour Museum", password: str = PASSWORD) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    out = io.StringIO()
    call_command(
        "create_organization", name, "--admin", "Ngozi@Example.org", "--admin-name", "Ngozi Adeyemi",
        "--project", "Members and visitors", *extra, stdout=out,
    )  # fmt: skip
    return out.getvalue()


def test_makes_all_that_a_first_log_in_needs(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    said = create(monkeypatch, "--time-zone", "America/Halifax", "--country", "CA")
    assert "project: /p/members-and-visitors/" in said
    assert client.login(email="ngozi@example.org", password=PASSWORD)
    assert client.get("/p/members-and-visitors/").status_code == 200
    assert client.get("/o/harbour-museum/").status_code == 200
    project = Project.objects.get()
    assert (project.time_zone, project.default_country) == ("America/Halifax", "CA")


@pytest.mark.parametrize(
    ("extra", "name", "password", "words"),
    [
        (["--time-zone", "Mars/Olympus"], "Museum", PASSWORD, "America/Halifax"),
        (["--country", "Canada"], "Museum", PASSWORD, "like CA"),
        (["--admin", "ngozi"], "Museum", PASSWORD, "name@example.org"),
        ([], "…", PASSWORD, "Latin letters"),
        ([], "Museum", "12345", "too short"),
        ([], "Mus\x00eum", PASSWORD, "cannot be stored"),
    ],
)
def test_makes_nothing_when_anything_is_wrong(
    extra: list[str], name: str, password: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CommandError, match=words):
        create(monkeypatch, *extra, name=name, password=password)
    assert not Organization.objects.exists()
    assert not User.objects.exists()
    assert not Project.objects.exists()


def test_a_second_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch)
    with pytest.raises(CommandError, match="already"):
        create(monkeypatch)
    assert OrganizationAdmin.objects.count() == 1


def test_keeps_the_password_of_an_account_that_is_there(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    create(monkeypatch)
    create(monkeypatch, "--project", "Schools", name="Friends of the museum", password="another passphrase")
    assert client.login(email="ngozi@example.org", password=PASSWORD)
    assert OrganizationAdmin.objects.count() == 2
