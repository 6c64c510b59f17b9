"""Putting addresses on the suppression list, of a project or of a whole organization."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from contacts.addresses import normalise
from contacts.models import Block, ChannelStatus, Organization, Project, StatusHistory, User
from contacts.vocabulary import Cause, Reason, Weight
from tests.factories import ContactFactory, ProjectFactory

URL = "/p/newsletter/blocks/add/"
ORGANIZATION_URL = "/o/maison/blocks/add/"


def add(client: Client, user: User, addresses: str, url: str = URL, **fields: str) -> HttpResponse:
    client.force_login(user)
    data = {"channel": "email", "addresses": addresses, "reason": Reason.OTHER, "note": "A lawyer wrote."}
    return client.post(url, {**data, **fields})


def test_editor_adds_many(client: Client, project: Project, editor: User) -> None:
    contact = ContactFactory(project=project, email="One@example.org")
    response = add(client, editor, "one@example.org\r\n\r\n  two@example.org  \nONE@EXAMPLE.ORG")
    assert response.status_code == 302
    assert sorted(Block.objects.values_list("fingerprint", "project", "cause", "is_on")) == sorted(
        (normalise("email", text).fingerprint, project.pk, Cause.LISTED, True)
        for text in ("one@example.org", "two@example.org")
    )
    assert ChannelStatus.objects.get(contact=contact, channel="email").suppressed
    contact.refresh_from_db()
    assert contact.is_active


def test_history_names_who_when_why(client: Client, project: Project, editor: User) -> None:
    add(client, editor, "one@example.org", reason=Reason.WRITTEN_REQUEST, requested_on="2026-01-05", note="A letter")
    entry = StatusHistory.objects.get(block__isnull=False)
    assert (entry.actor_number, entry.actor_label) == (editor.pk, "Edgar Editor")
    assert (entry.project, entry.reason, entry.weight) == (project, Reason.WRITTEN_REQUEST, Weight.REPORTED)
    assert str(entry.requested_on) == "2026-01-05"
    assert entry.detail.note == "A letter"
    assert entry.block is not None and entry.block.cause == Cause.REQUEST


def test_our_own_decision_weighs_nothing(client: Client, project: Project, editor: User) -> None:
    add(client, editor, "one@example.org")
    entry = StatusHistory.objects.get(block__isnull=False)
    assert entry.weight == Weight.OURS


def test_form_changes_nothing(client: Client, project: Project, editor: User) -> None:
    client.force_login(editor)
    for method in (client.get, client.head):
        assert method(URL, {"address": "one@example.org", "channel": "email"}).status_code == 200
    assert not Block.objects.exists()


def test_same_request_twice_adds_one_entry(client: Client, project: Project, editor: User) -> None:
    request_id = str(uuid.uuid4())
    for _again in range(2):
        assert add(client, editor, "one@example.org\ntwo@example.org", request_id=request_id).status_code == 302
    assert StatusHistory.objects.filter(block__isnull=False).count() == 2


def test_viewer_is_refused(client: Client, project: Project, viewer: User) -> None:
    assert add(client, viewer, "one@example.org").status_code == 403
    assert not Block.objects.exists()


def test_stranger_finds_nothing(client: Client, project: Project, stranger: User) -> None:
    assert add(client, stranger, "one@example.org").status_code == 404
    assert not Block.objects.exists()


def test_wrong_lines_are_named_and_nothing_is_done(client: Client, project: Project, editor: User) -> None:
    response = add(client, editor, "one@example.org\nfoo@\n\nbar\x01@example.org\nقلب🙂")
    text = response.content.decode()
    assert response.status_code == 200
    for number in (2, 4, 5):
        assert f"Line {number}, " in text
    assert "Line 1, " not in text
    assert "one@example.org\nfoo@" in text.replace("\r\n", "\n")
    assert "A lawyer wrote." in text
    assert not Block.objects.exists() and not StatusHistory.objects.exists()


def test_many_wrong_lines_are_counted(client: Client, project: Project, editor: User) -> None:
    text = add(client, editor, "\n".join(f"wrong{number}" for number in range(14))).content.decode()
    assert "Line 10, " in text and "Line 11, " not in text
    assert "4 lines more are not addresses either." in text


def test_a_thousand_at_once_and_no_more(client: Client, project: Project, editor: User) -> None:
    lines = [f"n{number}@example.org" for number in range(1_001)]
    assert "at most 1,000 addresses" in add(client, editor, "\n".join(lines)).content.decode()
    assert not Block.objects.exists()
    assert add(client, editor, "\n".join(lines[:1_000])).status_code == 302
    assert Block.objects.on().count() == 1_000


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"addresses": "one@example.org\na\x00@example.org"}, "Line 2, "),
        ({"addresses": "  \n "}, "Enter an address"),
        ({"note": ""}, "Say why"),
        ({"note": "a\x00b"}, "cannot be stored"),
        ({"note": "x" * 2_001}, "too long"),
        ({"reason": ""}, "Say whether"),
        ({"reason": "complaint"}, "Choose one of these reasons"),
        ({"channel": "pigeon"}, "Choose a channel"),
        ({"reason": Reason.VERBAL_REQUEST, "requested_on": "9999-12-31"}, "in the future"),
        ({"requested_on": "yesterday"}, "Enter a date like"),
        ({"request_id": "1"}, "valid UUID"),
    ],
)
def test_bad_input_is_refused_in_words(
    client: Client, project: Project, editor: User, fields: dict[str, str], words: str
) -> None:
    response = add(client, editor, **{"addresses": "one@example.org", **fields})
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not StatusHistory.objects.exists()


def test_request_of_tomorrow_is_refused(client: Client, project: Project, editor: User) -> None:
    tomorrow = timezone.now().astimezone(project.zone).date() + timedelta(days=1)
    fields = {"reason": Reason.VERBAL_REQUEST, "requested_on": tomorrow.isoformat()}
    assert "in the future" in add(client, editor, "one@example.org", **fields).content.decode()


def test_admin_of_the_organization_blocks_in_all_its_projects(
    client: Client, organization: Organization, project: Project, organization_admin: User
) -> None:
    other = ProjectFactory(organization=organization)
    contacts = [ContactFactory(project=place, email="one@example.org") for place in (project, other)]
    elsewhere = ContactFactory(email="one@example.org")
    assert add(client, organization_admin, "one@example.org", ORGANIZATION_URL).status_code == 302
    assert Block.objects.get().project is None
    assert StatusHistory.objects.get(block__isnull=False).project is None
    suppressed = set(ChannelStatus.objects.filter(suppressed=True).values_list("contact", flat=True))
    assert suppressed == {contact.pk for contact in contacts}
    assert elsewhere.pk not in suppressed


def test_project_admin_cannot_block_in_the_whole_organization(
    client: Client, organization: Organization, project: Project, admin: User, stranger: User
) -> None:
    for user in (admin, stranger):
        assert add(client, user, "one@example.org", ORGANIZATION_URL).status_code == 404
    assert not Block.objects.exists()


def test_queries_do_not_grow(client: Client, project: Project, editor: User) -> None:
    client.force_login(editor)
    with CaptureQueriesContext(connection) as few:
        add(client, editor, "one@example.org")
    lines = "\n".join(f"n{number}@example.org" for number in range(40))
    with CaptureQueriesContext(connection) as many:
        add(client, editor, lines)
    assert len(many) == len(few)
