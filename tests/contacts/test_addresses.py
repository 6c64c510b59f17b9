"""One address, however it is written: one normal form and one fingerprint; what is no address is refused."""

from __future__ import annotations

import pytest
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from contacts.addresses import fingerprint, fingerprints, normalise
from contacts.errors import InvalidAddress


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("ann@example.org", "ANN@EXAMPLE.ORG"),
        ("ann@example.org", "  ann@Example.org "),
        ("zoë@example.org", "zoe\u0308@example.org"),
        ("ann@münchen.example", "ann@xn--mnchen-3ya.example"),
        ("ann@münchen.example", "ANN@MÜNCHEN.example"),
    ],
)
def test_one_mailbox_written_in_two_ways(text: str, other: str) -> None:
    assert normalise("email", text).key == normalise("email", other).key
    assert normalise("email", text).fingerprint == normalise("email", other).fingerprint


@pytest.mark.parametrize("text", ["ann+news@example.org", "a.nn@example.org", "ann@example.com"])
def test_mailboxes_that_may_be_others_stay_others(text: str) -> None:
    assert normalise("email", text).key != normalise("email", "ann@example.org").key


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann@@example.org",
        "ann @example.org",
        "Ann <ann@example.org>",
        "ann@localhost",
        "ann@example.org\x00",
        "ann@exa mple.org",
        "ann@" + "e" * 320,
        "ann@[127.0.0.1]",
    ],
)
def test_what_is_no_email_address(text: str) -> None:
    with pytest.raises(InvalidAddress):
        normalise("email", text)


@pytest.mark.parametrize(
    ("text", "country"),
    [("+1 418 555 0137", ""), ("+14185550137", "FR"), ("(418) 555-0137", "CA"), ("001 418 555 0137", "FR"),
     ("418.555.0137", "US"), ("tel:+1-418-555-0137", "")],
)  # fmt: skip
def test_one_number_written_in_many_ways(text: str, country: str) -> None:
    address = normalise("sms", text, country=country)
    assert (address.key, address.shown) == ("+14185550137", "+1 418-555-0137")


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
