"""Mail that providers received for us and hand over, as it came. Anybody can have written it; it is not read here."""

from __future__ import annotations

import json
from base64 import b64decode
from binascii import Error
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from email.policy import default as default_policy
from typing import Any

from anymail.exceptions import AnymailError
from anymail.inbound import AnymailInboundMessage
from anymail.webhooks.base import AnymailCoreWebhookView
from django.http import HttpRequest

from consent.incoming.posted_json import at, text_of


class NotUnderstood(Exception):
    """The post is signed, and not what the provider's posts look like."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that a provider received for us, and the recipient that it names."""

    raw: bytes
    recipient: str = ""


def mails_of(view: AnymailCoreWebhookView, request: HttpRequest, provider: str) -> Iterator[Mail]:
    """The mails of a post, as they came. Only what a provider hands over in pieces is put together again."""
    body = request.body  # before anybody reads the form
    try:
        found = list(_RAW[provider](request, body)) if provider in _RAW else []
        if not found:
            found = [_put_together(event.message) for event in view.parse_events(request)]
    except Exception as error:  # anybody can have written what is in it
        raise NotUnderstood(type(error).__name__) from error
    yield from found


def _put_together(message: AnymailInboundMessage) -> Mail:
    raw = message.as_bytes(policy=default_policy.clone(refold_source="none", max_line_length=None))
    return Mail(raw, text_of(message.envelope_recipient))


def _raw_of_amazon(_request: HttpRequest, body: bytes) -> Iterator[Mail]:
    said = json.loads(json.loads(body)["Message"])
    if said.get("notificationType") != "Received" or said["receipt"]["action"]["type"] != "SNS":
        raise AnymailError("Only mail that is in the notification itself can be taken.")
    content = said["content"]
    raw = _unpacked(content) if said["receipt"]["action"].get("encoding") == "BASE64" else _bytes(content)
    people = said["receipt"].get("recipients") or [""]
    yield Mail(raw, ", ".join(map(text_of, people)))


def _raw_of_mailersend(_request: HttpRequest, body: bytes) -> Iterator[Mail]:
    data = json.loads(body)["data"]
    people = at(data, "recipients", "rcptTo") or []
    yield Mail(_bytes(data["raw"]), ", ".join(text_of(at(one, "email")) for one in people))


def _raw_of_mailgun(request: HttpRequest, _body: bytes) -> Iterator[Mail]:
    if "body-mime" in request.POST:
        yield Mail(_bytes(request.POST["body-mime"]), request.POST.get("recipient", ""))


def _raw_of_mandrill(request: HttpRequest, _body: bytes) -> Iterator[Mail]:
    for event in json.loads(request.POST["mandrill_events"]):
        if event.get("event") == "inbound":
            yield Mail(_bytes(event["msg"]["raw_msg"]), text_of(event["msg"].get("email")))


def _raw_of_postal(_request: HttpRequest, body: bytes) -> Iterator[Mail]:
    said = json.loads(body)
    raw = _unpacked(said["message"]) if said.get("base64") is True else _bytes(said["message"])
    yield Mail(raw, text_of(said.get("rcpt_to")))


def _raw_of_postmark(_request: HttpRequest, body: bytes) -> Iterator[Mail]:
    said = json.loads(body)
    if said.get("RawEmail"):
        yield Mail(_bytes(said["RawEmail"]), text_of(said.get("OriginalRecipient")))


def _raw_of_sendgrid(request: HttpRequest, _body: bytes) -> Iterator[Mail]:
    if "email" in request.POST and "headers" not in request.POST:
        envelope: Any = {}
        with suppress(ValueError):
            envelope = json.loads(request.POST.get("envelope", "{}"))
        people = at(envelope, "to") or []
        yield Mail(_bytes(request.POST["email"]), ", ".join(map(text_of, people)))


def _raw_of_sparkpost(_request: HttpRequest, body: bytes) -> Iterator[Mail]:
    for event in json.loads(body):
        relayed = at(event, "msys", "relay_message")
        if relayed:
            content = relayed["content"]
            is_packed = content.get("email_rfc822_is_base64")
            raw = _unpacked(content["email_rfc822"]) if is_packed else _bytes(content["email_rfc822"])
            yield Mail(raw, text_of(relayed.get("rcpt_to")))


_RAW: dict[str, Callable[[HttpRequest, bytes], Iterator[Mail]]] = {
    "amazon_ses": _raw_of_amazon,
    "mailersend": _raw_of_mailersend,
    "mailgun": _raw_of_mailgun,
    "mandrill": _raw_of_mandrill,
    "postal": _raw_of_postal,
    "postmark": _raw_of_postmark,
    "sendgrid": _raw_of_sendgrid,
    "sparkpost": _raw_of_sparkpost,
}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _unpacked(text: str) -> bytes:
    try:
        return b64decode(text)
    except Error as error:
        raise AnymailError from error
