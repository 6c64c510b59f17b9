"""Spam reports as receivers send them: feedback reports (RFC 5965), and the shapes that are none.

What a report says is read as it stands and believed by nobody here. An address that was redacted or hashed is left
out, and so is whoever is never a recipient: the sender, those between whom the report travelled, and mailboxes of a
role like postmaster.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime

from consent.incoming.marks import tokens_of
from consent.incoming.mime import Unreadable, decoded, embedded, header, leaves, read_message
from contacts.addresses import normalise
from contacts.errors import InvalidAddress
from contacts.vocabulary import Channel

MOST_RECIPIENTS = 50
ABUSE = "abuse"

_DEEPEST = 3
_MOST_FIELDS = 500
_LONGEST_VALUE = 2_000
_LONGEST_ADDRESS = 320
_MOST_VALUES = 50
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9_-]{0,59})[ \t]*:[ \t]*(.*)")
_HAS_TYPE = re.compile(rb"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
_TYPE = re.compile(r"[a-z][a-z0-9-]{0,39}")
_DELIVERY = "message/delivery-status"
_HEADERS_ALONE = ("text/rfc822-header", "message/rfc822-header")
_LOOKS_LIKE_HEADERS = re.compile(rb"\s*(?:[A-Za-z][A-Za-z0-9-]*[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*){3}")

_RECIPIENT_FIELDS = ("original-rcpt-to", "removal-recipient")
_HOTMAIL = "x-hmxmroriginalrecipient"
_ENVELOPE_HEADERS = ("x-original-rcpt-to", "x-original-to", "x-rcpt-to", "x-envelope-to", "envelope-to", "delivered-to")
_OF_A_LIST = ("list-post", "mailing-list", "x-mailing-list", "x-beenthere", "x-mailman-version")
_TRAVELLED = ("from", "sender", "reply-to", "return-path", "to", "cc", "delivered-to", "x-original-to", "envelope-to")
_SENDER = ("from", "sender", "reply-to", "return-path", "errors-to", "x-sid-pra", "resent-from")

# What a report says of no person.
_KEPT = (
    "user-agent", "version", "source-ip", "reported-domain", "reporting-mta", "arrival-date", "received-date",
    "incidents", "auth-failure", "delivery-result", "identity-alignment", "abuse-type",
)  # fmt: skip

_REDACTED = re.compile(
    r"redacted|(?:\A|[._+-])(?:redact|removed|withheld|suppressed|undisclosed|anonym(?:ous|i[sz]ed)|obfuscated|masked|"
    r"censored|hidden)(?:[._+-].*)?@|\A(?:x{3,}|\*+)@",
    re.IGNORECASE,
)
_HASH = re.compile(
    r"(?i:(?:0x)?(?=[0-9a-f]*\d)(?=[0-9]*[a-f])[0-9a-f]{16,})"
    r"|[A-Za-z0-9+/_-]*=+"
    r"|(?=[^A-Z]*[A-Z])(?=[^a-z]*[a-z])(?=\D*\d)[A-Za-z0-9+/_-]{22,}"
    r"|(?=(?:\D*\d){4})[A-Za-z0-9]{27,}"
)
_ROLES = re.compile(
    r"(?:postmaster|mailer-daemon|abuse|fbl|feedback-?loops?|scomp|jmrp|no-?reply|do-?not-?reply|"
    r"nobody|null|undisclosed-recipients|unknown)(?:[+-].*)?",
    re.IGNORECASE,
)
_IN_BRACKETS = re.compile(r"<\s*([^<>\s]+)\s*>")
_BETWEEN_WORDS = re.compile(r"[\s,;]+|\([^()]*\)")
_BETWEEN = re.compile(r"[\s<>,;:\"'()\[\]]+")

# Who sends reports that are no feedback reports, and what they call them.
_LOOP_MAILBOX = re.compile(
    r"(?:staff@hotmail\.com|(?:abuse|complaints?|arf|fbl|feedback-?loops?|scomp|jmrp|spam(?:-?reports?)?|junk)(?:[+.-][^@]*)?@)",
    re.IGNORECASE,
)
_LOOP_SUBJECT = re.compile(
    r"complaint about message|(?:abuse|spam|complaint|feedback|fbl)[ -]*(?:loop )?(?:report|notification|complaint)|"
    r"reported as (?:spam|junk)|\bfbl\b|client_tos_email|e-?mail feedback",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FeedbackReport:
    """What a report says.

    ``form`` is ``arf``, ``jmrp`` (Outlook's), ``forwarded`` (a message with the reported one attached) or ``original``
    (the reported message itself). ``feedback_type`` is empty where it names none, or several. ``recipients`` are
    addresses that can be read, as they are written there; ``is_redacted`` says that others were made unreadable.
    ``envelope`` holds what it says of the reported message's envelope sender. ``identity`` is the same for a report
    that comes twice. ``arrival`` is when the reported message arrived, ``reported_at`` when the report was made.
    """

    form: str
    feedback_type: str
    recipients: tuple[str, ...] = ()
    original: Message | None = None
    details: dict[str, str] = field(default_factory=dict)
    arrival: datetime | None = None
    reported_at: datetime | None = None
    envelope: tuple[str, ...] = ()
    is_redacted: bool = False
    identity: str = ""


def read_report(message: Message, *, is_report: bool = False) -> FeedbackReport | None:
    """The spam report that a message is; None for one that is none.

    ``is_report`` says that whoever handed it over calls it one: then a message that has another one attached is a
    report about that one, and any other message is the reported one. A delivery report is never one.
    """
    return _read(message, is_report, (), 0)


def _read(message: Message, is_report: bool, carriers: tuple[Message, ...], depth: int) -> FeedbackReport | None:
    parts = list(leaves(message))
    found = _feedback_part(message, parts)
    if found is not None:
        return _of_feedback(message, parts, found, carriers)
    if any(part.get_content_type() == _DELIVERY for part in parts):
        return None
    if message.get(_HOTMAIL):
        return _about(message, "jmrp", message, carriers)
    originals = _originals(parts)
    for original in originals:
        if original.get(_HOTMAIL):
            return _about(message, "jmrp", original, carriers)
        if depth < _DEEPEST:
            inner = _read(original, False, (*carriers, message), depth + 1)
            if inner is not None:
                return inner
    if originals and (is_report or _calls_itself_report(message)):
        return _about(message, "forwarded", _best(originals), carriers)
    if _says_it_is_one(message):
        return _of_feedback(message, parts, None, carriers)
    return _about(message, "original", message, carriers) if is_report else None


def _feedback_part(message: Message, parts: list[Message]) -> Message | None:
    """The part with the report's fields, under whatever type it goes."""
    for part in parts:
        if part.get_content_subtype() in ("feedback-report", "x-feedback-report"):
            return part
    is_other_report = any(part.get_content_type() == _DELIVERY for part in parts)
    if not is_other_report and (message.get_content_type() == "multipart/report" or _says_it_is_one(message)):
        for part in parts:
            is_other = part.get_content_maintype() not in ("text", "application", "message")
            if not is_other and embedded(part) is None and _HAS_TYPE.search(decoded(part)[:5_000]):
                return part
    return None


def _says_it_is_one(message: Message) -> bool:
    return "feedback-report" in header(message, "content-type").lower()


def _calls_itself_report(message: Message) -> bool:
    """Whether a message is one that a feedback loop sends, as far as its sender and subject tell."""
    senders = [address for address in _addresses([header(message, "from")]) if _LOOP_MAILBOX.match(address)]
    return bool(senders) or _LOOP_SUBJECT.search(header(message, "subject")) is not None


def _originals(parts: Iterable[Message]) -> list[Message]:
    return [original for part in parts if (original := _original_in(part)) is not None]


def _original_in(part: Message) -> Message | None:
    """The reported message, or its headers, in a part."""
    if part.get_content_type() in _HEADERS_ALONE:
        return _read_quietly(decoded(part))
    return embedded(part)


def _read_quietly(raw: bytes) -> Message | None:
    try:
        return read_message(raw)
    except Unreadable:
        return None


def _best(originals: list[Message]) -> Message:
    """Of several messages that are reported at once, the one that we can tell whose it is."""
    return next((original for original in originals if tokens_of(original)), originals[0])


def _of_feedback(
    message: Message, parts: list[Message], found: Message | None, carriers: tuple[Message, ...]
) -> FeedbackReport:
    fields = list(_fields(decoded(found))) if found is not None else []
    others = [part for part in parts if part is not found]
    originals = _originals(others) or [
        original
        for part in others
        if part.get_content_maintype() in ("text", "application")
        and _LOOKS_LIKE_HEADERS.match(decoded(part)[:20_000])
        and (original := _read_quietly(decoded(part))) is not None
    ]
    original = _best(originals) if originals else None
    named = [value for name, value in fields if name in _RECIPIENT_FIELDS]
    is_redacted = any(name == "redacted-address" for name, _value in fields)
    return _made(
        message,
        "arf",
        original,
        carriers,
        feedback_type=_type([value for name, value in fields if name == "feedback-type"]),
        named=named,
        may_guess=not is_redacted,
        fields=fields,
    )


def _about(message: Message, form: str, original: Message, carriers: tuple[Message, ...]) -> FeedbackReport:
    may_guess = form == "forwarded"  # of a lone message nobody says that it is the one we sent
    return _made(message, form, original, carriers, feedback_type=ABUSE, named=[], may_guess=may_guess, fields=[])


def _made(
    message: Message,
    form: str,
    original: Message | None,
    carriers: tuple[Message, ...],
    *,
    feedback_type: str,
    named: list[str],
    may_guess: bool,
    fields: list[tuple[str, str]],
) -> FeedbackReport:
    never = set(_addresses(_values(original, _SENDER))) if original is not None else set()
    for carrier in (*carriers, *([message] if message is not original else [])):
        never |= set(_addresses(_values(carrier, _TRAVELLED)))
    envelope = [value for name, value in fields if name in ("original-mail-from", "original-envelope-id")]
    never |= set(_addresses(envelope))
    said = _said(named, original, may_guess)
    recipients = _readable(said, never)
    moments = [moment_of(value) for name, value in fields if name in ("arrival-date", "received-date")]
    return FeedbackReport(
        form=form,
        feedback_type=feedback_type,
        recipients=recipients,
        original=original,
        details=_details(fields),
        arrival=next((moment for moment in moments if moment), None),
        reported_at=moment_of(header(message, "date")) if message is not original else None,
        envelope=tuple(envelope),
        is_redacted=not may_guess or (bool(said) and not recipients),
        identity=_identity(message, original, fields),
    )


def _said(named: list[str], original: Message | None, may_guess: bool) -> list[str]:
    """What names the recipients: the first of the places that say anything at all, readable or not."""
    if named or original is None:
        return named
    hotmail = _values(original, [_HOTMAIL])
    if hotmail or not may_guess:
        return hotmail
    if any(original.get(name) for name in _OF_A_LIST):
        return []
    for name in _ENVELOPE_HEADERS:
        if original.get(name):
            return _alone(_values(original, [name]))
    return _alone(_values(original, ["to", "cc"]))


def _alone(values: list[str]) -> list[str]:
    """The one address in values; nothing where there are several, since nobody knows which of them reported it."""
    found = set(_addresses(values))
    return [found.pop()] if len(found) == 1 else []


def _readable(values: list[str], never: set[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for value in values:
        for text in _written(value):
            if len(found) == MOST_RECIPIENTS or len(text) > _LONGEST_ADDRESS or _is_unreadable(text):
                continue
            try:
                address = normalise(Channel.EMAIL, text)
            except InvalidAddress:
                continue
            if address.key not in never and not _ROLES.fullmatch(address.key.rpartition("@")[0]):
                found.setdefault(address.key, address.shown)
    return tuple(found.values())


def _written(value: str) -> Iterator[str]:
    """The addresses in the value of a field, without brackets, names and the type of an address (RFC 3464)."""
    text = re.sub(r"\A\s*(?:rfc822|smtp|utf-8)\s*;\s*", "", value[:_LONGEST_VALUE], flags=re.IGNORECASE)
    found = _IN_BRACKETS.findall(text) or [word for word in _BETWEEN_WORDS.split(text) if "@" in word]
    yield from (re.sub(r"\Asmtp:", "", address, flags=re.IGNORECASE) for address in found[:MOST_RECIPIENTS])


def _is_unreadable(text: str) -> bool:
    local = text.rpartition("@")[0]
    return not local or _REDACTED.search(text) is not None or _HASH.fullmatch(local) is not None


def _addresses(values: Iterable[str]) -> Iterator[str]:
    """All addresses that stand anywhere in values, in their normal form."""
    for value in values:
        anywhere = (text for text in _BETWEEN.split(value[:_LONGEST_VALUE]) if "@" in text)
        for text in {*anywhere, *_written(value)}:
            with suppress(InvalidAddress):
                yield normalise(Channel.EMAIL, text).key


def _values(message: Message, names: Iterable[str]) -> list[str]:
    wanted = set(names)
    return [_plain(str(value)) for name, value in message.items() if name.lower() in wanted][:_MOST_VALUES]


def _fields(raw: bytes) -> Iterator[tuple[str, str]]:
    """The fields of a report's second part, folded lines joined (RFC 5322, 2.2.3)."""
    text = re.sub(r"\r\n?|\n", "\n", raw.decode("utf-8", errors="replace"))
    text = re.sub(r"\n[ \t]+", " ", text)
    for line in text.split("\n")[:_MOST_FIELDS]:
        found = _FIELD.fullmatch(line.strip())
        if found:
            yield found[1].lower(), _plain(found[2])


def _plain(text: str) -> str:
    text = text[:_LONGEST_VALUE].encode("utf-8", errors="replace").decode("utf-8")
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()


def _type(values: list[str]) -> str:
    """The one type that a report names."""
    found = {re.sub(r"\(.*?\)", "", value).strip(" \t\"';.").lower() for value in values}
    said = found.pop() if len(found) == 1 else ""
    return said if _TYPE.fullmatch(said) else ""


def _details(fields: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value[:200] for name, value in fields if name in _KEPT and "@" not in value and value}


def moment_of(text: str) -> datetime | None:
    """The moment in a date as mail has it (RFC 5322, 3.3); None where it is none, or a made-up one."""
    try:
        moment = parsedate_to_datetime(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.astimezone(UTC) if moment >= _EARLIEST else None
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _identity(message: Message, original: Message | None, fields: list[tuple[str, str]]) -> str:
    """What two copies of a report have in common, by whatever way they came."""
    said = [f"{name}: {value}" for name, value in fields]
    reported = [f"{name.lower()}: {_plain(str(value))}" for name, value in original.items()] if original else []
    letter = [header(message, "message-id"), header(message, "date")] if message is not original else []
    text = "\0".join(["\n".join(lines) for lines in (letter, said, reported)])
    return hashlib.sha256(text.encode("utf-8", errors="replace")).hexdigest()
