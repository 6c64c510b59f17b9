"""Each refusal is a page in words, with the status that it means."""

from __future__ import annotations

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from config.urls import urlpatterns as of_production
from contacts.errors import StaleConfirmation
from contacts.models import User

pytestmark = pytest.mark.django_db

RAISED = {
    "denied": PermissionDenied("Only an admin of this project may <do> this."),
    "denied-without-words": PermissionDenied(),
    "missing": Http404("secret reason"),
    "bad": BadRequest("secret reason"),
    "refused": StaleConfirmation(),
    "broken": ValueError("secret reason"),
}


def failing(request: HttpRequest, how: str) -> HttpResponse:
    raise RAISED[how]


urlpatterns = [*of_production, path("raise/<slug:how>/", failing)]


@pytest.fixture
def visitor(editor: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(editor)
    return client


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("how", "status", "words"),
    [
        ("denied", 403, "Only an admin of this project may &lt;do&gt; this."),
        ("denied-without-words", 403, "Your account has no permission for it."),
        ("missing", 404, "Nothing is here"),
        ("bad", 400, "This request cannot be read"),
        ("refused", 400, "Something changed since you looked."),
        ("broken", 500, "Something broke"),
    ],
)
def test_page_in_words(visitor: Client, how: str, status: int, words: str) -> None:
    response = visitor.get(f"/raise/{how}/")
    assert response.status_code == status
    page = response.content.decode()
    assert words in page
    assert "secret reason" not in page
    assert 'href="/"' in page
    assert response.headers["Content-Security-Policy"]


@pytest.mark.urls(__name__)
def test_refusal_names_the_remedy_and_the_way_back(visitor: Client) -> None:
    page = visitor.post("/raise/refused/?page=2").content.decode()
    assert "Check the page again." in page
    assert 'href="/raise/refused/?page=2"' in page


@pytest.mark.parametrize("debug", [False, True])
def test_unknown_address_is_the_same_page_in_development(debug: bool, visitor: Client) -> None:
    with override_settings(DEBUG=debug):
        response = visitor.get("/nothing/here/")
    assert response.status_code == 404
    assert b"Nothing is here" in response.content
    assert b"urlpatterns" not in response.content


def test_address_without_its_last_slash_is_found(visitor: Client) -> None:
    response = visitor.get("/p/newsletter")
    assert response.status_code == 301
    assert response.headers["Location"] == "/p/newsletter/"


def test_form_that_is_too_large(visitor: Client) -> None:
    response = visitor.post("/p/newsletter/contacts/add/", {"note": "x" * (13 * 1024 * 1024)})
    assert response.status_code == 400
    assert b"larger than a form may be" in response.content


def test_healthz_needs_no_log_in(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok\n")
