"""Whom a message that came back concerns, by our own token in its headers: the one thing that nobody can forge."""

from __future__ import annotations

from contextlib import suppress
from email.message import Message

from consent.incoming import marks
from consent.services.links import Link, what_stops
from consent.tokens import BadToken, ReturnPath, Token
from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.vocabulary import Aspect, Channel


def link_of_message(message: Message) -> Link | None:
    """What our token in a message's headers leads to; None where there is none, or where they contradict each other."""
    tokens = marks.tokens_of(message)
    return link_of_tokens(tokens) or (None if tokens else link_of_paths(marks.return_paths_of(message)))


def link_of_tokens(tokens: list[Token]) -> Link | None:
    """What tokens lead to that all name the same person at the same address."""
    if len({(token.project, token.contact, token.channel, token.fingerprint) for token in tokens}) != 1:
        return None
    with suppress(BadToken):
        return what_stops(tokens[0])
    return None


def link_of_paths(paths: list[ReturnPath]) -> Link | None:
    """What return addresses lead to that all name the same person. Who was erased is named by none."""
    if len(set(paths)) != 1:
        return None
    token = _token_of(paths[0])
    return link_of_tokens([token]) if token else None


def link_in(message: Message, project: Project) -> Link | None:
    """``link_of_message``, of one project alone: what names another one's contacts names nobody here."""
    link = link_of_message(message)
    return link if link and link.project.pk == project.pk else None


def is_forgotten(project: Project, address: Address) -> bool:
    """Whether somebody who had the address was erased, so that it may not be written down again."""
    left = Block.objects.filter(
        organization=project.organization_id, channel=address.channel, fingerprint__in=address.fingerprints,
        address__isnull=True,
    )  # fmt: skip
    return left.exists()


def _token_of(path: ReturnPath) -> Token | None:
    """The token of the message to which a return address belonged: at today's address, or at one of before."""
    found = Contact.objects.filter(pk=path.contact, project=path.project).values_list("pk", "merged_into_id").first()
    if found is None:
        return None
    person = found[1] or found[0]
    row = ChannelStatus.objects.filter(contact=person, channel=Channel.EMAIL).with_address().first()
    if row is not None and path.is_of(row.address_key):
        return Token(path.project, person, Channel.EMAIL, row.fingerprint)
    put = StatusHistory.objects.filter(contact__in=found, aspect=Aspect.ADDRESS, channel=Channel.EMAIL)
    for text in put.exclude(to_value="").order_by("-pk").values_list("to_value", flat=True):
        with suppress(InvalidAddress):
            address = normalise(Channel.EMAIL, text)
            if path.is_of(address.key):
                return Token(path.project, person, Channel.EMAIL, address.fingerprint)
    return None
