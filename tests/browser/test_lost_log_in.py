"""The log-in runs out while a form is being filled in: nothing is lost, and it is done once."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from contacts.models import Project, StatusHistory, User
from tests.browser.conftest import Browse, Check
from tests.factories import PASSWORD, ContactFactory

NOTE = 'Said "stop" <at once> 📵'


def test_form_is_sent_again_after_logging_in_in_another_tab(
    browse: Browse, axe: Check, fits: Check, project: Project, editor: User, size: str
) -> None:
    contact = ContactFactory(project=project, email="reader@example.org")
    page = browse(size=size)
    page.goto(f"/p/newsletter/contacts/{contact.pk}/deactivate/")
    log_in(page, editor)
    page.get_by_label("The contact asked for it, for example by telephone").check()
    page.get_by_label("Note").fill(NOTE)
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Deactivate", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_have_text("You are no longer logged in")
    axe(page)
    fits(page)
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Log in (in a new tab)").click()
    log_in(opened.value, editor)
    opened.value.close()

    page.get_by_role("button", name="Send again").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Send it again")
    axe(page)
    fits(page)
    page.get_by_role("button", name="Send again").click()
    page.wait_for_url(f"**/p/newsletter/contacts/{contact.pk}/")

    contact.refresh_from_db()
    assert not contact.is_active
    [entry] = StatusHistory.objects.filter(contact=contact, aspect="active", says="no").select_related("detail")
    assert entry.detail.note == NOTE


def log_in(page: Page, user: User) -> None:
    page.get_by_label("Email address").fill(user.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
