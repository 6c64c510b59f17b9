"""Every page that there is, in a real browser: at both widths and at the narrowest, light and dark, under axe.

Pages come from the resolver, so that a new one is looked at without anybody thinking of it, or fails here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, path, resolve, reverse
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from config.urls import not_offered
from consent.demo.logo import logo
from consent.models import Centre, ConsentHistory, ErasureRequest, WebhookEndpoint
from consent.services.consents import grant, withdraw
from consent.vocabulary import Basis, ImpliedBy
from contacts.errors import StaleConfirmation
from contacts.models import Block, Membership, OrganizationAdmin, Project, StatusHistory, User
from contacts.services.opt_outs import opt_out
from contacts.services.register import set_validity
from contacts.services.status import deactivate
from contacts.services.tokens import create_token
from contacts.vocabulary import ApiScope
from tests.browser.conftest import Browse, axe_problems
from tests.consent.bounces import bounced
from tests.consent.feedback_reports import decided_report, waiting_report
from tests.consent.forms import form_of
from tests.consent.saying import by_form, by_import
from tests.consent.texts import text_from, waiting_reply
from tests.contacts.imported import checked, imported
from tests.factories import (
    PASSWORD,
    BlockFactory,
    CommunicationTypeFactory,
    ContactFactory,
    ErasureReceiptFactory,
    ProjectFactory,
    RelationalRowFactory,
)
from tests.origins import asked, by_link
from tests.urls_with_patterns import urlpatterns as of_development

ON_A_DESK, ON_A_PHONE, ON_A_SMALL_PHONE = (
    ViewportSize(width=width, height=height) for width, height in ((1280, 900), (390, 844), (320, 640))
)
# What the rest of a page's width and colours can break: its words and landmarks are the same.
WHAT_IS_SEEN = ["color-contrast", "target-size"]
RAISED = {"bad": BadRequest(), "refused": StaleConfirmation(), "broken": ValueError()}


def failing(request: HttpRequest, how: str) -> HttpResponse:
    raise RAISED[how]


urlpatterns = [*of_development, path("raise/<slug:how>/", failing, name="raise")]
pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]

# Paths that answer with no page of their own.
NO_PAGES = {
    "healthz": "words for machines",
    "consent:webhook": "words for machines",
    "consent:webhook_inbound": "words for machines",
    "account": "leads on to the password",
    "account_set_password": "leads on: everybody has one",
    "contacts:contact_export": "a file, asked for by a form",
    "contacts:history_export": "a file, asked for by a form",
    "contacts:rows_export": "a file, asked for by a form",
    "contacts:import_rejected": "a file, asked for by a form",
    "contacts:import_absent_export": "a file, asked for by a form",
    "consent:receipt_json": "a file, asked for by a form",
    "consent:audience_export": "a file, asked for by a form",
    "consent:delivery_export": "a file, asked for by a form",
    "contacts:import_start": "a button of the check",
    "contacts:import_stop": "a button of the import's page",
    "contacts:import_resume": "a button of the import's page",
    "contacts:import_undo": "leads on: it did not run yet; another one is below",
    "mfa_download_recovery_codes": "a file",
    "raise": "refusals, which are below",
    "consent:theme": "a stylesheet",
    "consent:logo": "a picture",
    "patterns": "made up, and looked at in a test of its own",
}
# Pages of contacts, whose links are made in tests of their own: public forms, opt-out links, the consent centre.
OF_CONTACTS = [
    "consent:confirm", "consent:public_form", "consent:personal", "consent:new_address", "consent:opt_out",
    "consent:resubscribe", "consent:choices", "consent:ask_personal",
]  # fmt: skip
OF_NOBODY = [
    "account_login", "account_inactive", "account_signup", "account_reset_password", "account_reset_password_done",
    "account_reset_password_from_key", "account_reset_password_from_key_done",
]  # fmt: skip
OF_THE_SECOND_STEP = [
    "mfa_index", "mfa_list_webauthn", "mfa_edit_webauthn", "mfa_remove_webauthn", "mfa_deactivate_totp",
    "mfa_view_recovery_codes", "mfa_generate_recovery_codes", "mfa_reauthenticate", "mfa_reauthenticate_webauthn",
]  # fmt: skip
NOT_SET_UP = ["mfa_index", "mfa_list_webauthn"]
HALFWAY_IN = "mfa_authenticate"
# What an address needs to show all that its page can.
QUERIES = {
    "contacts:contact": "?table={table}",
    "contacts:bulk_deactivate": "?contacts={contact_id},{inactive_id}",
    "contacts:bulk_activate": "?contacts={contact_id},{inactive_id}",
    "contacts:bulk_delete": "?contacts={contact_id},{inactive_id}",
    "contacts:block_lift": "?block={block_id}",
    "contacts:organization_block_lift": "?block={organization_block_id}",
    "contacts:import_rows": "?outcome=rejected",
    "consent:delivery_lift": "?all=1&domain=example.org",
    "consent:delivery_review": "?domain=example.com&burst=1&newest={burst_number}",
    "contacts:merge": "?contact={contact_id}&contact={inactive_id}",
}
# Other states of pages.
STATES = [
    "/p/newsletter/contacts/{inactive_id}/",
    "/p/newsletter/contacts/{inactive_id}/activate/",
    "/p/newsletter/contacts/{inactive_id}/deactivate/",
    "/p/newsletter/contacts/{inactive_id}/channels/email/lift-opt-out/",
    "/p/newsletter/contacts/{contact_id}/?tab=consents",
    "/p/newsletter/contacts/{contact_id}/consents/{type_id}/sms/grant/",
    "/p/newsletter/contacts/{contact_id}/consents/{type_id}/sms/withdraw/",
    "/p/newsletter/consent/audience/?type=news&channel=sms&at=2026-01-01",
    "/p/newsletter/consent/audience/contacts/?type=news&channel=email&reason=consent",
    "/p/newsletter/consent/opt-ins/?type={type_id}",
    "/p/newsletter/consent/opt-ins/expiring/?days=90",
    "/p/newsletter/consent/types/{archived_id}/",
    "/p/newsletter/consent/types/{archived_id}/archive/",
    "/p/empty/consent/",
    "/p/empty/consent/opt-ins/",
    "/p/empty/consent/opt-ins/expiring/",
    "/p/empty/consent/settings/",
    "/p/empty/consent/audience/",
    "/p/newsletter/contacts/?q=zzz&status=active&changed_from=2020-01-01",
    "/p/newsletter/contacts/?changed_from=2026-02-01&changed_to=2026-01-31",
    "/p/newsletter/contacts/bulk/deactivate/",
    "/p/empty/",
    "/p/empty/contacts/",
    "/p/empty/erasures/",
    "/p/newsletter/delivery/?show=invalid",
    "/p/newsletter/delivery/?show=bounces&domain=example.org&since=2020-01-01",
    "/p/newsletter/delivery/?show=waiting",
    "/p/newsletter/delivery/review/?event={unproved_number}",
    "/p/newsletter/delivery/?domain=no+domain",
    "/p/empty/delivery/",
    "/p/empty/delivery/?show=invalid",
    "/p/empty/delivery/?show=bounces",
    "/p/empty/delivery/?show=waiting",
    "/p/empty/reports/",
    "/p/empty/settings/webhooks/",
    "/p/newsletter/settings/webhooks/{asked_id}/",
    "/p/newsletter/reports/{decided_number}/",
    "/p/newsletter/reports/{decided_number}/accept/",
    "/p/empty/blocks/",
    "/p/empty/imports/",
    "/p/empty/replies/",
    "/p/empty/settings/tokens/",
    "/p/newsletter/replies/{stopped_number}/",
    "/p/newsletter/replies/{stopped_number}/accept/",
    "/p/newsletter/imports/{done_id}/",
    "/p/newsletter/imports/{done_id}/undo/",
    "/p/newsletter/imports/{done_id}/rows/?outcome=updated",
]
REFUSALS = {"/p/nowhere/": 404, "/raise/bad/": 400, "/raise/refused/": 400, "/raise/broken/": 500}


@pytest.mark.parametrize("of_contacts", [True, False])
def test_every_page_of_an_admin(
    browse: Browse, house: dict[str, Any], organization_admin: User, of_contacts: bool
) -> None:
    elsewhere = {*NO_PAGES, *OF_CONTACTS, *OF_NOBODY, *OF_THE_SECOND_STEP, HALFWAY_IN}
    addresses = [address_of(name, house) for name in sorted(offered(house).keys() - elsewhere)]
    addresses += [state.format(**house) for state in STATES]
    page = browse(organization_admin, just_now=True)
    chosen = [address for address in addresses if ("/contacts/" in address) == of_contacts]
    assert [problem for address in chosen for problem in problems(page, address)] == []


def test_every_page_of_who_is_refused(browse: Browse, house: dict[str, Any], viewer: User) -> None:
    page = browse(viewer)
    found = [problem for address, status in REFUSALS.items() for problem in problems(page, address, status=status)]
    found += problems(page, "/p/newsletter/members/", status=403)
    found += problems(page, f"/p/newsletter/contacts/{house['contact_id']}/delete/", status=403)
    assert found == []


def test_every_page_of_nobody(browse: Browse, client: Client, house: dict[str, Any], viewer: User) -> None:
    page = browse()
    found = [problem for name in OF_NOBODY for problem in problems(page, address_of(name, house))]
    client.post(reverse("account_reset_password"), {"email": viewer.email})
    [link] = re.findall(r"http://testserver(\S+)", mail.outbox[-1].body)
    page.goto(link)
    assert found + problems(page, page.url) == []
    expect(page.get_by_label("New password", exact=True)).to_be_visible()


def test_every_page_of_the_second_step(browse: Browse, house: dict[str, Any], editor: User) -> None:
    page = browse(editor, just_now=True)
    found = [problem for name in NOT_SET_UP for problem in problems(page, address_of(name, house))]
    house["pk"] = add_security_key(page, editor)
    TOTP.activate(editor, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(editor)
    found += [problem for name in OF_THE_SECOND_STEP for problem in problems(page, address_of(name, house))]
    page.context.clear_cookies()
    page.goto(reverse("account_login"))
    page.get_by_label("Email address").fill(editor.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"**{reverse(HALFWAY_IN)}*")
    assert found + problems(page, page.url) == []


def test_what_is_left_out_shows_no_page(client: Client, house: dict[str, Any], admin: User) -> None:
    client.force_login(admin)
    for name in sorted(NO_PAGES.keys() - {"raise", "patterns"}):
        answer = client.get(address_of(name, house))
        assert (name, answer.status_code == 200 and answer["Content-Type"].startswith("text/html")) == (name, False)


def test_printed_profile_opens_what_is_folded(browse: Browse, house: dict[str, Any], admin: User) -> None:
    page = browse(admin)
    page.goto(f"/p/newsletter/contacts/{house['inactive_id']}/")
    rail, tools = page.get_by_role("navigation", name="Project"), page.get_by_role("button", name="Activate")
    folded = page.locator("details:not([open]) .conditions li").first
    printed = page.get_by_text("Read in the project Newsletter by Ada Admin.")
    for shown in (rail, tools):
        expect(shown).to_be_visible()
    for hidden in (folded, printed):
        expect(hidden).to_be_hidden()
    page.emulate_media(media="print")
    for shown in (folded, printed, page.get_by_text("Called the front desk").first):
        expect(shown).to_be_visible()
    for hidden in (page.locator("nav.rail"), page.locator(".tools"), page.locator(".filters"), page.locator(".tabs")):
        expect(hidden).to_be_hidden()


@pytest.fixture
def house(project: Project, viewer: User, organization_admin: User) -> dict[str, Any]:
    """One of everything: a value for whatever an address may ask for."""
    contact = ContactFactory(
        project=project,
        key="HM-204817",
        first_name="Amélie",
        last_name="Gagnon-Roy",
        language="fr",
        attributes={"City": "Lévis", "Membership": "Family, until 1 March 2027"},
        notes="Prefers the telephone.\nCalls in the morning.",
        email="amelie.gagnon-roy.of.the.long.address@museum.example.org",
        sms="+14185550137",
    )
    inactive = ContactFactory(project=project, first_name="Marc", last_name="Roy", email="marc@example.org")
    deactivate(inactive.as_set(), origin=asked(note="Called the front desk: no more letters."))
    deactivate(inactive.as_set(), origin=by_link())
    opt_out(inactive.as_set(), "email", origin=by_link())
    opt_out(contact.as_set(), "sms", origin=asked())
    ProjectFactory(organization=project.organization, name="Empty", slug="empty")
    row = RelationalRowFactory(contact=contact)
    topic = CommunicationTypeFactory(project=project, slug="news", accepts_implied=True)
    grant(contact.as_set(), topic, "email", origin=by_form(evidence={"wording": "I agree. " * 30, "form": 1}))
    withdraw(contact.as_set(), topic, "sms", origin=asked(note="No more texts."))
    grant(
        inactive.as_set(), topic, "email", origin=by_import(), basis=Basis.IMPLIED, implied_by=ImpliedBy.PURCHASE,
        implied_until=timezone.now() + timedelta(days=40),
    )  # fmt: skip
    archived = CommunicationTypeFactory(
        project=project, slug="old", name="Old news", administrative=True, despite_opt_out="Recalls of a product",
        archived_at=timezone.now(),
    )  # fmt: skip
    Centre.objects.get_or_create(
        project=project,
        defaults={"sender_name": "Maison du livre", "colour": "#0b5c7a", "logo": logo(), "logo_type": "image/png"},
    )
    text = "key,email,first name\nHM-204817,,Amelie\nHM-9,new@example.org,Zoé\nHM-10,jean.roy@,Jean\n"
    done = imported(project, text)
    return {
        "done_id": done.pk,
        "import_id": checked(project, text.replace("HM-9", "HM-11"), mode="replace").pk,
        "project_slug": project.slug,
        "organization_slug": project.organization.slug,
        "contact_id": contact.pk,
        "inactive_id": inactive.pk,
        "channel": "email",
        "table": row.table.slug,
        "table_slug": row.table.slug,
        "table_id": row.table_id,
        "row_id": row.pk,
        "type_id": topic.pk,
        "archived_id": archived.pk,
        "opt_in_id": ConsentHistory.objects.filter(contact=contact).earliest("pk").pk,
        "entry_id": StatusHistory.objects.filter(contact=contact).latest("pk").pk,
        "receipt_id": ErasureReceiptFactory(project=project).pk,
        "membership_id": Membership.objects.get(user=viewer).pk,
        "admin_id": OrganizationAdmin.objects.get(user=organization_admin).pk,
        "block_id": Block.objects.filter(project=project).latest("pk").pk,
        "organization_block_id": BlockFactory(organization=project.organization).pk,
        "request_number": ErasureRequest.objects.create(
            project=project, contact=contact, requested_at=contact.created_at
        ).pk,
        **bounces_of(project),
        "reply_number": waiting_reply(
            project, "Please stop sending me these texts, I asked you twice already. 🛑 " * 3
        ).pk,
        "stopped_number": text_from(project, "STOP", "+14185550199").pk,
        "token_id": create_token(project, name="Shop of the museum, at the front desk", scopes=ApiScope.values)[0].pk,
        "endpoint_id": WebhookEndpoint.objects.create(project=project, provider="mailersend").pk,
        "endpoint_key": "00000000-0000-4000-8000-000000000000",
        "asked_id": WebhookEndpoint.objects.create(
            project=project, provider="amazon_ses", secrets={"confirm_at": "https://sns.ca-central-1.amazonaws.com/"}
        ).pk,
        "report_number": waiting_report(project, "amelie.gagnon-roy.of.the.long.address@museum.example.org").pk,
        "decided_number": decided_report(project, "marc@example.org").pk,
        "form_id": form_of(project, topic, embedded_by=["https://www.example.org"]).form_id,
        "number": 1,
        # A contact's link that leads nowhere, and a form that is not there.
        "token": "cut",
        "slug": "nowhere",
        "how": "bad",
        "pk": 1,
        # The link of a letter that does not work any more.
        "uidb36": "1",
        "key": "abc-def",
    }


def bounces_of(project: Project) -> dict[str, int]:
    """An address that does not exist, one that failed once, a burst of 50, and a bounce that anybody can have sent."""
    words = "550-5.1.1 The email account that you tried to reach does not exist. Check it for typos. " * 3
    nowhere = bounced(project, "amelie.gagnon-roy.of.the.long.address@museum.example.org", reply=words)
    bounced(project, "nobody.of.a.rather.long.name@example.org", status="4.2.2", reply="452 4.2.2 Mailbox full")
    bounced(project, "gone@example.org")
    invalid = ContactFactory(project=project, first_name="Léa", last_name="Roy", email="lea@example.net")
    set_validity(invalid, "email", False, origin=asked())
    many = [bounced(project, f"reader.{number}@example.com") for number in range(project.burst_addresses)]
    unproved = bounced(project, "marc@example.org", believed=False)
    return {"event_number": nowhere.pk, "burst_number": many[-1].pk, "unproved_number": unproved.pk}


def problems(page: Page, address: str, *, status: int = 200) -> list[tuple[str, Any]]:
    """What is wrong with the page at an address: on a desk in the light, and on phones in the dark."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(ON_A_DESK)
    answer = page.goto(address)
    assert answer is not None
    found: list[Any] = []
    if answer.status != status or answer.request.redirected_from is not None:
        found.append(f"answers {answer.status} at {page.url}")
    title, *numbers = page.evaluate("""() => [document.title,
        ...["h1", "main"].map(name => document.querySelectorAll(name).length)]""")
    if numbers != [1, 1]:
        found.append(f"{numbers} of h1 and main")
    if not re.fullmatch(r"\S.* · Sendable", title):
        found.append(f"title {title!r}")
    found += [*axe_problems(page), *too_wide(page)]
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(ON_A_PHONE)
    found += [("on a phone in the dark", problem) for problem in axe_problems(page, only=WHAT_IS_SEEN)]
    found += too_wide(page)
    page.set_viewport_size(ON_A_SMALL_PHONE)
    return [(address, problem) for problem in found + too_wide(page)]


