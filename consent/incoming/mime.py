"""Mail as it comes, whoever wrote it: bytes in, a message whose size, depth and number of parts are bounded.

Nothing here fails on any bytes but with Unreadable. Line ends may be of any kind, and a mailbox's "From " line or a
byte order mark may stand before the headers.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from contextlib import suppress
from email.errors import HeaderParseError, MessageError
from email.generator import BytesGenerator
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser
from email.policy import Policy, compat32
from email.utils import getaddresses
from io import BytesIO

from django.utils.translation import gettext_lazy as _

from contacts.errors import RegisterError

LARGEST = 10 * 1024 * 1024
MOST_LINES = 400_000
MOST_PARTS = 100
DEEPEST = 10
LONGEST_HEADERS = 256 * 1024
MOST_HEADERS = 2_000
MOST_BLOCKS = 2_000
LONGEST_TEXT = 1_000_000
LONGEST_VALUE = 20_000
LONGEST_PARAMETERS = 2_000

_MESSAGES = ("message/rfc822", "message/global")
_HEADERS = ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers")
_WITH_PARAMETERS = ("content-type", "content-disposition")
_RETURNS = re.compile(rb"\r+(\n)?")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")
_LIKE_AN_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:\"])[^\s<>()\[\],;:\"@]{1,64}@[^\s<>()\[\],;:\"@]{1,255}")
_BEFORE_HEADERS = re.compile(rb"\A(?:\xef\xbb\xbf|\s)+")
_MAILBOX_LINE = re.compile(rb"\A>?From [^\n]*\n\s*")
_IS_QUOTED_PRINTABLE = re.compile(rb"=(?:3D|\n)", re.IGNORECASE)
# Decoding these takes time that grows with the square of the text, or gives something else than text.
_NO_CHARSETS = {"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape", "unicode_escape"}


class Unreadable(RegisterError):
    """This is no mail that can be read. The message says why, for the operator who looks at what was kept aside."""

    code = "unreadable_message"
    message = _("This is not a mail message.")


class _Bounded(Message):
    """A message that refuses to grow deeper, or longer in its headers, while it is read."""

    depth = 0
    length = 0

    def set_raw(self, name: str, value: str) -> None:
        self.length += len(name) + len(value)
        if self.length > LONGEST_HEADERS:
            raise Unreadable(_("Its headers are too long."))
        if name.lower() in _WITH_PARAMETERS:  # reading these takes time that grows with the square of their length
            value = value[:LONGEST_PARAMETERS]
        super().set_raw(name, value)

    def attach(self, payload: Message) -> None:  # type: ignore[override]
        if isinstance(payload, _Bounded):
            payload.depth = self.depth + 1
            if payload.depth > DEEPEST:
                raise Unreadable(_("Its parts lie in one another more than ten deep."))
        super().attach(payload)


class _Maker:
    """Makes the messages of one reading, so many and no more: parts, and the blocks of a delivery report."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, policy: Policy = compat32) -> _Bounded:
        self.made += 1
        if self.made > MOST_BLOCKS:
            raise Unreadable(_("It has too many parts."))
        return _Bounded(policy)


def read_message(raw: bytes) -> Message:
    """The message that these bytes are. Raises Unreadable."""
    if len(raw) > LARGEST:
        raise Unreadable(_("It is larger than 10 MB."))
    text = _in_lines(raw)
    if text.count(b"\n") > MOST_LINES:
        raise Unreadable(_("It has too many lines."))
    end = text.find(b"\n\n")
    if (end if end >= 0 else len(text)) > LONGEST_HEADERS:
        raise Unreadable(_("Its headers are too long."))
    try:
        message = BytesParser(_Maker(), policy=compat32).parsebytes(text)
    except (MessageError, ValueError, LookupError, RecursionError, TypeError, AttributeError) as error:
        raise Unreadable from error
    if not message.keys():
        raise Unreadable(_("It has no headers."))
    _check(message)
    return message


def _in_lines(raw: bytes) -> bytes:
    """With one kind of line ends, and without what stands before the headers or in no text."""
    text = raw.replace(b"\0", b"")
    text = _RETURNS.sub(lambda found: b"\n" if found[1] else b"\n" * len(found[0]), text)
    text = _BEFORE_HEADERS.sub(b"", text[:1000]) + text[1000:]
    return _MAILBOX_LINE.sub(b"", text[:1000]) + text[1000:]


def _check(message: Message) -> None:
    parts = 0
    for part in message.walk():
        values = part._headers  # type: ignore[attr-defined]
        if len(values) > MOST_HEADERS or sum(len(name) + len(value) for name, value in values) > LONGEST_HEADERS:
            raise Unreadable(_("Its headers are too long."))
        is_list = part.get_content_type() == "message/delivery-status"
        # One block for each recipient: headers alone, which are no part of a message.
        parts += 1 - (len(_inner(part)) if is_list else 0)
        if parts > MOST_PARTS:
            raise Unreadable(_("It has more than 100 parts."))


