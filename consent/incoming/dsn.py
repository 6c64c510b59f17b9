"""Delivery reports (RFC 3464), and bounces of servers that write for people alone, as far as they can be read.

Nothing here judges: codes and words are handed on as they came. Nothing here believes either: anybody can write such
a message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.parser import HeaderParser
from email.utils import parsedate_to_datetime
from itertools import islice

from consent.incoming.mime import MOST_BLOCKS, address_in, embedded, header, leaves, text_of

FAILED, DELAYED, DELIVERED = "failed", "delayed", "delivered"
LONGEST_REPLY = 2_000
MOST_RECIPIENTS = 100

_STATUS_PARTS = ("message/delivery-status", "message/global-delivery-status")
_ACTIONS = {FAILED: FAILED, DELAYED: DELAYED, "delivered": DELIVERED, "relayed": DELIVERED, "expanded": DELIVERED}
_BY_CLASS = {"2": DELIVERED, "4": DELAYED, "5": FAILED}
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_IN_WORDS = re.compile(r"(?<![\d.])([45]\.[0-7]\.\d{1,3})(?!\.?\d)")
_REPLY_CODE = re.compile(r"(?<![\d.])([45])\d\d(?![\d.])")
_ADDRESS_LINE = re.compile(r"^[ \t]*<?([^\s<>:;,@\"()]{1,64}@[^\s<>:;,@\"()]{1,255})>?[ \t]*:?(?=[ \t]|$)")
_RETURNED = re.compile(
    r"^--[ -]*(?:below this line is a copy of the message|this is a copy of (?:the|your) message"
    r"|original message|returned message|the header of the original message)[^\n]*$",
    re.IGNORECASE | re.MULTILINE,
)
_QMAIL = re.compile(r"\A\s*hi\. this is the\b.{0,100}\bprogram at\b", re.IGNORECASE)
_SENDERS = ("mailer-daemon", "postmaster", "mail-daemon", "mdaemon")
_FAILURE = re.compile(
    r"undeliver|not deliver|fail|return|delivery|bounce|delay|unzustellbar|non remis|rejected", re.IGNORECASE
)
_DELAY = re.compile(r"\bdelay|\bwarning|\bstill (?:being )?(?:re)?tr", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What became of the message to one recipient. ``final`` is whom the server wrote to, ``original`` whom we did."""

    final: str = ""
    original: str = ""
    action: str = FAILED
    status: str = ""
    diagnostic: str = ""
    attempted_at: datetime | None = None

    @property
    def address(self) -> str:
        return self.original or self.final


@dataclass(frozen=True, slots=True)
class DeliveryReport:
    """A delivery report. Without recipients, all that is known is that a message did not arrive.

    ``original`` is the message that was returned, or its headers alone. ``number`` names the report itself (its
    Message-ID), so that one that comes twice is known again; empty where it has none.
    """

    recipients: tuple[RecipientReport, ...]
    original: Message | None
    number: str = ""
    envelope: str = ""
    reported_at: datetime | None = None

    @property
    def message(self) -> str:
        """What tells the message that was sent from all others, as far as the report says."""
        return (header(self.original, "message-id") if self.original is not None else "") or self.envelope


def read_delivery_report(message: Message) -> DeliveryReport | None:
    """The delivery report that a message is; None for one that is none."""
    parts = list(leaves(message))
    statuses = [part for part in parts if part.get_content_type() in _STATUS_PARTS]
    original = next((inner for part in parts if (inner := embedded(part)) is not None), None)
    if statuses:
        every = (block for part in statuses for block in _blocks(text_of(part)))
        blocks = list(islice(every, MOST_BLOCKS))
        recipients = tuple(found for block in blocks if (found := _recipient(block)) is not None)
        envelope = next((text for block in blocks if (text := header(block, "original-envelope-id"))), "")
        return _report(message, recipients[:MOST_RECIPIENTS], original, envelope)
    return _in_words(message, parts, original)


def status_in(text: str) -> str:
    """The enhanced status code (RFC 3463) that a server's words name, empty where they name none."""
    found = _IN_WORDS.search(text)
    return found.group(1) if found else ""


def _report(
    message: Message, recipients: tuple[RecipientReport, ...], original: Message | None, envelope: str = ""
) -> DeliveryReport:
    number = header(message, "message-id")[:500]
    return DeliveryReport(recipients, original, number, envelope[:500], _moment(header(message, "date")))


