"""The page of patterns shows every component, without a database, in development only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.test.signals import template_rendered

PATTERNS = pytest.mark.urls("tests.urls_with_patterns")


@PATTERNS
def test_every_component_is_shown(client: Client) -> None:
    shown: set[str] = set()

    def note(template: Any, **signal: Any) -> None:
        shown.add(template.name)

    template_rendered.connect(note)
    try:
        response = client.get("/patterns/")
    finally:
        template_rendered.disconnect(note)
    components = Path(settings.BASE_DIR) / "templates" / "components"
    there_are = {f"components/{file.name}" for file in components.glob("*.html")}
    assert response.status_code == 200
    assert there_are - shown == set()


@PATTERNS
def test_asks_the_database_for_nothing(client: Client) -> None:
    """Without the mark django_db, a query would fail."""
    assert b"Patterns" in client.get("/patterns/").content


@PATTERNS
def test_changes_nothing(client: Client) -> None:
    assert client.post("/patterns/").status_code == 405


@pytest.mark.django_db
def test_is_not_there_outside_development(client: Client) -> None:
    assert client.get("/patterns/").status_code == 404