def leaves(message: Message) -> Iterator[Message]:
    """The parts that hold something, in their order, the message itself if it has no parts.

    A message within the message (``embedded``), a delivery report or a feedback report is one leaf, whatever it holds.
    """
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for part in _inner(message):
            yield from leaves(part)
    else:
        yield message


def decoded(part: Message) -> bytes:
    """What a leaf holds, its transfer encoding undone as far as it can be. Never larger than the message was."""
    return _undone(_content(part), _encoding(part))


def text_of(part: Message) -> str:
    """What a leaf holds as text (of HTML the source), cut after a million bytes; what is no character is replaced."""
    raw = decoded(part)[:LONGEST_TEXT]
    try:
        charset = codecs.lookup(part.get_content_charset("utf-8") or "utf-8").name
        text = raw.decode("utf-8" if charset in _NO_CHARSETS else charset, errors="replace")
    except (LookupError, ValueError, TypeError):
        text = raw.decode("utf-8", errors="replace")
    return _clean(text)


def embedded(part: Message) -> Message | None:
    """The message, or its headers alone, that a leaf holds; None where it holds none that can be read."""
    kind = part.get_content_type()
    is_file = kind == "application/octet-stream" and header(part, "content-disposition").lower().find(".eml") >= 0
    if kind not in _MESSAGES and kind not in _HEADERS and not is_file:
        return None
    inner = next(iter(_inner(part)), None)
    is_quoted = _encoding(part) == "quoted-printable" and _IS_QUOTED_PRINTABLE.search(_content(part))
    if inner is not None and inner.keys() and not is_quoted:
        return inner
    try:
        return read_message(decoded(part))
    except Unreadable:
        return None


def header(message: Message, name: str) -> str:
    """The words of a header, decoded (RFC 2047, RFC 6532), on one line; nothing where there is none."""
    return _words(next((str(value) for key, value in message.raw_items() if key.lower() == name.lower()), ""))


def headers(message: Message) -> Iterator[str]:
    """The words of every header, in the same way."""
    yield from (_words(str(value)) for _name, value in message.raw_items())


def _words(raw: str) -> str:
    text = raw[:LONGEST_VALUE].encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    with suppress(HeaderParseError, LookupError, ValueError):
        text = str(make_header(decode_header(text)))
    return _clean(re.sub(r"\s+", " ", text)).strip()


def addresses_in(value: str) -> list[str]:
    """The addresses that the value of a header names. Where comments lie in one another too deep, or quotes are never
    closed, what looks like addresses."""
    try:
        return [address for _name, address in getaddresses([value]) if address]
    except (ValueError, IndexError, TypeError, RecursionError):
        return like_addresses_in(value)


def like_addresses_in(value: str) -> list[str]:
    """Whatever looks like an address in the value of a header, in names and comments as well."""
    return _LIKE_AN_ADDRESS.findall(value)


def address_in(value: str) -> str:
    """The first of them, empty where there is none."""
    return next(iter(addresses_in(value)), "")


def _content(part: Message) -> bytes:
    """What stands between the headers of a part and its end, as it came."""
    payload = part._payload  # type: ignore[attr-defined]  # get_payload() would decode it by whatever it names
    if isinstance(payload, list):
        return b"".join(map(_as_bytes, _inner(part)))
    return str(payload or "").encode("utf-8", errors="surrogateescape")


def _inner(part: Message) -> list[Message]:
    """The messages of which a part was read to consist."""
    return [inner for inner in part.get_payload() if isinstance(inner, Message)] if part.is_multipart() else []


def _as_bytes(message: Message) -> bytes:
    into = BytesIO()
    with suppress(MessageError, ValueError, LookupError, TypeError, AttributeError):
        BytesGenerator(into, mangle_from_=False, maxheaderlen=0, policy=compat32).flatten(message)
    written = into.getvalue()
    return written if message.keys() else written.removeprefix(b"\n")


def _encoding(part: Message) -> str:
    return header(part, "content-transfer-encoding").partition(";")[0].strip().lower()


def _undone(raw: bytes, encoding: str) -> bytes:
    if encoding == "base64":
        digits = _NOT_BASE64.sub(b"", raw)
        digits = digits[: len(digits) - (len(digits) % 4 == 1)]
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    return binascii.a2b_qp(raw) if encoding == "quoted-printable" else raw


def _clean(text: str) -> str:
    """Without NUL and lone surrogates, which no database takes."""
    return text.replace("\0", "").encode("utf-8", errors="replace").decode("utf-8")
