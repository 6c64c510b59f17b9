"""``GET contacts/{id}/links``: what a message that another tool sends has to carry."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.test import Client

from consent.models import Centre, CommunicationType
from consent.services.consents import grant
from consent.tokens import read
from contacts.models import Contact, Project
from contacts.vocabulary import ApiScope
from tests.api.program import NO_SUCH_ID, Program
from tests.factories import CommunicationTypeFactory, ContactFactory, by_the_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", channels=["email"])


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, email="ann@example.org")


def test_links_and_headers_of_a_message(project: Project, ann: Contact, news: CommunicationType) -> None:
    answer = Program(project, [ApiScope.READ]).ask(f"contacts/{ann.pk}/links", communication_type="news")

    assert answer.status_code == 200
    shape = answer.json()
    assert shape["address"] == "ann@example.org"
    token = read(urlsplit(shape["opt_out"]).path.removeprefix("/u/"))
    assert (token.project, token.contact, token.channel) == (project.pk, ann.pk, "email")
    assert token.communication_type == news.pk
    assert urlsplit(shape["consent_centre"]).path.startswith("/c/")
    assert shape["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"<{shape['opt_out']}>" in shape["headers"]["List-Unsubscribe"]
    assert "Feedback-ID" in shape["headers"]


def test_one_click_on_the_link_stops_the_type(project: Project, ann: Contact, news: CommunicationType) -> None:
    Centre.objects.create(project=project)
    grant(ann.as_set(), news, "email", origin=by_the_system())
    program = Program(project)
    link = program.ask(f"contacts/{ann.pk}/links", communication_type="news").json()["opt_out"]

    Client().post(urlsplit(link).path, {"List-Unsubscribe": "One-Click"})

    [consent] = program.ask(f"contacts/{ann.pk}/consents").json()["items"]
    assert consent["state"] == "withdrawn"


def test_links_of_a_text_message_have_no_headers(project: Project) -> None:
    contact = ContactFactory(project=project, sms="+14185550137")
    shape = Program(project).ask(f"contacts/{contact.pk}/links", channel="sms").json()
    assert (shape["headers"], shape["return_path"]) == ({}, "")
    assert shape["opt_out"]


def test_without_an_address_there_are_none(project: Project, ann: Contact) -> None:
    answer = Program(project).ask(f"contacts/{ann.pk}/links", channel="sms")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_address")


def test_an_unknown_type_is_refused(project: Project, ann: Contact) -> None:
    answer = Program(project).ask(f"contacts/{ann.pk}/links", communication_type="nothing")
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown_communication_type")


def test_contacts_of_others_are_not_found(project: Project, other_project: Project) -> None:
    theirs = ContactFactory(project=other_project, email="ann@example.org")
    for number in (theirs.pk, NO_SUCH_ID):
        assert Program(project).ask(f"contacts/{number}/links").status_code == 404


def test_reading_is_asked_for(project: Project, ann: Contact) -> None:
    assert Program(project, [ApiScope.SEND_CHECK]).ask(f"contacts/{ann.pk}/links").status_code == 403
