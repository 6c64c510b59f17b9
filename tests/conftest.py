"""What every test has: people to act, and a database whose triggers let nothing but a flush through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management.commands import flush

from contacts import triggers

pytest_plugins = ["tests.people"]


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