def too_wide(page: Page) -> list[str]:
    over, width = page.evaluate("(({scrollWidth, clientWidth}) => [scrollWidth - clientWidth, clientWidth])"
                                "(document.documentElement)")  # fmt: skip
    return [f"{over} pixels too wide at {width}"] if over else []


def offered(house: dict[str, Any]) -> dict[str, set[str]]:
    """Name of every page's path, and what its address asks for. A name that asks for what the house has not fails."""
    return {
        name: values
        for name, values in named_paths(get_resolver().url_patterns)
        if not name.startswith("api:")
        and resolve(reverse(name, kwargs={value: house[value] for value in values})).func is not not_offered
    }


def named_paths(patterns: list[Any], namespace: str = "", outer: frozenset[str] = frozenset()) -> Iterator[Any]:
    for item in patterns:
        values = outer | set(item.pattern.regex.groupindex)
        if isinstance(item, URLResolver):
            inner = f"{namespace}{item.namespace}:" if item.namespace else namespace
            yield from named_paths(item.url_patterns, inner, values)
        elif isinstance(item, URLPattern) and item.name:
            yield f"{namespace}{item.name}", values


def address_of(name: str, house: dict[str, Any]) -> str:
    values = dict(named_paths(get_resolver().url_patterns))[name]
    address = reverse(name, kwargs={value: house[value] for value in values})
    return address + QUERIES.get(name, "").format(**house)


def add_security_key(page: Page, user: User) -> int:
    """A key that the browser itself pretends to have, added as a user adds one."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "usb", "isUserVerified": True, "automaticPresenceSimulation": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": {**options, "hasUserVerification": True}})
    page.goto(reverse("mfa_add_webauthn"))
    page.get_by_label("Name").fill("Blue key")
    page.get_by_role("button", name="Add").click()
    page.wait_for_url(lambda url: not url.endswith(reverse("mfa_add_webauthn")))
    return user.authenticator_set.get(type="webauthn").pk
