"""Addresses: one normal form for each way of writing the same address, and its fingerprint."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from functools import cached_property

import phonenumbers
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from email_validator import EmailNotValidError, validate_email

from contacts.errors import InvalidAddress, InvalidText
from contacts.text import clean_text
from contacts.vocabulary import Channel

_EMAIL_REMEDY = _("Write it like name@example.org.")
_PHONE_REMEDY = _("Write it with the country code, like +1 418 555 0137.")
_PUSH_REMEDY = _("Enter the identifier of the device, at most 320 characters.")


@dataclass(frozen=True)
class Address:
    """An address on a channel: as it is shown, and as it is compared."""

    channel: str
    shown: str
    key: str

    @cached_property
    def fingerprint(self) -> str:
        """The fingerprint under the current key."""
        return fingerprint(self.channel, self.key)

    @cached_property
    def fingerprints(self) -> list[str]:
        """The fingerprints under every key in the settings, the current one first."""
        return fingerprints(self.channel, self.key)


def normalise(channel: str, text: str, *, country: str = "") -> Address:
    """The address that a text means on a channel.

    Email by email-validator (RFC 5321, 5322, 6531; IDN hosts in Unicode; the whole compared without case),
    phone numbers in E.164 by phonenumbers, ``country`` (ISO 3166) being that of national numbers; a push
    address is compared as it is. Raises InvalidAddress.
    """
    try:
        text = clean_text(text, max_length=320)
    except InvalidText as error:
        raise InvalidAddress(remedy=error.message) from error
    if channel == Channel.EMAIL:
        return _email(text)
    if channel == Channel.SMS:
        return _phone(text, country)
    if not text:
        raise InvalidAddress(remedy=_PUSH_REMEDY)
    return Address(Channel.PUSH, text, text)


def _email(text: str) -> Address:
    try:
        parsed = validate_email(text, check_deliverability=False, strict=False)
    except EmailNotValidError as error:
        raise InvalidAddress(remedy=_EMAIL_REMEDY) from error
    return Address(Channel.EMAIL, parsed.normalized, _without_case(parsed.normalized))


def _without_case(text: str) -> str:
    """Unicode's canonical caseless matching (D145): some letters fold into parts that would not meet otherwise."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())


def _phone(text: str, country: str) -> Address:
    try:
        number = phonenumbers.parse(text, country or None)
    except phonenumbers.NumberParseException as error:
        raise InvalidAddress(remedy=_PHONE_REMEDY) from error
    if not phonenumbers.is_possible_number(number):
        raise InvalidAddress(remedy=_PHONE_REMEDY)
    shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    return Address(Channel.SMS, shown, phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def fingerprint(channel: str, address_key: str) -> str:
    """HMAC-SHA256 of channel and address under the current key, as ``name:base64``."""
    return fingerprints(channel, address_key)[0]


def fingerprints(channel: str, address_key: str) -> list[str]:
    """The same under every key in the settings. Pseudonymous: who has a key can try addresses."""
    message = f"{channel}\x00{address_key}".encode()
    return [_fingerprint(name, secret, message) for name, secret in settings.FINGERPRINT_KEYS.items()]


def key_check_value(name: str) -> str:
    """What tells that the secret of a named key is the one that the register's rows were made under."""
    return hmac.new(settings.FINGERPRINT_KEYS[name].encode(), b"sendable key check", hashlib.sha256).hexdigest()


def _fingerprint(name: str, secret: str, message: bytes) -> str:
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return f"{name}:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
