"""The three actions of the profile, and the way back: what staff really click, at both widths, with the keyboard and
without script."""

from __future__ import annotations

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact, ErasureReceipt, Project, StatusHistory, User
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect
from tests.browser.conftest import Browse, Check
from tests.factories import ContactFactory
from tests.origins import by_link

NOTE = "Called the front desk: no more letters."
BY_TELEPHONE = "The contact asked for it, for example by telephone"
ACTIONS = re.compile("^(Activate|Deactivate|Delete)$")
REFERENCE_MISSING = "Say where the authorization can be found, for example “Ticket 5521”."


@pytest.fixture
def contact(project: Project) -> Contact:
    ContactFactory(project=project, first_name="Amelia", last_name="Gagné", email="amelia@example.org")
    return ContactFactory(
        project=project,
        key="HM-204817",
        first_name="Amélie",
        last_name="Gagnon-Roy",
        email="amelie@example.org",
        sms="+14185550137",
        push="phone-of-amelie",
    )


@pytest.fixture
def opted_out(contact: Contact) -> Contact:
    """By a link of their own: email is opted out, and nothing is sent any more."""
    deactivate(contact.as_set(), origin=by_link())
    opt_out(contact.as_set(), "email", origin=by_link())
    return contact


def test_editor_deactivates_and_takes_it_back(
    browse: Browse, axe: Check, fits: Check, editor: User, contact: Contact, size: str
) -> None:
    page = browse(editor, size=size)
    page.goto("/p/newsletter/contacts/")
    page.get_by_label("Search by key, name or address").fill("gagnon")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Amelia Gagné")).to_have_count(0)
    page.get_by_role("link", name="Amélie Gagnon-Roy").click()
    expect(status_line(page)).to_contain_text("Active")
    expect(channels(page).get_by_text("May be sent to")).to_have_count(3)

    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deactivate Amélie Gagnon-Roy?")
    page.get_by_role("button", name="Deactivate", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Say whether the contact asked for it.")
    axe(page)
    fits(page)
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_label("Note").fill(NOTE)
    page.get_by_role("button", name="Deactivate", exact=True).click()

    expect(status_line(page)).to_contain_text(re.compile("Inactive since .*: asked to stop, .* noted by Edgar Editor"))
    for name in ("Email", "SMS", "Push"):
        row = channels(page).filter(has=page.get_by_text(name, exact=True))
        expect(row.locator(".verdict.no")).to_have_text("Inactive")
        expect(row.locator(".seal.no")).to_be_visible()
    newest = page.locator(".timeline li").first
    expect(newest).to_contain_text("Deactivated")
    expect(newest).to_contain_text(NOTE)
    expect(newest).to_contain_text("by Edgar Editor")
    axe(page)
    fits(page)

    page.locator(".messages").get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Undo").click()
    expect(status_line(page)).to_contain_text("Active")
    expect(channels(page).get_by_text("May be sent to")).to_have_count(3)
    expect(page.locator(".timeline")).to_contain_text("Taken back")


def test_admin_activates_who_opted_out_by_link(
    browse: Browse, axe: Check, fits: Check, admin: User, opted_out: Contact, size: str
) -> None:
    page = browse(admin, size=size)
    page.goto(opted_out.get_absolute_url())
    page.get_by_role("button", name="Activate").click()
    main = page.get_by_role("main")
    expect(main).to_contain_text("This contact asked to stop.")
    expect(section(page, "Why this contact is inactive")).to_contain_text("link")
    expect(section(page, "What activating changes")).to_contain_text("Email: Opted out")

    page.get_by_label("Verbal request, for example by telephone").check()
    page.get_by_label("Date obtained").fill(today(opted_out))
    page.get_by_role("button", name="Activate", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text(REFERENCE_MISSING)
    reference = page.get_by_label("Reference or note")
    expect(reference).to_have_accessible_description(re.compile(REFERENCE_MISSING))
    expect(page).to_have_title(re.compile("^Error:"))
    expect(page.get_by_label("Verbal request, for example by telephone")).to_be_checked()
    expect(page.get_by_label("Date obtained")).to_have_value(today(opted_out))
    axe(page)
    fits(page)
    page.get_by_role("alert").get_by_role("link").click()
    expect(reference).to_be_focused()
    page.keyboard.type("Ticket 5521")
    page.get_by_role("button", name="Activate", exact=True).click()

    expect(status_line(page)).to_contain_text("Active")
    expect(verdict(page, "Email")).to_have_text("Opted out")
    expect(verdict(page, "SMS")).to_have_text("May be sent to")
    expect(page.locator(".timeline li").first).to_contain_text("Ticket 5521")


def test_editor_sees_who_may_activate(
    browse: Browse, axe: Check, fits: Check, editor: User, admin: User, opted_out: Contact
) -> None:
    page = browse(editor, size="phone")
    page.goto(opted_out.get_absolute_url())
    page.get_by_role("button", name="Activate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You cannot activate Amélie Gagnon-Roy")
    expect(page.get_by_role("main")).to_contain_text("Ask Ada Admin.")
    expect(page.get_by_role("main").get_by_role("textbox")).to_have_count(0)
    expect(page.get_by_role("main").get_by_role("button")).to_have_count(0)
    axe(page)
    fits(page)
    page.get_by_role("link", name="Back to Amélie Gagnon-Roy").click()
    expect(status_line(page)).to_contain_text("Inactive")


def test_admin_deletes(browse: Browse, axe: Check, fits: Check, admin: User, contact: Contact, size: str) -> None:
    page = browse(admin, size=size, just_now=True)
    page.goto(contact.get_absolute_url())
    page.get_by_role("button", name="Delete").click()
    instead = page.get_by_role("link", name="Deactivate", exact=True)
    final = page.get_by_role("button", name="Delete permanently")
    assert place(instead)["y"] < place(final)["y"]
    assert place(instead)["height"] > place(final)["height"]

    page.get_by_label("The contact asked to be erased").check()
    page.get_by_label("Type the contact’s key to confirm").fill("HM-204818")
    final.click()
    expect(page.get_by_role("alert")).to_contain_text("The key does not match. Type HM-204817.")
    expect(page.get_by_label("The contact asked to be erased")).to_be_checked()
    axe(page)
    fits(page)
    page.get_by_label("Type the contact’s key to confirm").fill("HM-204817")
    final.click()

    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"^Receipt of erasure \d+$"))
    expect(page.get_by_role("main")).to_contain_text("Ada Admin")
    for word in ("Gagnon", "Amélie", "204817", "amelie@example.org", "5550137"):
        assert word not in page.content()
    assert ErasureReceipt.objects.get().requested_by_contact
    gone = page.goto(contact.get_absolute_url())
    assert gone is not None
    assert gone.status == 404


