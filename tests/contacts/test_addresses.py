"""One address, however it is written: a no must be found again by whoever types it otherwise."""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from random import Random

import pytest
from django.test import override_settings
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.addresses import fingerprint, fingerprints, is_plain_email, normalise
from contacts.errors import InvalidAddress

SAME = [
    ("email", "", ["ann@example.org", "Ann@Example.ORG", " ann@example.org ", "ann@ｅxample。org"]),
    (
        "email",
        "",
        ["zoe@bücher.example", "zoe@bu\u0308cher.example", "ZOE@BÜCHER.EXAMPLE", "zoe@xn--bcher-kva.example"],
    ),
    ("email", "", ["zoë@example.org", "zoe\u0308@example.org", "ZOË@example.org"]),
    ("email", "", ["\u0390@example.org", "\u03aa\u0301@example.org", "\u03b9\u0308\u0301@example.org"]),
    ("sms", "CA", ["+1 418 555 0137", "4185550137", "(418) 555-0137", "1-418-555-0137", "011 1 418 555 0137"]),
    (
        "sms",
        "",
        ["+14185550137", "tel:+1-418-555-0137", "+1 418 555 0137 ext. 5", "＋１４１８５５５０１３７", "+1(418)5550137"],
    ),
    ("sms", "FR", ["+33 6 12 34 56 78", "06 12 34 56 78", "+33 (0)6 12 34 56 78", "0033612345678"]),
    ("push", "", ["d\u00e9vice-1", "de\u0301vice-1", " d\u00e9vice-1 "]),
]
OTHERS = [
    (
        "email",
        "ann@example.org",
        ["ann+news@example.org", "a.nn@example.org", "ann@example.net", "ann@mail.example.org"],
    ),
    ("push", "device-1", ["Device-1", "device-2"]),
]
NONE = [
    "ann@example.org.",
    '"ann"@example.org',
    "Ann <ann@example.org>",
    "mailto:ann@example.org",
    "ann@localhost",
    "ann@[192.0.2.1]",
    "an\u200bn@example.org",
    "ann@example.org\u202e",
    "ann\x00@example.org",
    "a" * 400,
]


@pytest.mark.parametrize(("channel", "country", "texts"), SAME)
def test_ways_of_writing_one_address(channel: str, country: str, texts: list[str]) -> None:
    assert len({normalise(channel, text, country=country).fingerprint for text in texts}) == 1


@pytest.mark.parametrize(("channel", "address", "others"), OTHERS)
def test_other_addresses_stay_others(channel: str, address: str, others: list[str]) -> None:
    assert normalise(channel, address).key not in {normalise(channel, other).key for other in others}


@pytest.mark.parametrize("text", NONE)
def test_what_is_no_email_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise("email", text)


@given(st.text(st.characters(categories=["L", "M", "N"]), min_size=1, max_size=8))
def test_case_and_composition_make_no_other_address(name: str) -> None:
    def key(text: str) -> str | None:
        try:
            return normalise("email", f"{text}@example.org").key
        except InvalidAddress:
            return None

    folded = name.casefold()
    keys = {key(unicodedata.normalize(form, text)) for form in ("NFC", "NFD") for text in (name, folded)}
    assert len(keys - {None}) <= 1


@pytest.mark.parametrize("text", ["", "5550137", "418 555 0137", "+1", "+1 418 555", "+999 123456789", "call me"])
def test_what_is_no_number(text: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise("sms", text)


def test_a_push_address_is_as_it_is() -> None:
    assert normalise("push", "Device-1").key == "Device-1" != normalise("push", "device-1").key
    for text in ("", "x" * 321, "a\x00b"):
        with pytest.raises(InvalidAddress):
            normalise("push", text)


def test_a_shown_address_means_itself() -> None:
    """An erasure reads addresses of before again from how they were shown."""
    for channel, text, country in (
        ("email", "Zoë@München.example", ""),
        ("sms", "418 555 0137", "CA"),
        ("push", "x Y", ""),
    ):
        address = normalise(channel, text, country=country)
        assert normalise(channel, address.shown).key == address.key


def test_channels_do_not_share_fingerprints() -> None:
    assert fingerprint("email", "x") != fingerprint("push", "x")


@override_settings(FINGERPRINT_KEYS={"new": "n" * 32, "old": "o" * 32})
def test_a_fingerprint_names_its_key_and_the_current_one_comes_first() -> None:
    found = fingerprints("email", "ann@example.org")
    assert [mark.partition(":")[0] for mark in found] == ["new", "old"]
    assert fingerprint("email", "ann@example.org") == found[0]
    assert len({mark.partition(":")[2] for mark in found}) == 2
    assert "ann" not in "".join(found)


@given(st.text(max_size=60), st.sampled_from(["email", "sms", "push"]), st.sampled_from(["", "CA", "FR", "XX"]))
def test_any_text_is_an_address_or_refused(text: str, channel: str, country: str) -> None:
    try:
        address = normalise(channel, text, country=country)
    except InvalidAddress:
        return
    assert address.shown and address.key
    assert normalise(channel, address.shown).key == address.key


_LOCAL = st.text("abz09_.+-'é", min_size=0, max_size=66)
_LABEL = st.text("abxnz09-", min_size=0, max_size=64)
_TOP = st.sampled_from(
    ["org", "ca", "x", "test", "local", "localhost", "arpa", "onion", "invalid", "9z", "xn--p1ai", ""]
)
_DOMAIN = st.tuples(st.lists(_LABEL, max_size=3), _TOP).map(lambda parts: ".".join([*parts[0], parts[1]]))


@given(text=st.one_of(st.builds("{}@{}".format, _LOCAL, _DOMAIN), st.emails()))
@settings(max_examples=500)
def test_what_passes_as_plain_is_what_the_library_makes_of_it(text: str) -> None:
    """The short way for plain ASCII addresses and the library agree, whatever the text."""
    if is_plain_email(text):
        parsed = validate_email(text, check_deliverability=False, strict=False)
        assert parsed.normalized == text == text.casefold()


@given(text=st.one_of(st.builds("{}@{}".format, _LOCAL, _DOMAIN), st.emails()), capitals=st.randoms())
@settings(max_examples=300)
def test_capitals_make_of_a_plain_address_what_the_library_makes_of_it(text: str, capitals: Random) -> None:
    written = "".join(letter.upper() if capitals.random() < 0.5 else letter for letter in text)
    try:
        parsed = validate_email(written, check_deliverability=False, strict=False)
    except EmailNotValidError:
        with pytest.raises(InvalidAddress):
            normalise("email", written)
    else:
        address = normalise("email", written)
        assert address.shown == parsed.normalized
        assert address.key == parsed.normalized.casefold() or not written.isascii()


@pytest.mark.parametrize("text", ["jean.roy@courriel.example.org", "a+b@x-y.ca", "n_1@mail.museum"])
def test_common_addresses_pass_as_plain(text: str) -> None:
    assert is_plain_email(text)


@given(secret=st.text(min_size=1, max_size=100), channel=st.sampled_from(["email", "sms"]), key=st.text())
def test_a_fingerprint_is_the_hmac_of_the_standard_library(secret: str, channel: str, key: str) -> None:
    with override_settings(FINGERPRINT_KEYS={"one": secret}):
        digest = hmac.new(secret.encode(), f"{channel}\x00{key}".encode(), hashlib.sha256).digest()
        assert fingerprint(channel, key) == f"one:{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
