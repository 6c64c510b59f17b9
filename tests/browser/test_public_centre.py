"""The opt-out page and the consent centre in a real browser; scanners that open them change nothing."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from playwright.sync_api import Page, Request, expect
from pytest_django.live_server_helper import LiveServer

from consent.models import CommunicationType
from consent.tokens import token_for
from contacts.models import Contact, Project
from contacts.services.status import deactivate
from tests.browser.conftest import Browse, Check, find_chromium
from tests.consent.links import agree, is_withdrawn, may_get, newsletter, open_centre, row_of, said, subscriber
from tests.origins import by_link

pytestmark = pytest.mark.django_db(transaction=True)
LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle r="4" cx="4" cy="4"/></svg>'
HEAVIEST = 50_000


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    open_centre(project, sender_name="Harbour Museum", colour="#0b5c7a", contact_email="privacy@example.org",
                logo=LOGO, logo_type="image/svg+xml", introduction={"en": "You decide."})  # fmt: skip
    return newsletter(
        project, name="Monthly newsletter", description="What is on, once a month.",
        translations={"fr": {"name": "Infolettre mensuelle", "description": "Ce qui se passe, une fois par mois."}},
    )  # fmt: skip


@pytest.fixture
def contact(project: Project, topic: CommunicationType) -> Contact:
    """Somebody with two channels, two types and an opt-out; the organization has another project."""
    contact = subscriber(project, topic, sms="+14185550137", language="en")
    agree(contact, newsletter(project, slug="events", name="Members’ events", double_opt_in=False))
    newsletter(project, slug="receipts", name="Tickets and receipts", administrative=True)
    project.organization.projects.create(name="Shop", slug="shop")
    return contact


@pytest.fixture
def token(contact: Contact, topic: CommunicationType) -> str:
    return token_for(row_of(contact), topic)


@pytest.fixture
def healthy(axe: Check, fits: Check) -> Callable[[Page], None]:
    """Axe, and nothing to push sideways on the narrowest phone either."""

    def check(page: Page) -> None:
        axe(page)
        before = page.viewport_size
        for width in (1280, 390, 320):
            page.set_viewport_size({"width": width, "height": 800})
            fits(page)
        if before:
            page.set_viewport_size(before)

    return check


@pytest.mark.parametrize("language", ["en", "fr"])
def test_opt_out_and_back(
    browse: Browse, healthy: Check, size: str, contact: Contact, topic: CommunicationType, token: str, language: str
) -> None:
    page = browse(size=size, scheme="dark" if size == "phone" else "light")
    name = topic.name_in(language)
    page.goto(f"/u/{token}?lang={language}")
    healthy(page)
    expect(page.locator("html")).to_have_attribute("lang", language)
    page.get_by_role("main").get_by_role("button").first.click()
    expect(page.get_by_role("main")).to_contain_text("a•••••@example.org")
    expect(page.get_by_role("main")).to_contain_text(name)
    healthy(page)
    assert is_withdrawn(contact, topic)
    page.get_by_role("button", name="Receive it again" if language == "en" else "Recevoir").click()
    healthy(page)
    assert is_withdrawn(contact, topic)
    page.goto(f"/u/{token[:-2]}?lang={language}")
    healthy(page)


def test_other_language_is_a_link(browse: Browse, token: str) -> None:
    page = browse()
    page.goto(f"/u/{token}")
    page.get_by_role("link", name="Français").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Infolettre mensuelle")
    page.get_by_role("main").get_by_role("link").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    assert urlsplit(page.url).path == f"/c/{token}"
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What you receive")


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_choices_are_saved_from_the_keyboard(
    browse: Browse, healthy: Check, size: str, contact: Contact, topic: CommunicationType, token: str, scripts: bool
) -> None:
    page = browse(size=size, java_script_enabled=scripts)
    page.goto(f"/c/{token}")
    switch = page.get_by_role("group", name="Monthly newsletter").get_by_role("switch", name="Email")
    expect(switch).to_be_checked()
    switch.focus()
    page.keyboard.press("Space")
    expect(switch).not_to_be_checked()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved at")
    expect(page.get_by_role("status")).to_contain_text("“Monthly newsletter” is no longer sent to you (Email).")
    expect(page.get_by_role("group", name="Monthly newsletter").get_by_role("switch", name="Email")).not_to_be_checked()
    assert is_withdrawn(contact, topic)
    if scripts:
        healthy(page)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_centre_in_every_state_is_in_order(
    browse: Browse, healthy: Check, contact: Contact, token: str, language: str
) -> None:
    for scheme in ("light", "dark"):
        page = browse(scheme=scheme, size="phone")
        page.goto(f"/c/{token}?lang={language}")
        healthy(page)
    deactivate(contact.as_set(), origin=by_link())
    page.goto(f"/c/{token}?lang={language}")
    healthy(page)
    page.get_by_role("switch").first.check()
    page.get_by_role("button").first.click()
    expect(page.get_by_role("status")).to_be_visible()
    healthy(page)


def test_everything_is_stopped_from_the_centre(browse: Browse, contact: Contact, topic: Any, token: str) -> None:
    page = browse(size="phone")
    page.goto(f"/c/{token}")
    page.get_by_role("button", name="Stop everything").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Stopped")
    contact.refresh_from_db()
    assert not contact.is_active
    page.get_by_role("link", name="Choose what you receive").click()
    expect(page.get_by_role("main")).to_contain_text("Everything is off since you stopped it")


def test_personal_link_is_asked_for(browse: Browse, healthy: Check, token: str) -> None:
    page = browse(size="phone")
    page.goto(f"/c/{token}")
    page.get_by_role("button", name="Send me the link").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your mail")
    healthy(page)


def test_pages_are_light_and_keep_to_themselves(browse: Browse, live_server: LiveServer, token: str) -> None:
    """Page, stylesheets and logo below 50 kB as they are, without a cookie, and nothing of anybody else's."""
    page = browse()
    asked_for: list[Request] = []
    page.on("requestfinished", lambda request: asked_for.append(request))
    for path in (f"/u/{token}", f"/c/{token}", f"/c/{token}?lang=fr"):
        asked_for.clear()
        page.goto(path, wait_until="networkidle")
        bodies = {request.url: len(request.response().body()) for request in asked_for}  # type: ignore[union-attr]
        assert {urlsplit(url).path.partition("/")[2].partition("/")[0] for url in bodies} <= {"u", "c", "static"}
        assert all(url.startswith(live_server.url) for url in bodies)
        assert len(bodies) >= 3
        assert sum(bodies.values()) < HEAVIEST, bodies
        for request in asked_for:
            assert "set-cookie" not in request.response().headers  # type: ignore[union-attr]
            assert request.headers.get("referer", "").count(token) == 0
    assert page.context.cookies() == []


