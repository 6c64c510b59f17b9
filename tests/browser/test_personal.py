"""A contact's own data in a real browser: from the mailed link to a request, and what users make of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from consent.models import ErasureRequest, MailedLink
from consent.services import consents, mailing
from consent.services.personal import email_of, mail_personal_link
from consent.vocabulary import LinkPurpose, RequestState
from contacts.models import Contact, ErasureReceipt, Project, User
from tests.browser.conftest import Browse, Check
from tests.consent.saying import by_form
from tests.factories import CommunicationTypeFactory, ContactFactory, RelationalRowFactory
from tests.origins import asked

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(project: Project) -> Contact:
    contact = ContactFactory(
        project=project, key="HM-204817", first_name="Amélie", last_name="Roy", language="en", notes="Prefers letters.",
        attributes={"City": "Halifax"}, email="amelie.gagnonroy.of.the.harbour@museum.example.org", sms="+14185550137",
    )  # fmt: skip
    topic = CommunicationTypeFactory(project=project, name="Monthly newsletter")
    consents.grant(contact.as_set(), topic, "email", origin=by_form(evidence={"wording": "I agree. " * 20, "form": 1}))
    consents.withdraw(contact.as_set(), topic, "sms", origin=asked(note="No more texts."))
    row = RelationalRowFactory(contact=contact, values={f"c{number}": "A value" for number in range(9)})
    row.table.columns = [{"key": f"c{number}", "label": f"Column {number}"} for number in range(9)]
    row.table.save()
    return contact


def link_to(contact: Contact, purpose: str = LinkPurpose.PERSONAL) -> str:
    """The address in the mail that the contact gets."""
    if purpose == LinkPurpose.PERSONAL:
        mail_personal_link(contact, language="en")
    link = MailedLink.objects.filter(contact=contact, purpose=purpose).latest("pk")
    return mailing.url_of(link).removeprefix(mailing.public_url(""))


def open_all(page: Page) -> None:
    for summary in page.locator("summary").all():
        summary.click()


def test_a_program_that_follows_links_uses_nothing_up(browse: Browse, contact: Contact) -> None:
    page = browse()
    link = link_to(contact)
    for _time in range(2):
        page.goto(link)
        page.wait_for_timeout(1_000)
        expect(page.get_by_role("button", name="Show my data")).to_be_visible()
    assert MailedLink.objects.get(purpose=LinkPurpose.PERSONAL).used_at is None
    assert page.context.cookies() == []


def test_every_state_at_every_width(browse: Browse, contact: Contact, size: str, axe: Check, fits: Check) -> None:
    page = browse(size=size, scheme="dark" if size == "phone" else "light")

    def look() -> None:
        for width in (page.viewport_size["width"], 320):  # type: ignore[index]
            page.set_viewport_size({"width": width, "height": 800})
            fits(page)
        axe(page)

    link = link_to(contact)
    page.goto(link)
    look()
    page.get_by_role("button", name="Show my data").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")
    look()
    open_all(page)
    look()
    page.get_by_label("New email address").fill("nobody at all")
    page.get_by_role("button", name="Mail the link").click()
    expect(page.get_by_label("New email address")).to_have_value("nobody at all")
    expect(page).to_have_title("Error: Your data · Maison du livre")
    look()
    page.get_by_label("New email address").fill("new@example.org")
    page.get_by_role("button", name="Mail the link").click()
    expect(page.get_by_role("status")).to_contain_text("A link is on its way to new@example.org.")
    look()
    page.goto(link)
    expect(page.get_by_role("heading", level=1)).to_have_text("This link does not work any more")
    look()
    page.get_by_role("button", name="Mail me a new link").click()
    expect(page.get_by_role("status")).to_contain_text("A new link is on its way")
    look()
    page.goto(link_to(contact, LinkPurpose.NEW_ADDRESS))
    look()
    page.get_by_role("button", name="Yes, this is my address").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your address is changed")
    look()
    assert email_of(contact).shown == "new@example.org"  # type: ignore[union-attr]


@pytest.mark.parametrize("scripts", [True, False])
def test_correcting_and_downloading(browse: Browse, contact: Contact, tmp_path: Path, scripts: bool) -> None:
    page = browse(java_script_enabled=scripts)
    page.goto(link_to(contact))
    page.get_by_role("button", name="Show my data").click()
    page.get_by_text("Correct your name or language").click()
    page.get_by_label("First name").fill("Améline")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status")).to_have_text("Your name and language are saved.")
    contact.refresh_from_db()
    assert contact.first_name == "Améline"
    with page.expect_download() as download:
        page.get_by_role("button", name="Download as JSON").click()
    download.value.save_as(tmp_path / "data.json")
    held = json.loads((tmp_path / "data.json").read_text())
    assert (held["record"]["first_name"], held["record"]["notes"]) == ("Améline", "Prefers letters.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download to read").click()
    download.value.save_as(tmp_path / "data.html")
    page.goto((tmp_path / "data.html").as_uri())
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")
    expect(page.get_by_text("Prefers letters.")).to_be_visible()


def test_the_other_language_keeps_the_page(browse: Browse, contact: Contact) -> None:
    page = browse()
    page.goto(link_to(contact))
    page.get_by_role("button", name="Show my data").click()
    page.get_by_role("button", name="Français").click()
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_text("HM-204817").first).to_be_visible()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your data")


def test_from_the_request_to_the_receipt(
    browse: Browse, contact: Contact, organization_admin: User, size: str, axe: Check, fits: Check
) -> None:
    public = browse()
    public.goto(link_to(contact))
    public.get_by_role("button", name="Show my data").click()
    public.get_by_text("Ask to be erased").first.click()
    public.get_by_role("button", name="Ask to be erased").click()
    expect(public.get_by_role("status")).to_have_text("Your request to be erased is noted.")

    page = browse(organization_admin, size=size, just_now=True)
    page.goto(contact.get_absolute_url())
    expect(page.get_by_text("to be erased.")).to_be_visible()
    page.get_by_role("link", name="Refuse the request").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Refuse to erase Amélie Roy?")
    axe(page)
    fits(page)
    page.get_by_role("link", name="Keep it open").click()
    delete = page.get_by_role("link", name=re.compile("^Delete.*Amélie Roy$"))
    expect(delete).to_be_visible()
    axe(page)
    fits(page)
    delete.click()
    expect(page.get_by_label("The contact asked to be erased")).to_be_checked()
    page.get_by_label("Type the contact’s key to confirm:").fill("HM-204817")
    page.get_by_role("button", name="Delete permanently").click()
    expect(page.get_by_text("The contact is deleted.")).to_be_visible()
    assert ErasureReceipt.objects.get().requested_by_contact
    assert ErasureRequest.objects.get().state == RequestState.DONE
    page.goto("/p/newsletter/consent/requests/")
    expect(page.get_by_text(f"Contact {contact.pk}, erased")).to_be_visible()
    axe(page)
    fits(page)
