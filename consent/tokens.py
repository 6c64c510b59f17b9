"""The signed tokens of links in messages: who may opt out, of what, at which address.

They never expire, and work under every key of the setting LINK_KEYS: a message may be years old. A token is no log-in.
Whoever has the message has it, so it lets nobody see more than type names and a masked address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from binascii import Error
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.utils.translation import gettext_lazy as _

from consent.models import CommunicationType
from contacts.addresses import fingerprints
from contacts.errors import RegisterError
from contacts.models import ChannelStatus
from contacts.vocabulary import Channel

LONGEST = 600
_RETURN_PATH = struct.Struct(">BIQ8s")
_SEAL = 8


class BadToken(RegisterError):
    """The link was cut, mistyped or made elsewhere."""

    code = "bad_token"
    message = _("This link is not complete.")
    remedy = _("Open it again from the message, or copy all of it.")


@dataclass(frozen=True, slots=True)
class Token:
    """What a message's link names: the contact and the address that it was sent to (by its fingerprint), the channel,
    and where known the communication type and the sending."""

    project: int
    contact: int
    channel: str
    fingerprint: str
    communication_type: int | None = None
    sending: int | None = None


def token_for(status: ChannelStatus, communication_type: CommunicationType | None = None) -> str:
    """The token for a message to a contact at the address that they have on a channel."""
    topic = communication_type.pk if communication_type else None
    return write(Token(status.project_id, status.contact_id, status.channel, status.fingerprint, topic))


def write(token: Token) -> str:
    """Sign a token, for the path of a link: letters, digits and ``-_.`` alone."""
    parts = [
        token.project, token.contact, Channel.values.index(token.channel), token.fingerprint,
        token.communication_type or 0, token.sending or 0,
    ]  # fmt: skip
    return _signer().sign_object(parts)


def read(text: str) -> Token:
    """The token of a link. Raises BadToken for one that was cut, changed or made under a key that is not ours."""
    if len(text) > LONGEST:
        raise BadToken
    try:
        project, contact, channel, fingerprint, topic, sending = _parts(text)
        return Token(project, contact, Channel.values[channel], fingerprint, topic or None, sending or None)
    except (BadSignature, ValueError, IndexError, TypeError) as error:
        raise BadToken from error


def _parts(text: str) -> list[Any]:
    found = _signer().unsign_object(text)
    if not isinstance(found, list) or [type(part) for part in found] != [int, int, int, str, int, int]:
        raise ValueError
    return found


def _signer() -> Signer:
    keys: list[bytes | str] = list(settings.LINK_KEYS)
    return Signer(key=keys[0], fallback_keys=keys[1:], sep=".", salt="sendable.links")


@dataclass(frozen=True, slots=True)
class ReturnPath:
    """Whom a bounce to a return address concerns (VERP): a contact, and the hash of the address written to."""

    project: int
    contact: int
    mark: bytes

    def is_of(self, address_key: str) -> bool:
        """Whether the message went to this email address (in its normal form), under whichever key."""
        return any(self.mark == _mark(text) for text in fingerprints(Channel.EMAIL, address_key))


def return_path(status: ChannelStatus) -> str:
    """The local part of the return address of a message to a contact: at most 64 characters (RFC 5321, 4.5.3.1.1),
    of letters whose case means nothing, since some servers change it."""
    packed = _RETURN_PATH.pack(1, status.project_id, status.contact_id, _mark(status.fingerprint))
    return "b-" + base64.b32encode(packed + _seal(packed, settings.LINK_KEYS[0])).decode().rstrip("=").lower()


def read_return_path(local: str) -> ReturnPath | None:
    """What a local part made by ``return_path`` says; None for one that was not made here."""
    text = local.lower().removeprefix("b-").upper()
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
        packed, seal = raw[:-_SEAL], raw[-_SEAL:]
        version, project, contact, mark = _RETURN_PATH.unpack(packed)
    except (Error, struct.error, ValueError):
        return None
    if version != 1 or not any(hmac.compare_digest(seal, _seal(packed, key)) for key in settings.LINK_KEYS):
        return None
    return ReturnPath(project, contact, mark)


def _mark(fingerprint: str) -> bytes:
    return hashlib.sha256(fingerprint.encode()).digest()[:8]


def _seal(packed: bytes, key: str) -> bytes:
    return hmac.digest(key.encode(), b"sendable.return_path" + packed, "sha256")[:_SEAL]
