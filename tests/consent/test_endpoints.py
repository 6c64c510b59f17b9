"""Admins say which provider tells a project what became of its messages."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from consent.incoming.providers import PROVIDERS
from consent.models import WebhookEndpoint
from consent.services.feedback.webhooks import PASSWORD
from contacts.models import Project, User
from tests.consent import provider_posts as posts
from tests.consent.provider_posts import BOUNCED, SAYING, endpoint_of, path_of, post

pytestmark = pytest.mark.django_db
LIST, ADD = "/p/newsletter/settings/webhooks/", "/p/newsletter/settings/webhooks/add/"


def page_of(endpoint: WebhookEndpoint, what: str = "") -> str:
    return f"{LIST}{endpoint.pk}/{what}"


def body(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.mark.parametrize("provider", [provider.slug for provider in PROVIDERS])
def test_admin_adds_a_provider_and_is_shown_the_address_once(provider: str, client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(ADD, {"provider": provider, "request_id": str(uuid.uuid4())})
    made = WebhookEndpoint.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(made))
    assert (made.provider, made.created_by) == (provider, "Ada Admin")
    shown, again = body(client.get(page_of(made))), body(client.get(page_of(made)))
    assert f"/webhooks/{made.key}/" in shown
    assert f"/webhooks/{made.key}/" in again
    if password := made.secrets.get(PASSWORD):
        assert len(password) >= 32
        assert f"sendable:{password}@" in shown
        assert password not in again + body(client.get(LIST))


def test_what_is_shown_is_where_the_provider_gets_in(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    client.post(ADD, {"provider": "postmark"})
    made = WebhookEndpoint.objects.get()
    [address] = re.findall(r"<code>(http[^<]+)</code>", body(client.get(page_of(made))))[:1]
    assert address.endswith(path_of(made))
    assert post(made, SAYING["postmark"](BOUNCED, "ann@example.org")).status_code == 200


def test_the_same_request_twice_makes_one(client: Client, admin: User) -> None:
    client.force_login(admin)
    fields = {"provider": "brevo", "request_id": str(uuid.uuid4())}
    assert client.post(ADD, fields)["Location"] == client.post(ADD, fields)["Location"]
    assert WebhookEndpoint.objects.count() == 1


def test_the_key_does_not_follow_from_what_was_sent(client: Client, admin: User) -> None:
    """Whoever sees the request does not know the address."""
    client.force_login(admin)
    number = uuid.uuid4()
    client.post(ADD, {"provider": "brevo", "request_id": str(number)})
    assert WebhookEndpoint.objects.get().key != number


@pytest.mark.parametrize("provider", ["", "nothing", "postmark\0", "🛑", "x" * 5000])
def test_a_provider_that_there_is_not_is_refused_at_its_field(provider: str, client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(ADD, {"provider": provider, "request_id": "garbage"})
    assert answer.status_code == 200
    assert "Error:" in body(answer)
    assert not WebhookEndpoint.objects.exists()


def test_admin_enters_what_the_provider_signs_with(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    client.post(ADD, {"provider": "mailtrap"})
    made = WebhookEndpoint.objects.get()
    made.secrets = {"tracking_secret": posts.SECRET}
    said = SAYING["mailtrap"](BOUNCED, "ann@example.org")
    assert post(made, said).status_code == 403
    assert "Takes nothing yet" in body(client.get(page_of(made)))
    assert client.post(page_of(made), {"tracking_secret": f" {posts.SECRET} "}).status_code == 302
    assert post(made, said).status_code == 200
    shown = body(client.get(page_of(made)))
    assert posts.SECRET not in shown
    assert "Takes nothing yet" not in shown
    assert client.post(page_of(made), {"tracking_secret": ""}).status_code == 302
    assert post(made, said).status_code == 200


@pytest.mark.parametrize("key", [posts.public, lambda key: "".join(posts.public(key).splitlines()[1:-1])])
@pytest.mark.parametrize(("provider", "name"), [("postal", "webhook_key"), ("sendgrid", "verification_key")])
def test_a_public_key_is_taken_as_pages_show_it(
    provider: str, name: str, key: Any, client: Client, admin: User, project: Project
) -> None:
    client.force_login(admin)
    made = endpoint_of(project, provider)
    text = key(posts.rsa_key() if provider == "postal" else posts.ec_key())
    assert client.post(page_of(made), {name: text}).status_code == 302
    made.refresh_from_db()
    assert post(made, SAYING[provider](BOUNCED, "ann@example.org")).status_code == 200


@pytest.mark.parametrize("text", ["no key", "é" * 20, "AAAA", "a b", "\x07", "🛑", "x" * 5000])
def test_what_cannot_be_a_secret_is_refused_at_its_field(
    text: str, client: Client, admin: User, project: Project
) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "postal")
    answer = client.post(page_of(made), {"webhook_key": text})
    assert answer.status_code == 200
    assert "Error:" in body(answer)
    assert WebhookEndpoint.objects.get().secrets == made.secrets


def test_a_new_address_ends_the_old_one(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "postmark")
    said, number = SAYING["postmark"](BOUNCED, "ann@example.org"), str(uuid.uuid4())
    assert client.post(page_of(made, "rotate/"), {"request_id": number}).status_code == 302
    found = WebhookEndpoint.objects.get()
    assert (found.key == made.key, found.secrets == made.secrets) == (False, False)
    assert (post(made, said).status_code, post(found, said).status_code) == (404, 200)
    client.post(page_of(made, "rotate/"), {"request_id": number})
    assert WebhookEndpoint.objects.get().key == found.key


def test_what_a_provider_signs_with_stays_with_a_new_address(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "mailgun")
    client.post(page_of(made, "rotate/"))
    assert WebhookEndpoint.objects.get().secrets == made.secrets


def test_admin_removes_a_provider(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "postmark")
    assert client.post(page_of(made, "remove/")).status_code == 302
    assert not WebhookEndpoint.objects.exists()
    assert post(made, SAYING["postmark"](BOUNCED, "ann@example.org")).status_code == 404
    assert client.post(page_of(made, "remove/")).status_code == 404


@pytest.mark.parametrize("what", ["", "rotate/", "remove/"])
def test_looking_changes_nothing(what: str, client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "postmark")
    before = list(WebhookEndpoint.objects.values())
    assert (client.get(page_of(made, what)).status_code, client.head(page_of(made, what)).status_code) == (200, 200)
    assert list(WebhookEndpoint.objects.values()) == before


@pytest.mark.parametrize("what", ["", "rotate/", "remove/"])
def test_who_may_not(what: str, client: Client, project: Project, editor: User, viewer: User, stranger: User) -> None:
    made = endpoint_of(project, "postmark")
    for user, status in ((viewer, 403), (editor, 403), (stranger, 404)):
        client.force_login(user)
        for answer in (client.get(page_of(made, what)), client.post(page_of(made, what)), client.get(LIST)):
            assert answer.status_code == status
    assert WebhookEndpoint.objects.get().key == made.key


def test_another_projects_endpoint_is_not_found(client: Client, admin: User, other_project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(other_project, "postmark")
    for what in ("", "rotate/", "remove/"):
        assert client.post(page_of(made, what)).status_code == 404
    assert client.get(f"{LIST}{2**63}/").status_code == 404
    assert WebhookEndpoint.objects.get().key == made.key


def test_the_settings_lead_to_the_webhooks(client: Client, admin: User) -> None:
    client.force_login(admin)
    assert f'href="{LIST}"' in body(client.get(reverse("contacts:settings", args=["newsletter"])))
    assert "No provider sends its events here yet" in body(client.get(LIST))


def test_amazons_question_is_shown_to_the_admin(client: Client, admin: User, project: Project) -> None:
    client.force_login(admin)
    made = endpoint_of(project, "amazon_ses", confirm_at="https://sns.ca-central-1.amazonaws.com/?Token=abc")
    assert 'href="https://sns.ca-central-1.amazonaws.com/?Token=abc"' in body(client.get(page_of(made)))
    assert "Waits for you to confirm it at Amazon" in body(client.get(LIST))


def test_queries_do_not_grow(client: Client, admin: User, project: Project, django_assert_num_queries: Any) -> None:
    client.force_login(admin)
    endpoint_of(project, "postmark")
    client.get(LIST)
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as one:
        client.get(LIST)
    for provider in ("brevo", "mailgun", "postal", "postmark"):
        endpoint_of(project, provider)
    with django_assert_num_queries(len(one)):
        client.get(LIST)
