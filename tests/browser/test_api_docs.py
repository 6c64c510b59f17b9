"""The page of the web service: it works under our policy, asks no other host, and opens what it is asked to."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.contrib.staticfiles import finders
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from tests.browser.conftest import Browse, Check


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_an_operation(
    browse: Browse, fits: Check, live_server: LiveServer, size: str, scheme: str
) -> None:
    page = browse(size=size, scheme=scheme)
    hosts = set()
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))

    page.goto("/api/v1/docs")
    operation = page.locator("#operations-Contacts-create_contact")
    operation.locator(".opblock-summary-control").click()

    expect(operation.get_by_text("Idempotency-Key").first).to_be_visible()
    expect(operation.get_by_text("K-1001").first).to_be_visible()
    expect(page.locator(".swagger-ui .title").first).to_contain_text("Sendable")
    assert "Sendable" in page.title()
    fits(page)
    assert hosts - {""} == {urlsplit(live_server.url).netloc}


def test_what_it_is_made_of_is_served_here() -> None:
    for name in ("ninja/swagger-ui.css", "ninja/swagger-ui-bundle.js", "ninja/swagger-ui-init.js", "api_docs.css"):
        assert finders.find(name)
