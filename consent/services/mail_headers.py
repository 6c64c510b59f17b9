"""The links and headers that a message to a contact carries, for whatever tool sends it."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.urls import reverse

from consent.incoming.marks import TOKEN_HEADER
from consent.models import CommunicationType
from consent.services.mailing import public_url
from consent.tokens import return_path, token_for
from contacts.models import ChannelStatus
from contacts.vocabulary import Channel

STOP_MAILBOX = "stop"


@dataclass(frozen=True, slots=True)
class MessageLinks:
    """Links for a message's text, and headers for an email (none on other channels).

    ``return_path`` is the envelope sender by which bounces find the contact; empty without the setting REPLY_DOMAIN.
    """

    opt_out: str
    consent_centre: str
    headers: dict[str, str]
    return_path: str


def links_for(row: ChannelStatus, communication_type: CommunicationType | None = None) -> MessageLinks:
    """What a message to a contact at the address of this row has to carry (RFC 2369, RFC 8058).

    The signature of the mail (DKIM) has to cover both List-Unsubscribe headers.
    """
    token = token_for(row, communication_type)
    opt_out = public_url(reverse("consent:opt_out", args=[token]))
    choices = public_url(reverse("consent:choices", args=[token]))
    if row.channel != Channel.EMAIL:
        return MessageLinks(opt_out, choices, {}, "")
    ways = [f"<{opt_out}>"]
    if settings.REPLY_DOMAIN:
        ways.append(f"<mailto:{STOP_MAILBOX}@{settings.REPLY_DOMAIN}?subject={token}>")
    headers = {
        "List-Unsubscribe": ", ".join(ways),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": f"{token}:{row.project_id}:sendable",
        TOKEN_HEADER: token,
    }
    sender = f"{return_path(row)}@{settings.REPLY_DOMAIN}" if settings.REPLY_DOMAIN else ""
    return MessageLinks(opt_out, choices, headers, sender)
