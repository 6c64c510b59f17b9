"""What every test has: people to act, and a database whose triggers let nothing but a flush through."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.cache import cache
from django.core.management.commands import flush
from django.db import connections
from django.test import override_settings

from contacts import triggers

# What is random at a desk is the same on every run where "red" must mean "broken by this change".
hypothesis.settings.register_profile("ci", derandomize=True, database=None)
if os.environ.get("CI") == "true":
    hypothesis.settings.load_profile("ci")

pytest_plugins = ["tests.people", "tests.work"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite in a file, as in real life: each thread has a connection of its own, which one in memory cannot give."""
    settings = connections["default"].settings_dict
    if settings["ENGINE"].endswith("sqlite3"):
        settings["TEST"]["NAME"] = str(Path(tmp_path_factory.mktemp("database")) / "test.sqlite3")


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords of tests protect nothing, and hashing them well takes half a second each."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield


@pytest.fixture(autouse=True)
def no_attempts_yet() -> None:
    """Log-ins are counted in the cache, which would remember those of other tests."""
    cache.clear()


@pytest.fixture(scope="session", autouse=True)
def flush_without_triggers() -> Iterator[None]:
    """Tests with real transactions empty the database after them, which the triggers refuse to everybody."""
    flush_as_it_is = flush.Command.handle

    def handle(self: flush.Command, **options: Any) -> None:
        triggers.remove(options["database"])
        flush_as_it_is(self, **options)
        triggers.install(options["database"])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush.Command, "handle", handle)
        yield
