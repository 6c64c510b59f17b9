"""Contacts who may be one person: those who share an address, and those of one name with another sign in common."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Aggregate, Count, Func, TextField
from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.access import Access
from contacts.extension_points import Text
from contacts.models import ChannelStatus, Contact
from contacts.selectors.contact_rows import ContactRow, contact_rows
from contacts.selectors.keyset import Page, page_of
from contacts.vocabulary import Channel

ADDRESSES_AT_ONCE = 20
NAMES_AT_ONCE = 300  # each page reads all names, so it looks at many
MOST_OF_A_NAME = 20
MOST_SHOWN = 10

# What tells people of one name apart. A town does not: half of a list may live there.
_SIGNS: tuple[tuple[re.Pattern[str], Text], ...] = (
    (re.compile(r"zip|postal|postcode|post code|codepostal"), gettext_lazy("the same postal code (%(value)s)")),
    (re.compile(r"birth|naissance|\bdob\b|\bborn\b"), gettext_lazy("the same date of birth (%(value)s)")),
    (re.compile(r"phone|mobile|cell|\btel\b"), gettext_lazy("the same telephone number (%(value)s)")),
    (re.compile(r"street|address|adresse|\brue\b"), gettext_lazy("the same street address (%(value)s)")),
)


@dataclass(frozen=True, slots=True)
class Group:
    """Some contacts, and in words why they may be one. ``more`` are left out of ``rows``, which are the oldest."""

    words: str
    rows: list[ContactRow]
    more: int

    @property
    def is_pair(self) -> bool:
        return len(self.rows) == 2


@dataclass(frozen=True, slots=True)
class Groups:
    """A page of groups."""

    groups: list[Group]
    previous: str
    next: str


class _Numbers(Aggregate):
    """The numbers of a group, between commas."""

    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="STRING_AGG((%(expressions)s)::text, ',')", **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, function="GROUP_CONCAT", **context)


class Folded(Func):
    """A text without case and accents, as ``folded`` makes it."""

    arity = 1
    output_field = TextField()

    def as_postgresql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        template = r"BTRIM(LOWER(REGEXP_REPLACE(NORMALIZE(%(expressions)s, NFD), '[\u0300-\u036f]', '', 'g')))"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        connection.ensure_connection()
        connection.connection.create_function("sendable_folded", 1, folded, deterministic=True)
        return self.as_sql(compiler, connection, function="sendable_folded", **context)


def folded(text: str) -> str:
    """“Élodie” and “ELODIE” are one."""
    if text.isascii():
        return text.lower().strip(" ")
    parts = unicodedata.normalize("NFD", text)
    return "".join(part for part in parts if not "\u0300" <= part <= "\u036f").lower().strip(" ")


def with_one_address(access: Access, cursor: str = "") -> Groups:
    """Contacts of the project who share an address on a channel, by channel and address. Raises BadCursor."""
    rows = ChannelStatus.objects.filter(project=access.project).exclude(address_key="")
    shared = rows.values("channel", "address_key").annotate(number=Count("pk"), ids=_Numbers("contact_id"))
    page = page_of(shared.filter(number__gt=1), order=("channel", "address_key"), cursor=cursor, size=ADDRESSES_AT_ONCE)
    found = [(_same_address(row["channel"], row["address_key"]), _ids(row["ids"])) for row in page.rows]
    return _described(found, page, access)


def of_one_name(access: Access, cursor: str = "") -> Groups:
    """Contacts of the project with one full name and another sign in common, by name. Raises BadCursor.

    Case and accents are passed over. A page looks at NAMES_AT_ONCE names that several contacts have, so it may show
    few of them, or none.
    """
    named = Contact.objects.in_project(access.project).exclude(first_name="").exclude(last_name="")
    names = named.values(last=Folded("last_name"), first=Folded("first_name")).annotate(
        number=Count("pk"), ids=_Numbers("pk")
    )
    page = page_of(names.filter(number__gt=1), order=("last", "first"), cursor=cursor, size=NAMES_AT_ONCE)
    of_name = [_ids(row["ids"])[:MOST_OF_A_NAME] for row in page.rows]
    signs = _signs_of([number for ids in of_name for number in ids])
    found = [group for ids in of_name for group in _alike(ids, signs)]
    return _described(found, page, access)


def _ids(text: str) -> list[int]:
    return sorted(map(int, text.split(",")))


def _described(found: Sequence[tuple[str, list[int]]], page: Page, access: Access) -> Groups:
    shown = [ids[:MOST_SHOWN] for _words, ids in found]
    people = Contact.objects.in_bulk([number for ids in shown for number in ids])
    rows = {row.id: row for row in contact_rows(list(people.values()), access)}
    groups = [
        Group(words, [rows[number] for number in some if number in rows], len(ids) - len(some))
        for (words, ids), some in zip(found, shown, strict=True)
    ]
    return Groups([group for group in groups if len(group.rows) > 1], page.previous, page.next)


def _same_address(channel: str, address_key: str) -> str:
    words = {
        Channel.EMAIL: _("The same email address: %(address)s"),
        Channel.SMS: _("The same number: %(address)s"),
        Channel.PUSH: _("The same device: %(address)s"),
    }
    return words[Channel(channel)] % {"address": address_key}


_Sign = tuple[str, str]


def _signs_of(ids: list[int]) -> dict[int, dict[_Sign, str]]:
    """What each contact could have in common with another: the sign as it is compared, and in words."""
    found: dict[int, dict[_Sign, str]] = defaultdict(dict)
    emails = ChannelStatus.objects.filter(contact_id__in_set=ids, channel=Channel.EMAIL).with_address()
    for number, address in emails.values_list("contact_id", "address_key"):
        local = address.rpartition("@")[0]
        found[number]["email", local] = _("the same first part of the email address (%(value)s)") % {"value": local}
    for number, attributes in Contact.objects.filter(pk__in_set=ids).values_list("pk", "attributes"):
        for name, value in attributes.items():
            if not isinstance(value, str | int):
                continue
            for place, (pattern, words) in enumerate(_SIGNS):
                compared = re.sub(r"[\W_]+", "", folded(str(value)))
                if len(compared) > 2 and pattern.search(folded(str(name)).replace("_", " ")):
                    found[number][str(place), compared] = str(words) % {"value": value}
                    break
    return found


def _alike(ids: Iterable[int], signs: dict[int, dict[_Sign, str]]) -> list[tuple[str, list[int]]]:
    """Those of one name who hang together by signs: why, and who, the oldest first."""
    having: dict[_Sign, list[int]] = defaultdict(list)
    words: dict[_Sign, str] = {}
    for number in ids:
        for sign, told in signs.get(number, {}).items():
            having[sign].append(number)
            words.setdefault(sign, told)
    shared = {sign: numbers for sign, numbers in having.items() if len(numbers) > 1}
    groups: list[tuple[set[int], list[str]]] = []
    for sign, numbers in shared.items():
        together, why = set(numbers), [words[sign]]
        apart = []
        for others, others_why in groups:
            if others & together:
                together |= others
                why = [*others_why, *why]
            else:
                apart.append((others, others_why))
        groups = [*apart, (together, why)]
    return [
        (_("The same name, and %(signs)s") % {"signs": get_text_list(why, _("and"))}, sorted(together))
        for together, why in groups
    ]
