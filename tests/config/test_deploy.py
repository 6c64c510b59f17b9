"""Production: Django's own checks find nothing, and the server starts only over the register it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.starting import FINGERPRINTS, SECRET, last_line, production, python

START = ("-c", "import config.wsgi")
OTHER = FINGERPRINTS.replace("Zx8", "Yx8")


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database whose register was begun under FINGERPRINTS."""
    database = tmp_path_factory.mktemp("deploy") / "db.sqlite3"
    for arguments in (("manage.py", "migrate", "--verbosity", "0"), START):
        finished = python(*arguments, **production(database))
        assert finished.returncode == 0, finished.stderr
    return database


def test_check_deploy_is_clean(tmp_path: Path) -> None:
    finished = python(
        "manage.py", "check", "--deploy", "--fail-level", "WARNING", **production(tmp_path / "db.sqlite3")
    )
    assert finished.returncode == 0, finished.stderr
    assert "no issues" in finished.stdout + finished.stderr


def test_starts_again_over_its_register(migrated: Path) -> None:
    assert python(*START, **production(migrated)).returncode == 0


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (f"k2:{SECRET}", "the key “k1” is in use and missing"),
        (OTHER, "the secret of “k1” is not the one"),
        (f"k2:{SECRET},{FINGERPRINTS}", "Run “manage.py rotate_fingerprint_key”"),
        (f"k2:{SECRET},{OTHER}", "the secret of “k1” is not the one"),
    ],
    ids=["missing", "wrong", "new, not rotated", "new, old one wrong"],
)
def test_refuses_to_start_with_other_keys(migrated: Path, keys: str, words: str) -> None:
    finished = python(*START, **production(migrated, FINGERPRINT_KEYS=keys))
    assert finished.returncode != 0
    assert last_line(finished).startswith("django.core.exceptions.ImproperlyConfigured: FINGERPRINT_KEYS: ")
    assert words in last_line(finished)


def test_import_refuses_other_keys_as_well(migrated: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("email\na@example.org\n")
    finished = python("manage.py", "import_contacts", str(tmp_path / "a.csv"), "--project", "none",
                      **production(migrated, FINGERPRINT_KEYS=OTHER))  # fmt: skip
    assert finished.returncode != 0
    assert "FINGERPRINT_KEYS" in last_line(finished)


def test_fresh_database_can_be_migrated_and_says_so(tmp_path: Path) -> None:
    finished = python(*START, **production(tmp_path / "db.sqlite3"))
    assert finished.returncode != 0
    assert "Run “manage.py migrate”" in last_line(finished)


def test_migrate_works_with_a_new_key_in_front(migrated: Path) -> None:
    keys = f"k2:{SECRET},{FINGERPRINTS}"
    finished = python("manage.py", "migrate", "--verbosity", "0", **production(migrated, FINGERPRINT_KEYS=keys))
    assert finished.returncode == 0, finished.stderr


def test_database_that_does_not_answer(tmp_path: Path) -> None:
    url = "postgres://nobody@127.0.0.1:9/nothing"
    finished = python(*START, **production(tmp_path, DATABASE_URL=url))
    assert finished.returncode != 0
    assert "DATABASE_URL: the database does not answer" in last_line(finished)


HEADERS = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
import django
django.setup()
from django.conf import settings
from django.core.management import call_command
from django.test import Client
settings.STATIC_ROOT = sys.argv.pop(1)
call_command("collectstatic", verbosity=0, interactive=False)
client = Client(raise_request_exception=False)
for path in sys.argv[1:]:
    response = client.get(path, secure=path != "/plain/", headers={"host": "sendable.example.org"})
    print(path, response.status_code, sep="|", end="|")
    print(response.headers.get("Content-Security-Policy"), response.headers.get("Strict-Transport-Security"),
          response.headers.get("Referrer-Policy"), sep="|", end="|")
    print(*(f"{name}:{bool(cookie['secure'])}" for name, cookie in response.cookies.items()))
"""


def test_every_answer_has_the_policies(migrated: Path, tmp_path: Path) -> None:
    """Pages, redirects, errors, static files; the names of static files are those of the manifest."""
    paths = ["/accounts/login/", "/", "/nope", "/healthz", "/static/sendable.css", "/plain/"]
    finished = python("-c", HEADERS, str(tmp_path), *paths, **production(migrated))
    assert finished.returncode == 0, finished.stderr
    lines = [line.split("|") for line in finished.stdout.strip().splitlines() if line.startswith("/")]
    assert [line[:2] for line in lines] == [
        ["/accounts/login/", "200"], ["/", "302"], ["/nope", "404"], ["/healthz", "200"],
        ["/static/sendable.css", "200"], ["/plain/", "301"],
    ]  # fmt: skip
    for path, _status, policy, transport, referrer, _cookies in lines:
        directives = {part.strip() for part in policy.split(";")}
        assert {"default-src 'self'", "img-src 'self' data:", "object-src 'none'", "base-uri 'none'",
                "frame-ancestors 'none'", "form-action 'self'"} == directives, path  # fmt: skip
        assert referrer == "same-origin"
        if path != "/plain/":
            assert transport == "max-age=31536000; includeSubDomains; preload"
    assert lines[0][-1] == "csrftoken:True"