def _blocks(text: str) -> Iterator[Message]:
    for block in _BLANK_LINE.split(text):
        if block.strip():
            yield HeaderParser().parsestr(block.strip("\n") + "\n\n")


def _recipient(block: Message) -> RecipientReport | None:
    """One recipient's fields. Those of the whole message, which name nobody, are none."""
    final, original = _typed(header(block, "final-recipient")), _typed(header(block, "original-recipient"))
    action, status = header(block, "action").lower(), _ENHANCED.search(header(block, "status"))
    if not (final or original or (action and status)):
        return None
    diagnostic = header(block, "diagnostic-code")
    kind, _sign, words = diagnostic.partition(";")
    reply = words if words and " " not in kind.strip() else diagnostic
    code = status.group(1) if status else status_in(reply)
    told = next((meant for word, meant in _ACTIONS.items() if action.startswith(word)), "")
    return RecipientReport(
        final=final,
        original=original,
        action=told or _BY_CLASS.get(code[:1], FAILED),
        status=code,
        diagnostic=reply.strip()[:LONGEST_REPLY],
        attempted_at=_moment(header(block, "last-attempt-date")),
    )


def _typed(value: str) -> str:
    """The address of ``rfc822; name@example.org``; empty for what is no email address."""
    kind, sign, text = value.partition(";")
    address = (text if sign else kind).strip()
    if kind.strip().lower() == "utf-8":
        address = re.sub(r"\\x\{([0-9A-Fa-f]{1,5})\}", lambda found: chr(int(found.group(1), 16)), address)
    if "<" in address or "(" in address:
        address = address_in(address)
    return address.strip("<> ")[:320] if "@" in address else ""


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _in_words(message: Message, parts: list[Message], original: Message | None) -> DeliveryReport | None:
    """A bounce that is written for people: each address on a line, and behind or below it what the server said."""
    text = next((text_of(part) for part in parts if part.get_content_type() == "text/plain"), "")[:100_000]
    named = [address.strip(" <>") for address in header(message, "x-failed-recipients").split(",") if "@" in address]
    if not (named or _QMAIL.match(text) or _is_from_a_server(message)):
        return None
    told, returned = text, None
    border = _RETURNED.search(text)
    if border:
        told, returned = text[: border.start()], text[border.end() :].lstrip("\n")
    if original is None and returned:
        original = HeaderParser().parsestr(returned[:50_000])
    subject = header(message, "subject")
    otherwise = DELAYED if _DELAY.search(subject) else FAILED
    found = dict(_paragraphs(told))
    recipients = []
    for address in named or _named_in_words(found, told):
        reply = found.get(address, "")
        code = _REPLY_CODE.search(reply)
        action = DELAYED if otherwise == DELAYED or (code and code.group(1) == "4" and not named) else FAILED
        recipients.append(
            RecipientReport(final=address[:320], action=action, status=status_in(reply), diagnostic=reply)
        )
    return _report(message, tuple(recipients[:MOST_RECIPIENTS]), original)


def _named_in_words(found: dict[str, str], text: str) -> list[str]:
    """Whom a text is about: who stands before what a server answered, or before words as qmail writes them; else who
    alone has a line to themselves."""
    answered = [
        address
        for address, reply in found.items()
        if _REPLY_CODE.search(reply) or status_in(reply) or (reply and f"<{address}>:" in text)
    ]
    if answered:
        return answered
    alone = [address for address, reply in found.items() if not reply]
    return alone if len(alone) == 1 else []


def _is_from_a_server(message: Message) -> bool:
    sender = address_in(header(message, "from")).partition("@")[0].lower()
    return sender in _SENDERS and bool(_FAILURE.search(header(message, "subject")))


def _paragraphs(text: str) -> Iterator[tuple[str, str]]:
    """The addresses that begin a line of a text, each with what stands behind it and in the lines below."""
    for paragraph in _BLANK_LINE.split(text):
        address = ""
        lines: list[str] = []
        for line in paragraph.splitlines():
            start = _ADDRESS_LINE.match(line)
            if start and not (address and line[:1] in " \t" and _REPLY_CODE.search(line)):
                if address:
                    yield address, _reply(lines)
                address, lines = start.group(1), [line[start.end() :]]
            elif address:
                lines.append(line)
        if address:
            yield address, _reply(lines)


def _reply(lines: list[str]) -> str:
    return re.sub(r"\s+", " ", " ".join(lines)).strip()[:LONGEST_REPLY]
