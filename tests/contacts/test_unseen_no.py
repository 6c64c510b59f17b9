"""A no that comes between the look and the click is not lifted: the authorization does not speak of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from contacts.addresses import normalise
from contacts.errors import StaleConfirmation
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory, User
from contacts.services import blocks, opt_outs, status
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Cause
from tests.contacts.bulk import choose, confirm
from tests.factories import ContactFactory, by_the_system
from tests.origins import ADMIN, asked, authorized, by, by_link

pytestmark = pytest.mark.django_db

CHANGED = "Something changed since you looked."


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="K-1", email="ann@example.org")


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def shown_on(client: Client, url: str) -> str:
    found = re.search(r'name="shown" value="([0-9a-f]+)"', client.get(url).content.decode())
    assert found
    return found[1]


def authorization(contact: Contact, **fields: Any) -> dict[str, Any]:
    today = timezone.now().astimezone(contact.project.zone).date().isoformat()
    return {"source": "written", "reference": "Ticket 5521", "obtained_on": today, "note": "They wrote.", **fields}


def suppressed(contact: Contact) -> None:
    blocks.suppress(
        [normalise("email", "ann@example.org")],
        organization=contact.organization,
        project=contact.project,
        cause=Cause.REQUEST,
        origin=asked(),
    )


Step = Callable[[Contact], Any]
PAGES: dict[str, tuple[str, Step, Step]] = {
    "activate": (
        "contacts:activate",
        lambda contact: deactivate(contact.as_set(), origin=asked()),
        lambda contact: deactivate(contact.as_set(), origin=by_link()),
    ),
    "activate, opted out meanwhile": (
        "contacts:activate",
        lambda contact: deactivate(contact.as_set(), origin=asked()),
        lambda contact: opt_out(contact.as_set(), "email", origin=by_link()),
    ),
    "activate, one of an earlier day learned meanwhile": (
        "contacts:activate",
        lambda contact: deactivate(contact.as_set(), origin=by_link()),
        lambda contact: deactivate(contact.as_set(), origin=by_link(occurred_at=timezone.now() - timedelta(days=1))),
    ),
    "lift an opt-out": (
        "contacts:lift_opt_out",
        lambda contact: opt_out(contact.as_set(), "email", origin=asked()),
        lambda contact: opt_out(contact.as_set(), "email", origin=by_link()),
    ),
    "lift a block": ("contacts:block_lift", suppressed, suppressed),
}


def url_of(name: str, contact: Contact) -> tuple[str, dict[str, Any]]:
    if name == "contacts:block_lift":
        number = Block.objects.get().pk
        return f"{reverse(name, args=[contact.project.slug])}?block={number}", {"block": number}
    more = ["email"] if name == "contacts:lift_opt_out" else []
    return reverse(name, args=[contact.project.slug, contact.pk, *more]), {}


@pytest.mark.parametrize("page", PAGES)
def test_it_is_shown_first_and_then_may_be_lifted(as_admin: Client, contact: Contact, page: str) -> None:
    name, before, meanwhile = PAGES[page]
    before(contact)
    url, fields = url_of(name, contact)
    seen = shown_on(as_admin, url)
    meanwhile(contact)
    entries = StatusHistory.objects.count()
    response = as_admin.post(url, {**authorization(contact), **fields, "shown": seen})
    html = response.content.decode()
    assert (response.status_code, CHANGED in html) == (200, True)
    assert StatusHistory.objects.count() == entries
    again = re.search(r'name="shown" value="([0-9a-f]+)"', html)
    assert again
    assert again[1] != seen
    assert "Ticket 5521" in html
    response = as_admin.post(url, {**authorization(contact), **fields, "shown": again[1]})
    assert response.status_code == 302
    assert StatusHistory.objects.count() == entries + 1


@pytest.mark.parametrize("page", PAGES)
def test_nothing_meanwhile_needs_one_click(as_admin: Client, contact: Contact, page: str) -> None:
    name, before, _meanwhile = PAGES[page]
    before(contact)
    url, fields = url_of(name, contact)
    sent = {
        **authorization(contact),
        **fields,
        "shown": shown_on(as_admin, url),
        "request_id": by_the_system().request_id,
    }
    assert as_admin.post(url, sent).status_code == 302
    entries = StatusHistory.objects.count()
    as_admin.post(url, sent)
    assert StatusHistory.objects.count() == entries


def test_many_at_once(as_admin: Client, project: Project, contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    chosen = choose(as_admin, project, "activate", [contact])
    deactivate(contact.as_set(), origin=by_link())
    response = confirm(as_admin, project, "activate", chosen, **authorization(contact))
    assert CHANGED in response.content.decode()
    assert not Contact.objects.get().is_active


def test_services_look_under_their_locks(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    opt_out(contact.as_set(), "email", origin=asked())
    suppressed(contact)
    block = Block.objects.filter(kind="suppression")
    word = {"origin": by(ADMIN, "authorized"), "authorization": authorized()}
    with pytest.raises(StaleConfirmation):
        status.activate(contact.as_set(), shown="another", **word)
    with pytest.raises(StaleConfirmation):
        opt_outs.lift_opt_out(contact.as_set(), "email", shown="another", **word)
    with pytest.raises(StaleConfirmation):
        blocks.lift(block, shown="another", **word)
    assert not Contact.objects.get().is_active
    assert ChannelStatus.objects.get().opted_out
    assert block.get().is_on
