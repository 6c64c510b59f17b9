"""An import as an editor does it in a browser, at both widths: from the file to the report, and what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from contacts.models import Contact, ImportJob, Project, User
from tests.browser.conftest import Browse, Check
from tests.factories import ContactFactory

IMPORTS = "/p/newsletter/imports/"
LIST = (
    "Numéro client;Courriel;Prénom;Ville\n"
    "HM-1;amelie@example.org;Amélie;Lévis\n"
    "HM-2;omar@example.org;Omar;\n"
    "HM-3;jean.roy@;Jean;Rabat\n"
)

pytestmark = pytest.mark.usefixtures("contact")


@pytest.fixture
def contact(project: Project) -> Contact:
    contact: Contact = ContactFactory(
        project=project, key="HM-1", first_name="Amélie", email="amelie@example.org", attributes={"Ville": "Québec"}
    )
    return contact


@pytest.fixture
def missing(project: Project) -> list[Contact]:
    """Contacts who are not in the list."""
    return [ContactFactory(project=project, email=f"other{number}@example.org") for number in range(4)]


@pytest.fixture
def members(tmp_path: Path) -> Path:
    path = tmp_path / "members.csv"
    path.write_text(LIST, encoding="utf-8")
    return path


def upload(page: Page, file: Path) -> None:
    page.goto(IMPORTS)
    page.get_by_role("link", name="Import a list").first.click()
    page.get_by_label("File").set_input_files(file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What is in this file?")


def heading(page: Page, text: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def test_from_the_file_to_the_report(
    browse: Browse, axe: Check, fits: Check, editor: User, members: Path, size: str, work_off: Callable[[], int]
) -> None:
    page = browse(editor, size=size)
    upload(page, members)
    expect(page.get_by_label("Numéro client", exact=True)).to_have_value("key")
    expect(page.get_by_label("Kept under the name (Ville)")).to_be_visible()
    expect(page.get_by_label("Kept under the name (Courriel)")).to_be_hidden()
    expect(page.get_by_text("Date of the list")).to_be_hidden()
    expect(page.get_by_text("Why", exact=True)).to_be_hidden()
    axe(page)
    fits(page)
    page.get_by_label("Kept under the name (Ville)").fill("City")
    page.get_by_label("Ville", exact=True).select_option("skip")
    expect(page.get_by_label("Kept under the name (Ville)")).to_be_hidden()
    page.get_by_label("Ville", exact=True).select_option("attribute")
    page.get_by_label("Kept under the name (Ville)").fill("Ville")
    page.get_by_role("button", name="Check the rows").click()
    heading(page, "Reading members.csv")
    axe(page)
    fits(page)

    work_off()
    heading(page, "Check the import")
    expect(page.locator("table.outcomes")).to_contain_text("Québec")
    axe(page)
    fits(page)
    page.get_by_role("link", name="1 Rejected").click()
    expect(page.locator("table")).to_contain_text("jean.roy@")
    axe(page)
    fits(page)
    page.get_by_role("navigation", name="Breadcrumb").get_by_role("link", name="members.csv").click()
    page.get_by_role("button", name="Import 2 rows").click()
    heading(page, "Importing members.csv")
    expect(page.locator("progress")).to_have_attribute("max", "3")
    axe(page)
    fits(page)

    work_off()
    heading(page, "members.csv is imported")
    expect(page.locator("table.outcomes")).to_contain_text("Rows in the file")
    axe(page)
    fits(page)
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    assert "jean.roy@" in Path(download.value.path()).read_text(encoding="utf-8-sig")
    assert Contact.objects.get(key="HM-1").attributes == {"Ville": "Lévis"}

    page.goto(Contact.objects.get(key="HM-2").get_absolute_url())
    page.get_by_role("link", name="Import members.csv, line 3").first.click()
    heading(page, "members.csv is imported")
    page.goto(IMPORTS)
    expect(page.get_by_role("row").filter(has_text="members.csv")).to_contain_text("1 created · 1 updated · 1 rejected")
    axe(page)
    fits(page)

    page.get_by_role("link", name="members.csv").click()
    page.get_by_role("link", name="Undo").click()
    heading(page, "Undo this import?")
    axe(page)
    fits(page)
    page.get_by_role("button", name="Undo the import").click()
    heading(page, "Undoing members.csv")
    axe(page)
    work_off()
    heading(page, "members.csv was undone")
    axe(page)
    fits(page)
    assert Contact.objects.get(key="HM-1").attributes == {"Ville": "Québec"}
    assert Contact.objects.filter(key="HM-2").exists()


def test_contacts_whom_it_added_are_erased_with_it(
    browse: Browse, axe: Check, fits: Check, admin: User, members: Path, size: str, work_off: Callable[[], int]
) -> None:
    page = browse(admin, size=size, just_now=True)
    upload(page, members)
    page.get_by_role("button", name="Check the rows").click()
    work_off()
    page.get_by_role("button", name="Import 2 rows").click()
    heading(page, "Importing members.csv")
    work_off()
    page.get_by_role("link", name="Undo").click()
    expect(page.get_by_label("Type 1 to erase them")).to_be_hidden()
    page.get_by_label("Also erase the contacts").check()
    page.get_by_role("button", name="Undo the import").click()
    expect(page.get_by_role("alert")).to_contain_text("Type 1.")
    axe(page)
    fits(page)
    page.get_by_label("Type 1 to erase them").fill("1")
    page.get_by_role("button", name="Undo the import").click()
    heading(page, "Undoing members.csv")
    work_off()
    heading(page, "members.csv was undone")
    assert not Contact.objects.filter(key="HM-2").exists()


def test_replacement_wants_the_number(
    browse: Browse, axe: Check, fits: Check, editor: User, members: Path, missing: list[Contact], size: str,
    work_off: Callable[[], int],
) -> None:  # fmt: skip
    page = browse(editor, size=size)
    upload(page, members)
    page.get_by_label("Replace the list").check()
    expect(page.get_by_label("Date of the list")).to_be_visible()
    page.get_by_role("button", name="Check the rows").click()
    work_off()
    expect(page.locator(".notice.no")).to_contain_text("4 active contacts are not in this file.")
    page.get_by_role("link", name="See the 4 contacts").click()
    heading(page, "Who is not in the file")
    axe(page)
    fits(page)
    page.go_back()
    page.get_by_label("Type 4 to confirm").fill("5")
    page.get_by_role("button", name="Import and deactivate 4").click()
    expect(page.get_by_role("alert")).to_contain_text("The number does not match. Type 4.")
    axe(page)
    fits(page)
    page.get_by_label("Type 4 to confirm").fill("4")
    page.get_by_role("button", name="Import and deactivate 4").click()
    heading(page, "Importing members.csv")
    work_off()
    heading(page, "members.csv is imported")
    assert set(Contact.objects.filter(is_active=False)) == set(missing)


def test_list_of_people_who_left_is_asked_about(
    browse: Browse, axe: Check, editor: User, tmp_path: Path, size: str, work_off: Callable[[], int]
) -> None:
    file = tmp_path / "unsubscribed.csv"
    file.write_text("Email,UNSUB_TIME\namelie@example.org,2026-03-01 10:00:00\n")
    page = browse(editor, size=size)
    upload(page, file)
    expect(page.locator(".notice.warn")).to_contain_text("This looks like a list of people who unsubscribed")
    page.get_by_role("button", name="Check the rows").click()
    expect(page.get_by_role("alert")).to_contain_text("Say what the rows are.")
    page.get_by_label(re.compile("^Opt-outs")).check()
    page.get_by_label(re.compile("^They asked for it in writing")).check()
    axe(page)
    page.get_by_role("button", name="Check the rows").click()
    work_off()
    page.get_by_role("button", name="Record 1 opt-out").click()
    heading(page, "Importing unsubscribed.csv")
    work_off()
    heading(page, "unsubscribed.csv is imported")
    assert Contact.objects.get().channel_statuses.get(channel="email").opted_out


def test_without_script(
    browse: Browse, fits: Check, editor: User, members: Path, size: str, work_off: Callable[[], int]
) -> None:
    page = browse(editor, size=size, java_script_enabled=False)
    upload(page, members)
    page.get_by_label("Cells are separated by").select_option(label="commas")
    page.get_by_role("button", name="Read it again").click()
    expect(page.get_by_label("Numéro client;Courriel;Prénom;Ville", exact=True)).to_be_visible()
    page.get_by_label("Cells are separated by").select_option(label="semicolons")
    page.get_by_role("button", name="Read it again").click()
    page.get_by_role("button", name="Check the rows").click()
    work_off()
    page.get_by_role("link", name="Refresh").click()
    heading(page, "Check the import")
    page.get_by_role("button", name="Import 2 rows").click()
    page.get_by_role("button", name="Stop").click()
    work_off()
    page.get_by_role("link", name="Refresh").click()
    heading(page, "members.csv is stopped")
    page.get_by_role("button", name="Resume").click()
    work_off()
    page.get_by_role("link", name="Refresh").click()
    heading(page, "members.csv is imported")
    assert ImportJob.objects.get().counts["created"] == 1


def test_cancelled_import_is_gone(
    browse: Browse, axe: Check, fits: Check, editor: User, members: Path, size: str
) -> None:
    page = browse(editor, size=size)
    upload(page, members)
    page.get_by_role("link", name="Cancel this import").click()
    expect(page.get_by_role("button", name="Cancel and delete the file")).to_be_visible()
    axe(page)
    fits(page)
    page.get_by_role("button", name="Cancel and delete the file").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing was changed.")
    page.get_by_role("link", name="members.csv").click()
    heading(page, "members.csv was not imported")
    axe(page)
