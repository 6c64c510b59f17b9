"""The command ``create_api_token``."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from contacts.models import ApiToken, Project
from contacts.services.tokens import token_of

pytestmark = pytest.mark.django_db


def run(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command("create_api_token", "--project", "newsletter", *args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def test_prints_the_token_alone_on_the_last_line(project: Project) -> None:
    text = run("--name", "Shop").splitlines()[-1]

    token = token_of(text)
    assert token is not None
    assert (token.project, token.name, token.expires_at) == (project, "Shop", None)
    assert token.scopes == ["read", "write", "send-check", "report"]


def test_scopes_and_an_end(project: Project) -> None:
    run("--name", "Erasing", "--scopes", "erase, authorize", "--expires", "30")

    token = ApiToken.objects.get()
    assert token.scopes == ["authorize", "erase"]
    assert token.expires_at is not None
    assert timedelta(days=29) < token.expires_at - timezone.now() <= timedelta(days=30)


def test_the_last_day_is_one_of_the_project(project: Project) -> None:
    run("--name", "Shop", "--expires", "2999-12-31")

    end = ApiToken.objects.get().expires_at
    assert end is not None
    assert end.astimezone(project.zone).isoformat()[:16] == "2999-12-31T23:59"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--name", "Shop", "--scopes", "read,everything"], "everything"),
        (["--name", "Shop", "--scopes", ","], "at least one scope"),
        (["--name", " "], "Give the token a name"),
        (["--name", "Shop", "--expires", "0"], "--expires"),
        (["--name", "Shop", "--expires", "-3"], "--expires"),
        (["--name", "Shop", "--expires", "99999999999"], "--expires"),
        (["--name", "Shop", "--expires", "9999-12-31"], "--expires"),
        (["--name", "Shop", "--expires", "tomorrow"], "--expires"),
        (["--name", "Shop", "--expires", "2020-01-01"], "in the future"),
    ],
)
def test_what_cannot_be_is_refused_in_words(project: Project, args: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        run(*args)
    assert not ApiToken.objects.exists()


def test_an_unknown_project(project: Project) -> None:
    with pytest.raises(CommandError, match="no project “nowhere”.*newsletter"):
        call_command("create_api_token", "--project", "nowhere", "--name", "Shop")
