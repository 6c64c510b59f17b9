"""Public forms and double opt-in in a real browser: on a phone and a desktop, by keyboard, in frames of other sites."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from consent.models import Centre, CommunicationType, ConsentHistory, Form, MailedLink
from consent.selectors.forms import snippets_of
from consent.services import confirming, mailing
from consent.vocabulary import FormKind, Word
from contacts.addresses import normalise
from contacts.models import Contact, Project, User
from contacts.vocabulary import Channel
from tests.browser.conftest import Browse, Check
from tests.consent.forms import TEXTS, form_of, version_of
from tests.consent.test_update_form import token_of
from tests.factories import CommunicationTypeFactory, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def newsletter(project: Project) -> CommunicationType:
    Centre.objects.create(project=project, sender_name="Librairie", colour="#0b5c7a", contact_email="a@example.org")
    translations = {"fr": {"name": "Infolettre", "description": "Une fois par mois."}}
    return CommunicationTypeFactory(
        project=project, name="Newsletter", description="Once a month.", translations=translations
    )


def look(page: Page, axe: Check, fits: Check) -> None:
    """At the width of the page and at the narrowest, in the light and in the dark."""
    axe(page)
    fits(page)
    page.emulate_media(color_scheme="dark")
    axe(page)
    page.emulate_media(color_scheme="light")
    size = page.viewport_size
    page.set_viewport_size({"width": 320, "height": 640})
    fits(page)
    assert size
    page.set_viewport_size(size)


def test_subscribing_and_confirming(
    browse: Browse, axe: Check, fits: Check, size: str, project: Project, newsletter: CommunicationType
) -> None:
    form_of(project, newsletter)
    page = browse(size=size)
    page.goto("/f/our-news")
    look(page, axe, fits)
    expect(page.get_by_label("Leave this empty")).not_to_be_in_viewport()
    page.get_by_label("Email address").fill("ada at example.org")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Tick what you would like to receive.")
    look(page, axe, fits)

    page.get_by_role("link", name="Email address").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type("ada@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type("Ada")
    page.get_by_label("Email: Newsletter").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Subscribe").press("Enter")
    expect(page.get_by_role("heading", name="Sent")).to_be_visible()
    look(page, axe, fits)
    assert page.context.cookies() == []

    page.goto(f"/c/confirm/{mailing.link_token(MailedLink.objects.get())}")
    look(page, axe, fits)
    page.wait_for_timeout(500)
    assert not Contact.objects.exists()
    page.get_by_role("button", name="Yes, I want this").press("Enter")
    expect(page.get_by_role("heading", name="Confirmed")).to_be_visible()
    look(page, axe, fits)
    assert ConsentHistory.objects.get(word=Word.GRANTED).contact == Contact.objects.get(first_name="Ada")
    assert page.context.cookies() == []


def test_without_script_and_in_french(
    browse: Browse, axe: Check, project: Project, newsletter: CommunicationType
) -> None:
    form_of(project, newsletter)
    page = browse(locale="fr-CA", java_script_enabled=False)
    page.goto("/f/our-news")
    expect(page.get_by_role("heading", name="Nos nouvelles")).to_be_visible()
    page.locator("input[type=email]").fill("ada@example.org")
    page.locator("input[type=checkbox]").check()
    page.locator("button").click()
    link = MailedLink.objects.get()
    assert (link.language, link.asked["evidence"]["wording"]) == ("fr", TEXTS["fr"]["wording"])
    page.goto(f"/c/confirm/{mailing.link_token(link)}")
    expect(page.locator("html")).to_have_attribute("lang", "fr")
    expect(page.get_by_text("Infolettre")).to_be_visible()


def test_links_that_are_over(
    browse: Browse, axe: Check, fits: Check, project: Project, newsletter: CommunicationType
) -> None:
    confirming.ask_to_confirm(
        project, address=normalise(Channel.EMAIL, "ada@example.org"), offers=[(newsletter, Channel.EMAIL)],
        language="en",
    )  # fmt: skip
    link = MailedLink.objects.get()
    path = f"/c/confirm/{mailing.link_token(link)}"
    page = browse(size="phone")
    for changes in ({"used_at": link.created_at}, {"used_at": None, "expires_at": link.created_at}):
        MailedLink.objects.update(**changes)
        page.goto(path)
        look(page, axe, fits)
    page.goto("/c/confirm/cut")
    look(page, axe, fits)


def test_updating_a_profile(
    browse: Browse, axe: Check, fits: Check, size: str, project: Project, newsletter: CommunicationType
) -> None:
    contact = ContactFactory(project=project, email="ada@example.org", first_name="Adah")
    form_of(project, newsletter, kind=FormKind.UPDATE)
    page = browse(size=size)
    page.goto("/f/our-news")
    look(page, axe, fits)
    page.goto(f"/f/our-news?t={token_of(contact)}")
    look(page, axe, fits)
    page.get_by_label("First name").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Saved")).to_be_visible()
    contact.refresh_from_db()
    assert contact.first_name == "Ada"
    page.go_back()
    page.get_by_role("button", name="Stop everything").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    look(page, axe, fits)
    contact.refresh_from_db()
    assert not contact.is_active


def test_closed_and_too_often(
    browse: Browse, axe: Check, fits: Check, project: Project, newsletter: CommunicationType, settings: Any
) -> None:
    form_of(project, newsletter)
    page = browse(size="phone")
    page.goto("/f/our-news")
    for _time in range(20):
        page.request.post("/f/our-news", form={"email": "x"})
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("Email: Newsletter").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Too many at once")).to_be_visible()
    look(page, axe, fits)
    Form.objects.update(is_open=False)
    page.goto("/f/our-news")
    expect(page.get_by_role("heading", name="This form is closed")).to_be_visible()
    look(page, axe, fits)


@pytest.fixture
def shop() -> Iterator[Callable[[str], str]]:
    """The site of somebody else: ``shop(body)`` gives its page this body, and returns its origin."""
    page = {"body": ""}

    class Shop(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(f"<!doctype html><title>Shop</title>{page['body']}".encode())

        def log_message(self, *told: Any) -> None:
            """Nothing is told."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    Thread(target=server.serve_forever, daemon=True).start()

    def shop(body: str) -> str:
        page["body"] = body
        return f"http://127.0.0.1:{server.server_port}"

    yield shop
    server.shutdown()
    server.server_close()


