"""A bad setting stops the start with its name and what is allowed; development needs none."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.starting import FINGERPRINTS, SECRET, last_line, production, python

CHECK = ("manage.py", "check")


def test_development_needs_no_settings() -> None:
    finished = python(*CHECK)
    assert finished.returncode == 0, finished.stderr


def test_good_production_starts(tmp_path: Path) -> None:
    finished = python(*CHECK, **production(tmp_path / "db.sqlite3"))
    assert finished.returncode == 0, finished.stderr


@pytest.mark.parametrize("name", ["SECRET_KEY", "FINGERPRINT_KEYS", "ALLOWED_HOSTS", "PUBLIC_URL", "DATABASE_URL"])
@pytest.mark.parametrize("value", [None, "", " "], ids=["absent", "empty", "blank"])
def test_production_refuses_to_start_without(name: str, value: str | None, tmp_path: Path) -> None:
    finished = python(*CHECK, **production(tmp_path / "db.sqlite3", **{name: value}))
    assert finished.returncode != 0
    assert f"{name} is missing: write " in last_line(finished)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SENDABLE_MODE", "prod", "write development or production"),
        ("SECRET_KEY", SECRET[:40], "at least 50 characters"),
        ("SECRET_KEY", "a" * 60, "write a random secret"),
        ("SECRET_KEY", "change-me-" + SECRET, "write a random secret"),
        ("FINGERPRINT_KEYS", FINGERPRINTS[3:], "write name:secret"),
        ("FINGERPRINT_KEYS", "k1:short", "at least 32 characters"),
        ("FINGERPRINT_KEYS", f"{FINGERPRINTS},{FINGERPRINTS}", "write name:secret"),
        ("FINGERPRINT_KEYS", f"a-name:{SECRET}", "write name:secret"),
        ("FINGERPRINT_KEYS", f"aNameThatIsMuchTooLong:{SECRET}", "write name:secret"),
        ("ALLOWED_HOSTS", "*", "the names under which browsers reach"),
        ("ALLOWED_HOSTS", "https://sendable.example.org", "the names under which browsers reach"),
        ("ALLOWED_HOSTS", "sendable.example.org,*.example.org", "the names under which browsers reach"),
        ("PUBLIC_URL", "sendable.example.org", "write where people reach Sendable"),
        ("PUBLIC_URL", "http://sendable.example.org", "write where people reach Sendable"),
        ("PUBLIC_URL", "https://sendable.example.org:x", "write where people reach Sendable"),
        ("PUBLIC_URL", "https://user@sendable.example.org", "write where people reach Sendable"),
        ("PUBLIC_URL", "https://sendable.example.org/?x=1", "write where people reach Sendable"),
        ("FORM_RATE", "often", "write a number and a time"),
        ("FORM_RATE", "0/10m", "write a number and a time"),
        ("API_RATE", "many", "write a number and a time"),
        ("API_RATE", "10/1d", "write a number and a time"),
        ("REPLY_DOMAIN", "reply", "write a domain"),
        ("REPLY_DOMAIN", "https://reply.example.org", "write a domain"),
        ("DATABASE_URL", "sendable", "write postgres://"),
        ("DATABASE_URL", "mysql://user@host/sendable", "write postgres://"),
        ("DATABASE_URL", "postgres://user@host", "write postgres://"),
        ("DATABASE_URL", "postgres://user@host:port/name", "write postgres://"),
        ("EMAIL_URL", "pigeon://coop", "write smtp+tls://"),
        ("CACHE_URL", "pigeonhole://", "write redis://"),
        ("SECURE_HSTS_SECONDS", "a year", "write a number of seconds"),
        ("LOG_LEVEL", "LOUD", "write DEBUG, INFO"),
    ],
)
def test_production_refuses_to_start_with(name: str, value: str, words: str, tmp_path: Path) -> None:
    finished = python(*CHECK, **production(tmp_path / "db.sqlite3", **{name: value}))
    assert finished.returncode != 0
    assert last_line(finished).startswith("django.core.exceptions.ImproperlyConfigured: " + name)
    assert words in last_line(finished)


def test_refusal_does_not_print_the_secret(tmp_path: Path) -> None:
    finished = python(*CHECK, **production(tmp_path / "db.sqlite3", FINGERPRINT_KEYS="k1:TooShortToBeASecret"))
    assert "TooShortToBeASecret" not in finished.stderr


def test_a_shared_cache_can_be_given(tmp_path: Path) -> None:
    code = "import config.settings as s; print(s.CACHES['default']['BACKEND'], s.CACHES['default']['LOCATION'])"
    finished = python("-c", code, **production(tmp_path / "db.sqlite3", CACHE_URL="dbcache://cache"))
    assert finished.stdout.strip() == "django.core.cache.backends.db.DatabaseCache cache"


def test_every_setting_is_explained() -> None:
    root = Path(__file__).parent.parent.parent
    settings = (root / "config" / "settings.py").read_text()
    example = (root / ".env.example").read_text()
    import re

    names = set(re.findall(r'(?:env\.\w+|read|required)\(\s*"([A-Z_]+)"', settings))
    assert len(names) >= 12
    assert {name for name in names if not re.search(rf"^#?{name}=", example, re.MULTILINE)} == set()
