"""What providers' posts tell of messages, by django-anymail: each event as a notice of one message to one address."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason
from anymail.webhooks.base import AnymailCoreWebhookView
from django.http import HttpRequest

from consent.incoming.handed_mail import NotUnderstood
from consent.incoming.posted_json import at, text_of
from consent.vocabulary import DeliveryKind

MOST_EVENTS = 10_000

_KINDS = {
    EventType.DELIVERED: DeliveryKind.DELIVERED,
    EventType.BOUNCED: DeliveryKind.BOUNCED,
    EventType.REJECTED: DeliveryKind.REJECTED,
    EventType.DEFERRED: DeliveryKind.DEFERRED,
    EventType.COMPLAINED: DeliveryKind.COMPLAINED,
    EventType.UNSUBSCRIBED: DeliveryKind.UNSUBSCRIBED,
    EventType.SUBSCRIBED: DeliveryKind.SUBSCRIBED,
    EventType.AUTORESPONDED: DeliveryKind.AUTORESPONDED,
}
_FAILURES = (DeliveryKind.BOUNCED, DeliveryKind.REJECTED)
# Refused for what was sent, or for what the provider remembers: it says nothing of the address.
_NOT_THE_ADDRESS = (RejectReason.BLOCKED, RejectReason.SPAM, RejectReason.UNSUBSCRIBED)
_ENHANCED = re.compile(r"(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.])")
_OURS = re.compile(r"list-unsubscribe|feedback-id|x-.*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a provider tells of one message to one address.

    ``key`` is the same each time that it tells it. ``address`` is empty where it does not say to whom. ``texts`` are
    what the sender attached to the message, where our own token may stand. ``is_sure`` is false of a complaint that
    may have been any of several people's. ``is_final`` is None where the status has to say it.
    """

    kind: DeliveryKind
    key: str
    address: str = ""
    status: str = ""
    reply: str = ""
    is_final: bool | None = None
    is_senders_fault: bool = False
    occurred_at: datetime | None = None
    message: str = ""
    texts: tuple[str, ...] = ()
    is_sure: bool = True


def notices_of(view: AnymailCoreWebhookView, request: HttpRequest, provider: str) -> Iterator[Notice]:
    """The notices of a post, which is signed. Raises NotUnderstood."""
    for event in _events(view, request):
        kind = _KINDS.get(event.event_type)
        if provider == "postal" and event.event_type == EventType.FAILED:
            kind = DeliveryKind.BOUNCED
        if kind is not None:
            yield _notice(event, kind, provider)


def _events(view: AnymailCoreWebhookView, request: HttpRequest) -> list[AnymailTrackingEvent]:
    try:
        events = list(view.parse_events(request))
    except Exception as error:  # who knows the secret may send anything, and breaks their reading anywhere
        raise NotUnderstood(type(error).__name__) from error
    if len(events) > MOST_EVENTS:
        raise NotUnderstood("too many")
    return [event for event in events if isinstance(event, AnymailTrackingEvent)]


def _notice(event: AnymailTrackingEvent, kind: DeliveryKind, provider: str) -> Notice:
    said = _plain(event.esp_event)
    reply = " ".join(filter(None, (text_of(event.mta_response), text_of(event.description))))
    about = _PARTICULARS.get(provider)
    status, is_unknown = about(said, text_of(event.recipient)) if about else ("", False)
    is_invalid = event.reject_reason == RejectReason.INVALID
    is_known = bool(_ENHANCED.search(status) or _ENHANCED.search(reply))
    others = _others(said, provider)
    moment = event.timestamp if isinstance(event.timestamp, datetime) else None
    return Notice(
        kind=kind,
        key=_key(event, kind, provider),
        address="" if others and provider == "resend" else text_of(event.recipient)[:320],
        status=status,
        reply=reply,
        is_final=True if kind in _FAILURES and (is_unknown or is_invalid) and not is_known else None,
        is_senders_fault=kind in _FAILURES and event.reject_reason in _NOT_THE_ADDRESS,
        occurred_at=moment,
        message=f"{provider}:{text_of(event.message_id)}" if event.message_id else "",
        texts=tuple(_attached(event, said)),
        is_sure=not (kind == DeliveryKind.COMPLAINED and others),
    )


def _key(event: AnymailTrackingEvent, kind: DeliveryKind, provider: str) -> str:
    """The event's own number; of those that have none, all that tells it from others."""
    if event.event_id:
        parts = [event.event_id, event.recipient]
    elif event.message_id or event.timestamp:
        parts = [event.message_id, event.recipient, event.timestamp]
    else:
        parts = [json.dumps(_plain(event.esp_event), sort_keys=True, default=str)]
    digest = hashlib.sha256("\n".join(map(text_of, parts)).encode("utf-8", "replace")).hexdigest()
    return f"{provider}:{kind}:{digest}"


def _others(said: Any, provider: str) -> bool:
    """Whether several people are named of whom the event is about one, and nobody knows which."""
    if provider == "amazon_ses":
        return len(at(said, "complaint", "complainedRecipients") or ()) > 1
    if provider == "resend":
        data = at(said, "data") or {}
        return sum(len(people) for name in ("to", "cc", "bcc") if isinstance(people := data.get(name), list)) > 1
    return False


def _attached(event: AnymailTrackingEvent, said: Any) -> Iterator[str]:
    """What the sender attached to the message: metadata, tags, and headers of ours that the provider repeats."""
    for held in (event.metadata, event.tags):
        values = held.values() if isinstance(held, Mapping) else held if isinstance(held, list | tuple) else ()
        yield from (value[:2_000] for value in list(values)[:50] if isinstance(value, str))
    for headers in (at(said, "mail", "headers"), at(said, "data", "headers")):
        for header in (headers if isinstance(headers, list) else [])[:200]:
            name, value = at(header, "name"), at(header, "value")
            if isinstance(name, str) and isinstance(value, str) and _OURS.fullmatch(name):
                yield value[:4_000]


def _amazon(said: Any, recipient: str) -> tuple[str, bool]:
    people = at(said, "bounce", "bouncedRecipients")
    mine = [one for one in (people if isinstance(people, list) else []) if at(one, "emailAddress") == recipient]
    return text_of(at(mine[0], "status")) if mine else "", at(said, "bounce", "bounceSubType") == "NoEmail"


def _mailgun(said: Any, _recipient: str) -> tuple[str, bool]:
    status = at(said, "event-data", "delivery-status", "enhanced-code") or at(said, "code")
    return text_of(status), False


_PARTICULARS: dict[str, Callable[[Any, str], tuple[str, bool]]] = {
    "amazon_ses": _amazon,
    "mailgun": _mailgun,
    "mailjet": lambda said, _who: ("", at(said, "error") == "user unknown" and bool(at(said, "hard_bounce"))),
    "mailtrap": lambda said, _who: ("", at(said, "bounce_category") == "badmailbox"),
    "mandrill": lambda said, _who: ("", at(said, "msg", "bounce_description") == "bad_mailbox"),
    "resend": lambda said, _who: ("", at(said, "data", "bounce", "subType") == "NoEmail"),
    "sendgrid": lambda said, _who: (text_of(at(said, "status")), False),
    "unisender_go": lambda said, _who: ("", at(said, "delivery_info", "delivery_status") == "err_user_unknown"),
}


def _plain(said: Any) -> Any:
    """An event as its provider wrote it; of SparkPost without the wrapping, of forms the last of each field."""
    if hasattr(said, "dict"):
        return said.dict()
    return said
