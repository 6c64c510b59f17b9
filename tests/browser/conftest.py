"""A real Chromium for the tests of pages.

``browse(user)`` gives a page that is logged in as the user (None: nobody), at desktop or phone width;
``axe(page)`` fails with what axe finds, as ``axe_problems`` lists it. A message of the browser's console
(a broken policy, a script's error) fails the test at its end, and so does a page that is wider than the window
when ``fits(page)`` looks.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from contacts.models import User
from tests.factories import PASSWORD

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
AXE = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PATIENCE = 30_000
HOW_TO_INSTALL = "Chromium is not installed, so browser tests are not run. On Debian: apt-get install chromium"

Browse = Callable[..., Page]
Check = Callable[[Page], None]


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome")
    return shutil.which("/usr/bin/chromium") or next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    executable = find_chromium()
    if executable is None:
        if os.environ.get("CI") == "true":
            pytest.fail(HOW_TO_INSTALL)
        pytest.skip(HOW_TO_INSTALL)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's loop runs in this thread, where Django would refuse the tests' own queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        expect.set_options(timeout=PATIENCE)
        yield chromium
        chromium.close()


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    """Ask for it to run a test at both widths."""
    return str(request.param)


@pytest.fixture
def browse(browser: Browser, live_server: LiveServer) -> Iterator[Browse]:
    """``browse(user=None, size="desktop", scheme="light", just_now=False) -> Page``; paths are the live server's.

    ``just_now``: the user typed the password a moment ago, as some pages ask for.
    """
    contexts = []
    said: list[str] = []

    def open_page(
        user: User | None = None, *, size: str = "desktop", scheme: str = "light", just_now: bool = False, **more: Any
    ) -> Page:
        width, height = SIZES[size]
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": width, "height": height}, color_scheme=scheme, **more
        )
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session_of(user, just_now=just_now),
                                  "url": live_server.url}])  # fmt: skip
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        context.on("console", lambda message: note(message.type, message.text, message.location.get("url", "")))
        context.on("weberror", lambda error: said.append(str(error.error)))
        return page

    def note(kind: str, text: str, url: str) -> None:
        # A page that answers 4xx on purpose is no defect of the page.
        if kind in ("error", "warning") and not text.startswith("Failed to load resource"):
            said.append(f"{kind} {text} {url}")

    yield open_page
    for context in contexts:
        context.close()
    assert not said


def session_of(user: User, *, just_now: bool = False) -> str:
    """The key of a new session in which the user is logged in."""
    client = Client()
    client.force_login(user)
    if just_now:
        client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
def axe() -> Check:
    """Fail with the rules that a page breaks, and where."""

    def check(page: Page) -> None:
        assert axe_problems(page) == []

    return check


def axe_problems(page: Page, *, only: list[str] | None = None) -> list[Any]:
    """Each rule (``only``: of these) that the page breaks, and where. Axe goes into a page once."""
    page.wait_for_load_state()
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    return page.evaluate(
        """options => axe.run(document, options).then(found =>
            found.violations.map(rule => [rule.id, rule.nodes.map(node => node.html)]))""",
        {**AXE, "runOnly": only or AXE["runOnly"]},
    )


@pytest.fixture
def fits() -> Check:
    """Fail when a page can be pushed sideways."""

    def check(page: Page) -> None:
        page.wait_for_load_state()
        root = "document.documentElement"
        assert page.evaluate(f"{root}.scrollWidth - {root}.clientWidth") == 0

    return check
