"""The list of contacts in a real browser: filters, many at once, and the menu of a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from contacts.models import Contact, Project, User
from contacts.selectors.keyset import PAGE_SIZE
from contacts.services.status import deactivate
from tests.browser.conftest import Browse, Check
from tests.factories import ContactFactory
from tests.origins import by_link

LIST = "/p/newsletter/contacts/"
BY_TELEPHONE = "The contacts asked for it, for example by telephone"


@pytest.fixture
def three(project: Project) -> list[Contact]:
    """Two who may be written to, and Marc, who is inactive."""
    people = [
        ContactFactory(project=project, first_name=first, last_name=last, email=f"{first.lower()}@example.org")
        for first, last in (("Amelia", "Gagnon"), ("Marc", "Gagnon"), ("Zoe", "Roy"))
    ]
    deactivate(people[1].as_set(), origin=by_link())
    return people


def test_filters_narrow_and_chips_widen(
    browse: Browse, axe: Check, fits: Check, viewer: User, three: list[Contact], size: str
) -> None:
    page = browse(viewer, size=size)
    page.goto(LIST)
    expect(names(page)).to_have_text(["Amelia Gagnon", "Marc Gagnon", "Zoe Roy"])
    page.get_by_label("Search by key, name or address").fill("gagnon")
    page.get_by_label("Status", exact=True).select_option("Inactive")
    page.get_by_role("button", name="Search").click()
    chips = page.get_by_role("list", name="Filters in force")
    expect(chips.get_by_role("link")).to_have_text([re.compile("gagnon"), re.compile("Inactive"), "Clear filters"])
    expect(names(page)).to_have_text(["Marc Gagnon"])
    expect(page).to_have_url(re.compile("q=gagnon.*status=inactive"))
    axe(page)
    fits(page)
    chips.get_by_role("link", name="Inactive").click()
    expect(page.get_by_role("link", name="Amelia Gagnon")).to_be_visible()
    expect(names(page)).to_have_text(["Amelia Gagnon", "Marc Gagnon"])
    expect(page.get_by_label("Status", exact=True)).to_have_value("")
    page.go_back()
    expect(page.get_by_role("link", name="Amelia Gagnon")).to_have_count(0)
    page.get_by_role("link", name="Clear filters").click()
    expect(page.get_by_role("link", name="Zoe Roy")).to_be_visible()
    expect(page).to_have_url(re.compile(f"{LIST}$"))


def test_two_are_deactivated_together(
    browse: Browse, axe: Check, fits: Check, editor: User, three: list[Contact], size: str
) -> None:
    page = browse(editor, size=size)
    page.goto(LIST)
    bar = page.get_by_role("group", name="With the selected contacts")
    expect(bar).to_be_hidden()
    page.get_by_label("Select Amelia Gagnon").check()
    page.get_by_label("Select Marc Gagnon").check()
    expect(bar).to_contain_text("2 selected")
    expect(bar).to_be_in_viewport(ratio=1)
    axe(page)
    fits(page)
    bar.get_by_role("button", name="Deactivate").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Deactivate 1 contact?")
    left_alone = page.locator("section").filter(has=page.get_by_role("heading", name="Who is left as they are"))
    expect(left_alone).to_contain_text("Marc Gagnon")
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_role("button", name="Deactivate 1 contact").click()

    expect(page.get_by_role("status")).to_contain_text("1 contact is deactivated.")
    axe(page)
    fits(page)
    page.get_by_role("link", name="Back to the contacts").click()
    expect(page.get_by_role("row").filter(has_text="Amelia Gagnon")).to_contain_text("Inactive")
    assert active(three) == ["Zoe"]


def test_all_that_match_are_more_than_the_page_shows(
    browse: Browse, editor: User, project: Project, three: list[Contact]
) -> None:
    for number in range(PAGE_SIZE):
        ContactFactory(project=project, last_name=f"Tremblay {number:02}")
    page = browse(editor)
    page.goto(f"{LIST}?q=tremblay&status=active")
    page.get_by_label("Select all on this page").check()
    bar = page.get_by_role("group", name="With the selected contacts")
    expect(bar).to_contain_text(f"{PAGE_SIZE} selected")
    expect(bar.get_by_label("All that match")).to_have_count(0)

    page.goto(f"{LIST}?status=active")
    page.get_by_label("Select Amelia Gagnon").check()
    bar.get_by_label("All that match").check()
    bar.get_by_role("button", name="Deactivate").click()
    number = PAGE_SIZE + 2
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Deactivate {number} contacts?")
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_role("button", name=f"Deactivate {number} contacts").click()
    expect(page.get_by_role("status")).to_contain_text(f"{number} contacts are deactivated.")
    assert not Contact.objects.active().exists()


def test_pasted_list_is_chosen_together(browse: Browse, editor: User, three: list[Contact]) -> None:
    page = browse(editor)
    page.goto(LIST)
    page.get_by_role("link", name="Paste a list of keys or addresses").click()
    page.get_by_label("Keys or addresses").fill(f"{three[0].key}\nZOE@example.org, nobody@example.org")
    page.get_by_role("button", name="Find the contacts").click()
    expect(page.get_by_role("status")).to_contain_text("2 contacts are in your list. 1 entry means nobody.")
    page.get_by_role("button", name="Deactivate").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Deactivate 2 contacts?")


def test_works_without_script(browse: Browse, fits: Check, editor: User, three: list[Contact]) -> None:
    page = browse(editor, size="phone", java_script_enabled=False)
    page.goto(LIST)
    page.get_by_label("Search by key, name or address").fill("gagnon")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("link", name="Zoe Roy")).to_have_count(0)
    expect(page.get_by_label("Select all on this page")).to_be_hidden()
    page.get_by_label("Select Amelia Gagnon").check()
    page.get_by_role("group", name="With the selected contacts").get_by_role("button", name="Deactivate").click()
    page.get_by_label(BY_TELEPHONE).check()
    page.get_by_role("button", name="Deactivate 1 contact").click()
    expect(page.get_by_role("status")).to_contain_text("1 contact is deactivated.")
    assert active(three) == ["Zoe"]


def test_menu_of_the_phone(browse: Browse, axe: Check, fits: Check, admin: User, three: list[Contact]) -> None:
    page = browse(admin, size="phone")
    page.goto(LIST)
    menu = page.get_by_role("navigation", name="Project")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(menu.get_by_role("link", name="Contacts")).to_have_attribute("aria-current", "page")
    axe(page)
    fits(page)
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    menu.get_by_role("link", name="Overview").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Newsletter")
    expect(menu).to_be_hidden()


def names(page: Page) -> Locator:
    """Who is in the list, in its order."""
    return page.locator("tbody a.name")


def active(contacts: list[Contact]) -> list[str]:
    numbers = [contact.pk for contact in contacts]
    return list(Contact.objects.active().filter(pk__in=numbers).values_list("first_name", flat=True))
