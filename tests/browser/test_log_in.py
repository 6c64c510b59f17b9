"""The way in, at both widths."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from contacts.models import User
from tests.browser.conftest import Browse, Check
from tests.factories import PASSWORD


def test_log_in(browse: Browse, axe: Check, fits: Check, editor: User, size: str) -> None:
    page = browse(size=size)
    page.goto("/")
    axe(page)
    fits(page)
    page.get_by_label("Email address").fill(editor.email.upper())
    page.get_by_label("Password").fill("not this one")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_contain_text("No account has this email address and password.")
    axe(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(re.compile("/p/newsletter/$"))


def test_session_cookie_logs_in(browse: Browse, editor: User) -> None:
    page = browse(editor)
    page.goto("/accounts/")
    expect(page.get_by_role("heading", level=1)).to_have_text("Change your password")
