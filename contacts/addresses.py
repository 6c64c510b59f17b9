"""Addresses: one normal form for each way of writing the same address, and its fingerprint."""

from __future__ import annotations

import hashlib
import hmac
import re
import unicodedata
from binascii import b2a_base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import phonenumbers
from django.conf import settings
from django.utils.translation import gettext_lazy as _
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email

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


@dataclass(frozen=True)
class Mark:
    """An address of which nothing is known but its fingerprint: who had it was erased."""

    channel: str
    fingerprint: str
    shown: None = None

    @property
    def fingerprints(self) -> list[str]:
        return [self.fingerprint]


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


# What is its own normal form already: small ASCII letters, digits and a few signs, no domain that the library refuses.
# Labels and parts keep within their lengths because the whole is no longer than 64 characters.
_SPECIAL = "|".join(map(re.escape, SPECIAL_USE_DOMAIN_NAMES))
is_plain_email = re.compile(
    r"(?=.{6,64}\Z)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+(?!(?:" + _SPECIAL + r")\Z)[a-z]{2,}"
).fullmatch


def _email(text: str) -> Address:
    if is_plain_email(text):
        return Address(Channel.EMAIL, text, text)
    small = text.lower() if text.isascii() else ""
    if is_plain_email(small):
        local, _at, domain = text.partition("@")
        return Address(Channel.EMAIL, f"{local}@{domain.lower()}", small)
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
    return next(iter(_makers().values()))(channel, address_key)


def fingerprints(channel: str, address_key: str) -> list[str]:
    """The same under every key in the settings. Pseudonymous: who has a key can try addresses."""
    return [make(channel, address_key) for make in _makers().values()]


def has_fingerprint(mark: str, channel: str, address_key: str) -> bool:
    """Whether a fingerprint, under whichever key of the settings, is that of an address."""
    make = _makers().get(mark.partition(":")[0])
    return make is not None and hmac.compare_digest(make(channel, address_key), mark)


def fingerprints_of(channel: str, address_keys: Iterable[str]) -> list[str]:
    """The fingerprint of each address under the current key; of no address (an empty text) an empty text."""
    make = next(iter(_makers().values()))
    return [make(channel, key) if key else "" for key in address_keys]


def fingerprints_under_all_keys(channel: str, address_keys: Iterable[str]) -> dict[str, str]:
    """The address of each fingerprint that these addresses have under any key of the settings."""
    makers = list(_makers().values())
    return {make(channel, key): key for key in address_keys for make in makers}


def key_check_value(name: str) -> str:
    """What tells that the secret of a named key is the one that the register's rows were made under."""
    return hmac.new(settings.FINGERPRINT_KEYS[name].encode(), b"sendable key check", hashlib.sha256).hexdigest()


def _makers() -> dict[str, Callable[[str, str], str]]:
    return {name: _maker(name, secret) for name, secret in settings.FINGERPRINT_KEYS.items()}


@lru_cache(maxsize=16)
def _maker(name: str, secret: str) -> Callable[[str, str], str]:
    """HMAC (RFC 2104) under one key. Its two half-fed hashes are made once, which halves the work of each address."""
    key = secret.encode()
    padded = (key if len(key) <= 64 else hashlib.sha256(key).digest()).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded))
    outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in padded))
    prefix = f"{name}:"

    def make(channel: str, address_key: str) -> str:
        message = inner.copy()
        message.update(f"{channel}\x00{address_key}".encode())
        digest = outer.copy()
        digest.update(message.digest())
        return prefix + b2a_base64(digest.digest(), newline=False).translate(_URL_SAFE)[:43].decode()

    return make


_URL_SAFE = bytes.maketrans(b"+/", b"-_")
