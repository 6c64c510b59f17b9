"""The page of one entry: all that it says, and what was true at a moment."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.addresses import normalise
from contacts.models import Contact, Project, StatusHistory, User
from contacts.origin import THE_CONTACT, Actor, Authorization, Origin
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import opt_out
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.vocabulary import ActorKind, AuthorizationSource, Channel, Method, Reason, Says, Weight
from tests.factories import ContactFactory, by_the_system, today


def page(client: Client, project: Project, number: int, **query: str) -> Any:
    return client.get(reverse("contacts:entry", args=[project.slug, number]), query)


def last() -> StatusHistory:
    return StatusHistory.objects.newest_first()[0]


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="HM-1", last_name="Roy", email="roy@example.org")


def by_link(**fields: Any) -> Origin:
    return Origin(Method.OPT_OUT_LINK, THE_CONTACT, **fields)


def test_says_all_that_the_entry_says(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    evidence = {"message": "Spring offers", "ip": "203.0.113.9", "user_agent": "Tiny/1.0", "odd": {"a": ["b", 1]}}
    number = uuid.uuid4()
    deactivate(contact.as_set(), origin=by_link(note="Never again.", evidence=evidence, request_id=number))
    client.force_login(viewer)
    html = page(client, project, last().pk).content.decode()
    for text in ("Roy", "HM-1", "Deactivated", "inactive", "Opt-out link", "the contact", "own act", "Never again.",
                 "Spring offers", "203.0.113.9", "Tiny/1.0", "a: b, 1", str(number)):  # fmt: skip
        assert text in html, text
    assert reverse("contacts:contact", args=[project.slug, contact.pk]) in html


def test_authorization_and_its_source(client: Client, project: Project, admin: User, contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    today = timezone.now().astimezone(project.zone).date()
    actor = Actor(ActorKind.USER, admin.pk, "Ada Admin", Weight.OWN, True)
    activate(
        contact.as_set(),
        origin=Origin(Method.MANUAL, actor, reason=Reason.AUTHORIZED),
        authorization=Authorization(AuthorizationSource.WRITTEN, "Ticket 5521", today),
    )
    client.force_login(admin)
    html = page(client, project, last().pk).content.decode()
    for text in ("Ticket 5521", "Written request", f"{today.day} {today:%B %Y}", "Ada Admin (user)", "Counts from"):
        assert text in html, text
    assert reverse("contacts:undo", args=[project.slug, last().pk]) in html


def test_viewer_is_offered_no_undo(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    deactivate(contact.as_set(), origin=Origin(Method.MANUAL, Actor(ActorKind.USER, viewer.pk, "Vera")))
    client.force_login(viewer)
    assert (
        reverse("contacts:undo", args=[project.slug, last().pk])
        not in page(client, project, last().pk).content.decode()
    )


def test_late_entry_says_why(client: Client, project: Project, admin: User, contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    actor = Actor(ActorKind.USER, admin.pk, "Ada Admin", Weight.OWN, True)
    activate(
        contact.as_set(),
        origin=Origin(Method.MANUAL, actor, reason=Reason.AUTHORIZED),
        authorization=Authorization(AuthorizationSource.WRITTEN, "Letter", today()),
    )
    newer = last().pk
    deactivate(
        contact.as_set(),
        origin=by_the_system(reason=Reason.WRITTEN_REQUEST, occurred_at=timezone.now() - timedelta(days=300)),
    )
    client.force_login(admin)
    html = page(client, project, last().pk).content.decode()
    assert "Late" in html and f"entry {newer}, dated" in html and "is newer." in html


def test_confirmed_and_taken_back(client: Client, project: Project, admin: User, contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.VERBAL_REQUEST))
    actor = Actor(ActorKind.USER, admin.pk, "Ada Admin", Weight.OWN, True)
    deactivate(contact.as_set(), origin=Origin(Method.MANUAL, actor, reason=Reason.WRITTEN_REQUEST))
    slip = last()
    client.force_login(admin)
    assert "Recorded once more; it held already." in page(client, project, slip.pk).content.decode()
    undo(StatusHistory.objects.filter(pk=slip.pk), origin=Origin(Method.MANUAL, actor))
    void = StatusHistory.objects.get(says=Says.VOID)
    assert f"Taken back by entry {void.pk}." in page(client, project, slip.pk).content.decode()
    html = page(client, project, void.pk).content.decode()
    assert reverse("contacts:entry", args=[project.slug, slip.pk]) in html


def test_entry_of_an_erased_contact(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link(note="Secret note", evidence={"ip": "203.0.113.9"}))
    number = last().pk
    erase(contact.as_set(), origin=by_the_system(), requested_by_contact=True)
    client.force_login(viewer)
    html = page(client, project, number).content.decode()
    assert "A contact who was erased" in html and "What was true then?" not in html
    for text in ("Roy", "roy@example.org", "Secret note", "203.0.113.9"):
        assert text not in html, text
    assert page(client, project, number, at="2026-01-01T10:00").status_code == 200


def test_entry_about_an_address(client: Client, project: Project, viewer: User) -> None:
    suppress([normalise(Channel.EMAIL, "x@example.org")], organization=project.organization, recorded_in=project,
             origin=by_the_system())  # fmt: skip
    client.force_login(viewer)
    html = page(client, project, last().pk).content.decode()
    assert "x@example.org" in html and "in the whole organization" in html


def test_what_was_true_then(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    """The contact said no yesterday, and it was learned today."""
    long_ago = timezone.now() - timedelta(days=30)
    Contact.objects.filter(pk=contact.pk).update(created_at=long_ago)
    yesterday = timezone.now() - timedelta(days=1)
    deactivate(contact.as_set(), origin=by_the_system(reason=Reason.WRITTEN_REQUEST, occurred_at=yesterday))
    number = last().pk
    client.force_login(viewer)

    def active(at: datetime, known_at: datetime | None = None) -> bool:
        query = {"at": at.astimezone(project.zone).strftime("%Y-%m-%dT%H:%M")}
        if known_at:
            query["known_at"] = known_at.astimezone(project.zone).strftime("%Y-%m-%dT%H:%M")
        states = page(client, project, number, **query).context["states"]
        return all(outcome.met for row in states.channels for outcome in row.conditions if outcome.key == "active")

    assert not active(timezone.now())
    assert not active(yesterday)
    assert active(yesterday - timedelta(minutes=5))
    assert active(yesterday + timedelta(hours=1), known_at=yesterday + timedelta(hours=2))
    before = page(client, project, number, at=(long_ago - timedelta(days=9)).strftime("%Y-%m-%d"))
    assert "The contact was not in the register at that moment." in before.content.decode()


BAD = ["", "yesterday", "2026-02-30T10:00", "0001-01-01T00:00", "9999-12-31T23:59", "\x00", "2026-13-01", "1" * 500,
       "2026-01-01T10:00+99:00", "٢٠٢٦-٠١-٠١"]  # fmt: skip


@pytest.mark.parametrize("at", BAD)
def test_bad_moments_are_refused_in_words(
    client: Client, project: Project, viewer: User, contact: Contact, at: str
) -> None:
    client.force_login(viewer)
    response = page(client, project, last().pk, at=at)
    assert response.status_code == 200
    assert "Enter a date and a time like" in response.content.decode()
    assert response.context["states"] is None
    known = page(client, project, last().pk, at="2026-01-01T10:00", known_at=at)
    assert known.status_code == 200 and bool(known.context["form"].errors) == bool(at)


def test_the_future_is_refused(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    client.force_login(viewer)
    assert "This is in the future." in page(client, project, last().pk, at="2999-01-01T10:00").content.decode()


@pytest.mark.parametrize("who", ["viewer", "editor", "admin", "organization_admin"])
def test_every_member_may_look(
    client: Client, project: Project, contact: Contact, who: str, request: pytest.FixtureRequest
) -> None:
    client.force_login(request.getfixturevalue(who))
    address = reverse("contacts:entry", args=[project.slug, last().pk])
    assert client.get(address).status_code == 200 and client.head(address).status_code == 200
    assert client.post(address).status_code == 405


def test_others_find_nothing(
    client: Client, project: Project, other_project: Project, viewer: User, stranger: User, contact: Contact
) -> None:
    here = last().pk
    ContactFactory(project=other_project)
    elsewhere = last().pk
    suppress([normalise(Channel.EMAIL, "y@example.org")], organization=project.organization, origin=by_the_system())
    of_the_organization = last().pk
    client.force_login(viewer)
    for number in (elsewhere, of_the_organization, 0, 2**63, 10**30, here + 1_000):
        assert page(client, project, number).status_code == 404
    client.force_login(stranger)
    assert page(client, project, here).status_code == 404


def test_queries_do_not_grow(client: Client, project: Project, viewer: User, contact: Contact) -> None:
    number = last().pk
    client.force_login(viewer)
    counts = []
    for _turn in range(2):
        with CaptureQueriesContext(connection) as queries:
            page(client, project, number, at="2026-01-01T10:00", known_at="2026-01-01T10:00")
        counts.append(len(queries))
        for _time in range(20):
            deactivate(contact.as_set(), origin=by_the_system(reason=Reason.OTHER))
    assert counts[0] == counts[1]
