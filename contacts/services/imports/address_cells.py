"""Whom a row is about: its addresses, and its key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from contacts.addresses import Address, fingerprints_of, is_plain_email, normalise
from contacts.errors import InvalidAddress, InvalidText, RegisterError
from contacts.models.imports import ImportKind
from contacts.services.imports.cells import CHANNELS, Faults, Taken, add_faults, clean_column, longest, value_of
from contacts.vocabulary import Channel


class MissingKey(RegisterError):
    code = "missing_key"


def take_addresses(
    by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults
) -> None:
    for channel in CHANNELS:
        place = taken.place(channel)
        if place is None:
            continue
        shown, keys, found = _addresses_on(channel, by_place[place], taken.country)
        add_faults(faults, found)
        values[channel], values[f"{channel}_key"] = shown, keys
        if taken.fingerprints:
            values[f"{channel}_fingerprint"] = fingerprints_of(channel, keys)


def _addresses_on(channel: str, cells: Sequence[str], country: str) -> tuple[list[str], list[str], Faults]:
    """Addresses as shown and as compared, and what is none, by position."""
    texts = list(map(str.strip, cells))
    if channel == Channel.EMAIL and all(map(is_plain_email, texts)):
        return texts, texts, {}
    shown: list[str] = []
    keys: list[str] = []
    faults: Faults = {}
    for place, text in enumerate(texts):
        if channel == Channel.EMAIL and is_plain_email(text):
            shown.append(text)
            keys.append(text)
            continue
        address = None
        if text:
            try:
                address = _address(channel, value_of(cells[place]), country)
            except InvalidAddress as error:
                faults[place] = error
        shown.append(address.shown if address else "")
        keys.append(address.key if address else "")
    return shown, keys, faults


def _address(channel: str, text: str, country: str) -> Address:
    """The address in a cell. Brevo writes phone numbers with the country code and without the plus."""
    has_no_plus = channel == Channel.SMS and text.isascii() and text.isdigit() and len(text) >= 10
    try:
        return normalise(channel, text, country=country)
    except InvalidAddress as error:
        if has_no_plus:
            return _address(channel, f"+{text}", "")
        error.field = channel
        raise


def take_keys(
    by_place: Sequence[Sequence[str]], taken: Taken, values: dict[str, Sequence[Any]], faults: Faults
) -> None:
    """A key of its own; else the email address, else (of lists of addresses) whatever address there is."""
    place = taken.place("key")
    if place is not None:
        keys, found = clean_column(by_place[place], max_length=254, field="key")
        add_faults(faults, found)
        column = taken.columns[place]
    else:
        keys = list(values["email_key"])
        column = next((taken.columns[found] for found in taken.places("email")), "")
        if longest(keys) > 254:
            found = {
                n: InvalidText(_("The key is too long."), field="key") for n, key in enumerate(keys) if len(key) > 254
            }
            add_faults(faults, found)
    if taken.kind != ImportKind.CONTACTS and place is None:
        for number, key in enumerate(keys):
            if not key:
                keys[number] = values["sms_key"][number] or values["push_key"][number]
    if "" in keys:
        words = _("The cell of the key is empty (column “%(name)s”).") % {"name": column}
        if taken.kind != ImportKind.CONTACTS and place is None:
            words = _("The row has no address.")
        for number, key in enumerate(keys):
            if not key:
                faults.setdefault(number, MissingKey(words))
    values["key"] = keys