def test_viewer_is_offered_nothing(browse: Browse, viewer: User, opted_out: Contact) -> None:
    page = browse(viewer)
    for name, status in (("Amélie Gagnon-Roy", "Inactive"), ("Amelia Gagné", "Active")):
        page.goto("/p/newsletter/contacts/")
        page.get_by_role("link", name=name).click()
        expect(status_line(page)).to_contain_text(status)
        expect(page.get_by_role("button", name=ACTIONS).or_(page.get_by_role("link", name=ACTIONS))).to_have_count(0)


def test_deactivates_without_script(browse: Browse, fits: Check, editor: User, contact: Contact) -> None:
    page = browse(editor, size="phone", java_script_enabled=False)
    page.goto("/p/newsletter/contacts/?q=gagnon")
    page.get_by_role("link", name="Amélie Gagnon-Roy").click()
    page.get_by_role("button", name="Deactivate").click()
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_role("button", name="Deactivate", exact=True).click()
    expect(status_line(page)).to_contain_text("Inactive since")
    expect(verdict(page, "SMS")).to_have_text("Inactive")


def test_deactivates_with_the_keyboard_alone(browse: Browse, editor: User, contact: Contact) -> None:
    page = browse(editor)
    page.goto(contact.get_absolute_url())
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_visible()
    tab_to(page, page.get_by_role("button", name="Deactivate"))
    page.keyboard.press("Space")
    expect(page.get_by_role("heading", level=1)).to_have_text("Deactivate Amélie Gagnon-Roy?")
    tab_to(page, page.get_by_label(BY_TELEPHONE))
    page.keyboard.press("Space")
    tab_to(page, page.get_by_label("Note"))
    page.keyboard.type(NOTE)
    tab_to(page, page.get_by_role("button", name="Deactivate", exact=True))
    page.keyboard.press("Enter")
    expect(status_line(page)).to_contain_text("Inactive since")
    expect(page.locator(".timeline li").first).to_contain_text(NOTE)


def test_double_click_deactivates_once(browse: Browse, editor: User, contact: Contact) -> None:
    page = browse(editor)
    page.goto(f"{contact.get_absolute_url()}deactivate/")
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_role("button", name="Deactivate", exact=True).dblclick()
    expect(status_line(page)).to_contain_text("Inactive since")
    page.reload()
    assert StatusHistory.objects.filter(contact=contact, aspect=Aspect.ACTIVE, says="no").count() == 1


def status_line(page: Page) -> Locator:
    return page.locator(".status")


def channels(page: Page) -> Locator:
    return page.locator(".channels summary")


def verdict(page: Page, channel: str) -> Locator:
    return channels(page).filter(has=page.get_by_text(channel, exact=True)).locator(".verdict")


def section(page: Page, heading: str) -> Locator:
    return page.locator("section").filter(has=page.get_by_role("heading", name=heading))


def place(locator: Locator) -> dict[str, float]:
    box = locator.bounding_box()
    assert box is not None
    return {"y": box["y"], "height": box["height"]}


def today(contact: Contact) -> str:
    return timezone.now().astimezone(contact.project.zone).date().isoformat()


def tab_to(page: Page, wanted: Locator) -> None:
    """Press Tab until it has the focus, and see that the focus shows."""
    for _press in range(80):
        page.keyboard.press("Tab")
        if wanted.evaluate("element => element === document.activeElement"):
            break
    expect(wanted).to_be_focused()
    assert wanted.evaluate("element => getComputedStyle(element).outlineStyle") == "solid"