def test_in_a_frame_of_a_named_site(
    browse: Browse,
    live_server: LiveServer,
    project: Project,
    newsletter: CommunicationType,
    settings: Any,
    shop: Callable[[str], str],
) -> None:
    settings.PUBLIC_URL = live_server.url
    version = form_of(project, newsletter, embedded_by=[shop("")])
    page = browse()
    page.goto(shop(snippets_of(version).frame))
    frame = page.frame_locator("iframe")
    frame.get_by_label("Email address").fill("ada@example.org")
    frame.get_by_label("Email: Newsletter").check()
    frame.get_by_role("button", name="Subscribe").click()
    expect(frame.get_by_role("heading", name="Sent")).to_be_visible()
    assert MailedLink.objects.get().address == "ada@example.org"


def test_in_no_frame_of_another_site(
    browser: Any,
    live_server: LiveServer,
    project: Project,
    newsletter: CommunicationType,
    shop: Callable[[str], str],
) -> None:
    form_of(project, newsletter, embedded_by=["https://www.example.org"])
    page = browser.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(shop(f'<iframe src="{live_server.url}/f/our-news"></iframe>'))
    expect(page.frame_locator("iframe").get_by_label("Email address")).to_have_count(0)
    assert any("frame-ancestors" in text for text in said)
    page.close()


def test_a_form_of_another_site(
    browse: Browse,
    live_server: LiveServer,
    project: Project,
    newsletter: CommunicationType,
    settings: Any,
    shop: Callable[[str], str],
) -> None:
    settings.PUBLIC_URL = live_server.url
    version = form_of(project, newsletter)
    page = browse()
    page.goto(shop(snippets_of(version).html))
    page.get_by_label("Email address").fill("ada@example.org")
    page.get_by_label("First name").fill("Ada")
    page.get_by_label("Newsletter (Email)").check()
    page.get_by_role("button", name="Subscribe").click()
    expect(page.get_by_role("heading", name="Sent")).to_be_visible()
    asked = MailedLink.objects.get().asked
    assert asked["details"]["first_name"] == "Ada" and asked["evidence"]["version"] == 1


def test_an_admin_sets_one_up(
    browse: Browse, axe: Check, fits: Check, size: str, project: Project, newsletter: CommunicationType, admin: User
) -> None:
    page = browse(admin, size=size)
    page.goto("/p/newsletter/consent/forms/")
    look(page, axe, fits)
    page.get_by_role("link", name="Add a form").click()
    page.get_by_role("button", name="Add form").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a name")
    look(page, axe, fits)
    page.get_by_label("Name", exact=True).fill("Home page")
    page.get_by_label("Newsletter · Email").check()
    page.get_by_label("Title").first.fill("Our news")
    page.get_by_label("What they agree to").first.fill("Yes, send me this.")
    page.get_by_role("button", name="Add form").click()
    expect(page.get_by_label("Address of the page")).to_have_value("http://127.0.0.1:8000/f/newsletter-home-page")
    look(page, axe, fits)
    page.get_by_label("What they agree to").first.fill("I agree.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved as version 2")).to_be_visible()
    page.get_by_role("link", name="Version 1").click()
    expect(page.get_by_text("Yes, send me this.")).to_be_visible()
    look(page, axe, fits)
    version_of(Form.objects.get(), newsletter, texts={"en": {**TEXTS["en"], "wording": html.escape("<b>" * 200)}})
    page.goto(f"/p/newsletter/consent/forms/{Form.objects.get().pk}/versions/3/")
    fits(page)
