"""Nobody passes without a log-in, nothing typed is lost when it ran out, and no other site profits from that."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.models import Contact, Project, StatusHistory, User
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db

NOTE = 'They said: "stop" & <b>now</b>\nand called twice 📵'


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, email="reader@example.org")


@pytest.fixture
def browser_like() -> Client:
    """A client that is asked for its CSRF token, as browsers are."""
    return Client(enforce_csrf_checks=True)


def deactivate_url(contact: Contact) -> str:
    return reverse("contacts:deactivate", args=[contact.project.slug, contact.pk])


def hidden_fields(response: HttpResponse) -> dict[str, str]:
    """Names and values of the form that the page sends again."""
    return {
        unescape(name): unescape(value)
        for name, value in re.findall(
            r'<input type="hidden" name="([^"]*)" value="([^"]*)"[^>]*>', response.content.decode()
        )
    }


def entries_of(contact: Contact) -> int:
    return StatusHistory.objects.filter(contact=contact, aspect="active", says="no").count()


def test_page_leads_to_the_log_in_and_back(client: Client, contact: Contact) -> None:
    response = client.get(deactivate_url(contact))
    assert response.status_code == 302
    assert response.headers["Location"] == f"/accounts/login/?next={deactivate_url(contact)}"


def test_form_after_the_log_in_ran_out_comes_back_whole(client: Client, contact: Contact) -> None:
    sent = {"note": NOTE, "reason": "verbal_request", "several": ["a", "b"]}
    response = client.post(deactivate_url(contact), sent)
    assert response.status_code == 401
    assert response.headers["Cache-Control"] == "no-store"
    page = response.content.decode()
    assert "nothing that you typed is lost" in page
    assert f'action="{deactivate_url(contact)}"' in page
    assert 'target="_blank"' in page
    assert hidden_fields(response)["note"] == NOTE
    assert page.count('name="several"') == 2
    assert "<b>now" not in page
    assert entries_of(contact) == 0


def test_whole_way_back(browser_like: Client, contact: Contact, editor: User) -> None:
    """Open the form, lose the session, send, log in in another tab, send again, confirm, done once."""
    client = browser_like
    client.force_login(editor)
    origin = {"origin": "http://testserver"}
    form = hidden_fields(client.get(deactivate_url(contact)))
    fields = {**form, "reason": "verbal_request", "note": NOTE, "requested_on": ""}
    del client.cookies[settings.SESSION_COOKIE_NAME]

    lost = client.post(deactivate_url(contact), fields, headers=origin)
    assert lost.status_code == 401

    client.force_login(editor)
    client.get(reverse("account_login"))
    client.cookies[settings.CSRF_COOKIE_NAME] = "N" * 32  # a log-in makes a new one
    again = client.post(deactivate_url(contact), hidden_fields(lost), headers=origin)
    assert again.status_code == 403
    assert "Send again" in again.content.decode()
    assert hidden_fields(again)["note"] == NOTE
    assert entries_of(contact) == 0

    for _click in range(2):
        done = client.post(deactivate_url(contact), hidden_fields(again), headers=origin)
        assert done.status_code == 302, done.content.decode()
    contact.refresh_from_db()
    assert not contact.is_active
    assert entries_of(contact) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"referer": "https://evil.example/http://testserver/"},
        {"origin": "http://testserver.evil.example"},
        {"origin": "http://[bad"},
        {},
    ],
)
def test_form_of_another_site_is_not_offered_again(
    browser_like: Client, contact: Contact, editor: User, headers: dict[str, str]
) -> None:
    browser_like.force_login(editor)
    response = browser_like.post(deactivate_url(contact), {"note": "forged"}, headers=headers)
    assert response.status_code == 403
    assert b"forged" not in response.content
    assert b"Send again" not in response.content
    assert b"out of date" in response.content


def test_form_of_this_site_by_its_referer(browser_like: Client, contact: Contact, editor: User) -> None:
    browser_like.force_login(editor)
    response = browser_like.post(
        deactivate_url(contact), {"note": NOTE}, headers={"referer": "http://testserver/p/newsletter/"}
    )
    assert response.status_code == 403
    assert hidden_fields(response)["note"] == NOTE


def test_passwords_do_not_come_back(client: Client) -> None:
    response = client.post(reverse("account_change_password"), {"oldpassword": "correct horse"})
    assert response.status_code == 302
    refused = Client(enforce_csrf_checks=True).post(
        reverse("account_login"), {"login": "a@example.org", "password": "correct horse"},
        headers={"origin": "http://testserver"},
    )  # fmt: skip
    assert refused.status_code == 403
    assert b"correct horse" not in refused.content


def test_file_cannot_be_kept_and_that_is_said(client: Client, project: Project) -> None:
    file = SimpleUploadedFile("members <2026>.csv", b"email\n")
    response = client.post(reverse("contacts:imports", args=[project.slug]), {"file": file, "key": "email"})
    assert response.status_code == 401
    page = response.content.decode()
    assert "Files cannot be kept." in page
    assert "members &lt;2026&gt;.csv" in page
    assert hidden_fields(response)["key"] == "email"


def test_part_of_a_page_sends_the_whole_page_to_the_log_in(client: Client, project: Project) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/p/newsletter/contacts/?status=active"}
    response = client.get(reverse("contacts:contact_list", args=[project.slug]), headers=headers)
    assert response.status_code == 401
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=/p/newsletter/contacts/%3Fstatus%3Dactive"


def test_time_zone_of_a_project_ends_with_its_request(client: Client, project: Project, editor: User) -> None:
    client.force_login(editor)
    client.get(reverse("contacts:overview", args=[project.slug]))
    client.get("/healthz")
    assert timezone.get_current_timezone_name() == "UTC"


@pytest.mark.parametrize(
    "path",
    ["/", "/accounts/2fa/", "/accounts/password/change/", "/p/nowhere/?q=reader@example.org", "/p/newsletter/members/"],
)
def test_no_answer_is_kept(client: Client, project: Project, viewer: User, path: str) -> None:
    """Pages, refusals and redirects alike: they may hold names, codes, or what was searched."""
    assert "no-store" in client.get(path).headers["Cache-Control"]
    client.force_login(viewer)
    assert "no-store" in client.get(path).headers["Cache-Control"]
    assert "no-store" in client.post(path).headers["Cache-Control"]


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "utf-99", "idna", "rot13"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_form_that_claims_another_encoding(browser_like: Client, editor: User, charset: str, kind: str) -> None:
    browser_like.force_login(editor)
    claims = f"{kind}; charset={charset}"
    response = browser_like.generic("POST", "/p/newsletter/contacts/add/", b"key=K-1", content_type=claims)
    assert response.status_code == 403
    assert not Contact.objects.exists()
