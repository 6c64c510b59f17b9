"""What tests of public links share: somebody with a consent, their link, and all that was ever said."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.test import Client

from consent.models import Centre, CommunicationType, Consent, ConsentHistory
from consent.services.consents import grant
from consent.tokens import token_for
from contacts.eligibility import Question, explain
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import THE_CONTACT, Origin
from contacts.vocabulary import Method, Reason
from tests.factories import CommunicationTypeFactory, ContactFactory

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
FORM = "application/x-www-form-urlencoded"


def open_centre(project: Project, **fields: Any) -> Centre:
    return Centre.objects.create(project=project, **fields)


def subscriber(
    project: Project, topic: CommunicationType | None = None, email: str = "ann@example.org", **fields: Any
) -> Contact:
    """A contact who agreed to a type by email."""
    contact = ContactFactory(project=project, email=email, **fields)
    if topic is not None:
        agree(contact, topic)
    return contact


def agree(contact: Contact, topic: CommunicationType, channel: str = "email") -> None:
    origin = Origin(Method.FORM, THE_CONTACT, Reason.OWN_REQUEST)
    grant(contact.as_set(), topic, channel, origin=origin)


def newsletter(project: Project, **fields: Any) -> CommunicationType:
    return CommunicationTypeFactory(project=project, **{"slug": "news", **fields})


def row_of(contact: Contact, channel: str = "email") -> ChannelStatus:
    return ChannelStatus.objects.get(contact=contact, channel=channel)


def link_of(contact: Contact, topic: CommunicationType | None = None, channel: str = "email") -> str:
    """The path of the opt-out link of a message to the contact."""
    return f"/u/{token_for(row_of(contact, channel), topic)}"


def visitor(**headers: Any) -> Client:
    """Somebody without a cookie, whose requests Django checks as it does in real life."""
    return Client(enforce_csrf_checks=True, **headers)


def post(client: Client, path: str, fields: dict[str, str], *, multipart: bool = False) -> Any:
    if multipart:
        return client.post(path, fields)
    return client.post(path, urlencode(fields), content_type=FORM)


def said() -> int:
    """How much both histories hold."""
    return StatusHistory.objects.count() + ConsentHistory.objects.count()


def said_of(contact: Contact) -> list[tuple[str, str, str]]:
    """What was said of a contact by link: aspect or word, channel, method."""
    by_link = Q(contact=contact, method=Method.OPT_OUT_LINK)
    status = StatusHistory.objects.filter(by_link).values_list("aspect", "channel", "method")
    consents = ConsentHistory.objects.filter(by_link).values_list("word", "channel", "method")
    return sorted([*status, *consents])


def may_get(contact: Contact, topic: CommunicationType | None, channel: str = "email") -> bool:
    verdict = explain(contact, Question(channel, communication_type=topic))
    assert verdict is not None
    return verdict.sendable


def is_withdrawn(contact: Contact, topic: CommunicationType, channel: str = "email") -> bool:
    rows = Consent.objects.filter(contact=contact, communication_type=topic, channel=channel)
    return rows.filter(is_withdrawn=True).exists()


def blocks_on(contact_or_mark: str) -> list[tuple[str, bool, str | None]]:
    rows = Block.objects.filter(fingerprint=contact_or_mark, is_on=True).order_by("kind")
    return [(kind, project is not None, address) for kind, project, address in rows.values_list(
        "kind", "project", "address")]  # fmt: skip
