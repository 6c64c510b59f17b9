"""Whom or what the noes in staged rows are about: a contact, whom the row names or who has the address; else the
address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from contacts.addresses import Address
from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow, Project
from contacts.models.imports import ImportKind, RowOutcome
from contacts.origin import Said
from contacts.services.imports.cells import CHANNELS
from contacts.services.imports.comparing import own_rows
from contacts.services.locks import holders

AT_ONCE = 2_000
_COLUMNS = (
    "line", "outcome", "key", "contact_id", "noes",
    *(f"{channel}{part}" for channel in CHANNELS for part in ("", "_key")),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class No:
    """One no of a row: on a channel, about a contact, or about an address that no contact is found by."""

    line: int
    channel: str
    said: Said
    contact: int | None = None
    address: Address | None = None


def contacts_behind(job: ImportJob, scope: QuerySet[ImportRow]) -> set[int]:
    """All contacts whose rows change when the noes in these rows are recorded: to be locked before, in one go."""
    numbers: set[int | None] = set()
    marks: set[str] = set()
    rows = [
        row
        for some in (scope, rejected_before(job, scope))
        for row in some.filter(noes__isnull=False).values(*_COLUMNS)
    ]
    for row in rows:
        numbers.add(row["contact_id"])
        marks |= {mark for channel in CHANNELS if (address := _address(row, channel)) for mark in address.fingerprints}
    numbers |= set(_persons_with(job.project, {row["key"] for row in rows}).values())
    named = {number for number in numbers if number is not None}
    theirs = ChannelStatus.objects.filter(contact_id__in_set=named).with_address().values_list("fingerprint", flat=True)
    marks |= set(theirs)
    found = set(named)
    for group in in_groups(sorted(marks)):
        found |= set(holders(group))
    return found


def rejected_before(job: ImportJob, scope: QuerySet[ImportRow]) -> QuerySet[ImportRow]:
    """Rows of earlier chunks that were rejected, with an opt-out of somebody whom one of these rows adds."""
    first = scope.order_by("line").values_list("line", flat=True).first() or 0
    rejected = own_rows(job).filter(outcome=RowOutcome.REJECTED, noes__isnull=False, line__lt=first)
    return rejected.filter(key__in=scope.filter(outcome=RowOutcome.CREATED).exclude(key="").values("key"))


def noes_in(job: ImportJob, scope: QuerySet[ImportRow]) -> list[No]:
    """The noes in rows. Those about a contact whom the row names, or who has the address; else about the address."""
    rows = list(scope.filter(noes__isnull=False).order_by("line").values(*_COLUMNS))
    if not rows:
        return []
    persons = _persons_with(job.project, {row["key"] for row in rows if row["contact_id"] is None and row["key"]})
    found = list(_about_addresses(job, rows, persons) if job.kind == ImportKind.SUPPRESSIONS else [])
    if job.kind != ImportKind.SUPPRESSIONS:
        found = list(_about_contacts(job, rows, persons))
    return list(dict.fromkeys(found))


def _about_contacts(job: ImportJob, rows: Sequence[Mapping[str, Any]], persons: Mapping[str, int]) -> Iterator[No]:
    """A contact told by number or key; in lists, and where nobody is, also all who have the address."""
    is_list = job.kind != ImportKind.CONTACTS
    having = _holders_by_mark(job, rows)
    for row in rows:
        person = row["contact_id"] or persons.get(row["key"])
        for no in row["noes"]:
            channel, said = no["channel"], _said(row, no)
            if person is not None:
                yield No(row["line"], channel, said, contact=person)
            address = _address(row, channel)
            if address is None or (person is not None and not is_list):
                continue
            others = {number for mark in address.fingerprints for number in having.get(mark, ())}
            for number in sorted(others - {person}):
                yield No(row["line"], channel, said, contact=number)
            if not others:
                yield No(row["line"], channel, said, address=address)


def _about_addresses(job: ImportJob, rows: Sequence[Mapping[str, Any]], persons: Mapping[str, int]) -> Iterator[No]:
    """The addresses in the row; of a row that has none, those of the contact whom it names."""
    numbers = {persons[row["key"]] for row in rows if row["key"] in persons}
    held: dict[tuple[int, str], Address] = {}
    statuses = ChannelStatus.objects.filter(contact_id__in_set=numbers).with_address()
    for number, channel, shown, key in statuses.values_list("contact_id", "channel", "address", "address_key"):
        held[number, channel] = Address(channel, shown, key)
    for row in rows:
        of_row = {channel: _address(row, channel) for channel in CHANNELS}
        is_empty = not any(of_row.values())
        for no in row["noes"]:
            channel = no["channel"]
            address = held.get((persons.get(row["key"], 0), channel)) if is_empty else of_row[channel]
            if address is not None:
                yield No(row["line"], channel, _said(row, no), address=address)


def _said(row: Mapping[str, Any], no: Mapping[str, str | None]) -> Said:
    return Said(datetime.fromisoformat(no["on"]) if no["on"] else None, row["line"])


def _address(row: Mapping[str, Any], channel: str) -> Address | None:
    key = row[f"{channel}_key"]
    return Address(channel, row[channel], key) if key else None


def _persons_with(project: Project, keys: set[str]) -> dict[str, int]:
    """By key, the contacts of the project, or into whom those were merged."""
    found: dict[str, int] = {}
    for group in in_groups(sorted(keys - {""})):
        rows = Contact.objects.filter(project=project, key__in_texts=group).values_list("key", "pk", "merged_into_id")
        found.update({key: person or number for key, number, person in rows})
    return found


def _holders_by_mark(job: ImportJob, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    marks = {
        mark
        for row in rows
        for channel in CHANNELS
        if (address := _address(row, channel))
        for mark in address.fingerprints
    }
    found: dict[str, list[int]] = defaultdict(list)
    for group in in_groups(sorted(marks)):
        having = ChannelStatus.objects.filter(project=job.project, fingerprint__in_texts=group)
        for mark, number in having.values_list("fingerprint", "contact_id"):
            found[mark].append(number)
    return found


def in_groups(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for first in range(0, len(items), AT_ONCE):
        yield items[first : first + AT_ONCE]