# Scanners


def test_scanners_change_nothing(
    live_server: LiveServer, contact: Contact, topic: CommunicationType, token: str
) -> None:
    """They GET, they HEAD, and some open the page in a browser with scripts on and wait for what happens."""
    executable, curl = find_chromium(), shutil.which("curl")
    if executable is None or curl is None:
        pytest.skip("Chromium and curl are not both installed")
    before = said()
    for path in (f"/u/{token}", f"/u/{token}/", f"/u/{token}/again/", f"/c/{token}", f"/c/{token}/personal/"):
        for options in ([], ["--head"], ["--location", "--user-agent", "Scanner/1.0"]):
            run = subprocess.run(
                [curl, "-sS", "-o", "/dev/null", "-w", "%{http_code}", *options, live_server.url + path],
                capture_output=True, text=True, timeout=60, check=True,
            )  # fmt: skip
            assert run.stdout == "200"
    connection.close()
    for path in (f"/u/{token}", f"/c/{token}"):
        opened = subprocess.run(
            [executable, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--timeout=10000", "--virtual-time-budget=10000", "--dump-dom", live_server.url + path],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        assert "Monthly newsletter" in opened.stdout
    assert said() == before
    assert may_get(contact, topic)


def test_page_that_stays_open_changes_nothing(
    browse: Browse, contact: Contact, topic: CommunicationType, token: str
) -> None:
    """Ten real seconds with scripts on: the waiting is what is tested."""
    before = said()
    page = browse()
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.method) if request.method != "GET" else None)
    page.goto(f"/u/{token}")
    page.wait_for_timeout(10_000)
    assert posts == []
    assert said() == before
    assert may_get(contact, topic)
