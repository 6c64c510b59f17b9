"""The sender's colour and logo: kept by caches, the same for everybody, and harmless whatever the picture holds."""

from __future__ import annotations

import pytest
from django.test import Client

from contacts.models import Project
from tests.consent.links import open_centre

pytestmark = pytest.mark.django_db


def test_colour_is_a_stylesheet(client: Client, project: Project) -> None:
    open_centre(project, colour="#0b5c7a")
    answer = client.get("/c/theme/newsletter.css")
    assert answer.content.decode() == ":root { --sender: #0b5c7a; }\n"
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert answer.cookies == {}


@pytest.mark.parametrize("slug", ["newsletter", "unknown"])
def test_who_has_no_colour_has_an_empty_one(client: Client, project: Project, slug: str) -> None:
    """Which projects there are shows nowhere."""
    answer = client.get(f"/c/theme/{slug}.css")
    assert (answer.status_code, answer.content) == (200, b"")


def test_logo_is_a_picture_that_runs_nothing(client: Client, project: Project) -> None:
    open_centre(project, logo=b"<svg><script>alert(1)</script></svg>", logo_type="image/svg+xml")
    answer = client.get("/c/logo/newsletter")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    assert answer["Content-Security-Policy"] == "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert answer["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("fields", [None, {}, {"logo": b"<html>", "logo_type": "text/html"}])
def test_what_is_no_picture_is_not_found(client: Client, project: Project, fields: dict[str, object] | None) -> None:
    if fields is not None:
        open_centre(project, **fields)
    assert client.get("/c/logo/newsletter").status_code == 404


@pytest.mark.parametrize("path", ["/c/theme/newsletter.css", "/c/logo/newsletter"])
def test_nothing_is_sent_there(client: Client, project: Project, path: str) -> None:
    assert client.post(path).status_code == 405
