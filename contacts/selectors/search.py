"""Finding contacts by what people type: a key, a name, an address, or the beginning of one."""

from __future__ import annotations

import re
from functools import reduce
from operator import or_
from typing import Any

import phonenumbers
from django.db.models import BigIntegerField, Q, QuerySet
from django.db.models.functions import Coalesce

from contacts.addresses import normalise
from contacts.errors import InvalidAddress
from contacts.models import ChannelStatus, Contact, Project
from contacts.models.contact import ChannelStatusQuerySet, ContactQuerySet
from contacts.selectors.prefix import begins_with, begins_with_in_any_case
from contacts.vocabulary import Channel

MOST_WORDS = 6
_TELEPHONE = re.compile(r"\+?[\d\s().\-/]+")


def search(project: Project, text: str) -> ContactQuerySet:
    """The contacts of a project whose key, name or address is, or begins with, ``text``.

    Names in either order ("Roy Gagnon", "Gagnon, Roy") and any case. Each way of reading the text is a look
    into an index of its own; what they find is put together by id. Key and name of who was merged find the one whom
    they were merged into.
    """
    everybody = Contact.objects.ever_in_project(project)
    readings = [everybody.filter(condition) for condition in (_begins("key", text), *_names(text))]
    person = Coalesce("merged_into_id", "pk", output_field=BigIntegerField())
    ids: list[QuerySet[Any, Any]] = [found.order_by().values_list(person) for found in readings]
    ids += [rows.order_by().values_list("contact_id") for rows in _addresses(project, text)]
    return Contact.objects.in_project(project).filter(pk__in=ids[0].union(*ids[1:]))


def _cases(text: str) -> list[str]:
    """SQLite turns only the letters from A to Z, so others are tried small, large and as in names."""
    return [text] if text.isascii() else sorted({text, text.lower(), text.upper(), text.title()})


def _begins(field: str, text: str) -> Q:
    return reduce(or_, (Q(begins_with_in_any_case(field, each)) for each in _cases(text)))


def _names(text: str) -> list[Q]:
    words = text.replace(",", " ").split()[:MOST_WORDS]
    whole = " ".join(words)
    if not whole:
        return []
    found = [_begins("last_name", whole), _begins("first_name", whole)]
    for place in range(1, len(words)):
        before, after = " ".join(words[:place]), " ".join(words[place:])
        found += [
            _begins("last_name", after) & _begins("first_name", before),
            _begins("last_name", before) & _begins("first_name", after),
        ]
    return found


def _addresses(project: Project, text: str) -> list[ChannelStatusQuerySet]:
    rows = ChannelStatus.objects.filter(project=project)
    beginnings = {text, text.casefold(), *_telephone_beginnings(project, text)}
    found = [rows.filter(begins_with("address_key", beginning)) for beginning in sorted(beginnings)]
    exact = _exact_keys(project, text) - beginnings
    if exact:
        found.append(rows.filter(address_key__in=sorted(exact)))
    return found


def _exact_keys(project: Project, text: str) -> set[str]:
    keys = set()
    for channel in (Channel.EMAIL, Channel.SMS):
        try:
            keys.add(normalise(channel, text, country=project.default_country).key)
        except InvalidAddress:
            continue
    return keys


def _telephone_beginnings(project: Project, text: str) -> set[str]:
    """A number that is not complete yet, as E.164 would write it: international, or of the project's country."""
    digits = re.sub(r"\D", "", text)
    if not _TELEPHONE.fullmatch(text) or len(digits) < 3:
        return set()
    if text.startswith("+"):
        return {f"+{digits}"}
    found = {f"+{digits}"}
    code = phonenumbers.country_code_for_region(project.default_country) if project.default_country else 0
    if code:
        found.add(f"+{code}{digits.lstrip('0')}")
    return found
