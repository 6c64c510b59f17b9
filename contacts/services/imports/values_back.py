"""Where the values that an import wrote go back to what they were, and where somebody has changed them since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from contacts.addresses import Address, normalise
from contacts.errors import InvalidAddress
from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow, StatusHistory
from contacts.services.imports.comparing import DETAILS, details_in
from contacts.vocabulary import Aspect, Reason

_NOTHING = object()


@dataclass(frozen=True, slots=True)
class Overlap:
    """A value that somebody changed after the import: it stays as it is.

    ``name`` is a detail, a channel, or ``merged``; ``attribute`` which attribute. Who and when are told where the
    history knows: of addresses and merges, with the entry's number.
    """

    contact: int
    line: int
    name: str
    attribute: str = ""
    by: str = ""
    at: datetime | None = None
    entry: int | None = None


@dataclass(slots=True)
class Back:
    """What goes back of one contact: details by name, and addresses (empty ones are removed)."""

    contact: Contact
    line: int
    details: dict[str, Any] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    overlaps: list[Overlap] = field(default_factory=list)


def back_of(job: ImportJob, rows: QuerySet[ImportRow]) -> list[Back]:
    """What goes back of the contacts behind these rows. For changing it, the caller holds their locks."""
    staged = list(rows.filter(before__isnull=False, contact__isnull=False).order_by("line"))
    numbers = [row.contact_id for row in staged if row.contact_id is not None]
    contacts = Contact.objects.in_bulk(numbers)
    names = details_in(job.mapping["targets"])
    addresses = _Addresses(job, numbers)
    found = []
    for row in staged:
        contact = contacts.get(row.contact_id or 0)
        if contact is None:
            continue
        back = Back(contact, row.line)
        if contact.merged_into_id:
            back.overlaps.append(addresses.merge_of(contact, row.line))
        else:
            _details(row, back, names)
            addresses.tell(back)
        found.append(back)
    return found


def _details(row: ImportRow, back: Back, names: Iterable[str]) -> None:
    before: Mapping[str, Any] = row.before or {}
    for name in DETAILS:
        if name not in names:
            continue
        if name == "attributes":
            _attributes(row, back, before.get("attributes") or {})
            continue
        was, said, now = before.get(name, ""), getattr(row, name), getattr(back.contact, name)
        written = was if not said or (name == "notes" and was) else said
        if written == was or now == was:
            continue
        if now == written:
            back.details[name] = was
        else:
            back.overlaps.append(Overlap(back.contact.pk, row.line, name))


def _attributes(row: ImportRow, back: Back, before: Mapping[str, Any]) -> None:
    now = dict(back.contact.attributes)
    for name, said in row.attributes.items():
        was, held = before.get(name, _NOTHING), now.get(name, _NOTHING)
        if said == was or held == was:
            continue
        if held != said:
            back.overlaps.append(Overlap(back.contact.pk, row.line, "attributes", name))
        elif was is _NOTHING:
            del now[name]
        else:
            now[name] = was
    if now != back.contact.attributes:
        back.details["attributes"] = now


class _Addresses:
    """The addresses that an import put for contacts who were there, with what came before and after."""

    def __init__(self, job: ImportJob, numbers: Sequence[int]) -> None:
        self.country = job.project.default_country
        mine = StatusHistory.objects.filter(
            request_id=job.request_id, aspect=Aspect.ADDRESS, contact_id__in_set=numbers
        )
        self.put: dict[int, list[StatusHistory]] = defaultdict(list)
        for entry in mine.exclude(reason=Reason.CREATED).order_by("pk"):
            self.put[entry.contact_id or 0].append(entry)
        moved = list(self.put)
        held = ChannelStatus.objects.filter(contact_id__in_set=moved)
        self.held = {(row.contact_id, row.channel): row.address for row in held}
        self.said: dict[tuple[int, str], list[StatusHistory]] = defaultdict(list)
        values = StatusHistory.objects.filter(contact_id__in_set=moved, aspect__in=[Aspect.ADDRESS, Aspect.VALIDITY])
        for entry in values.order_by("recorded_at", "pk"):
            self.said[entry.contact_id or 0, entry.channel].append(entry)

    def tell(self, back: Back) -> None:
        for entry in self.put.get(back.contact.pk, ()):
            place = (back.contact.pk, entry.channel)
            now = self.held.get(place, "")
            if now == entry.from_value:
                continue
            address = self._former(entry)
            if now != entry.to_value or address is None:
                last = self.said[place][-1]
                back.overlaps.append(
                    Overlap(
                        *(back.contact.pk, back.line, entry.channel),
                        by=last.actor_label, at=last.recorded_at, entry=last.pk,
                    )
                )  # fmt: skip
                continue
            back.addresses.append(address)
            if self._was_invalid(entry):
                back.invalid.append(entry.channel)

    def _former(self, entry: StatusHistory) -> Address | None:
        if not entry.from_value:
            return Address(entry.channel, "", "")
        with suppress(InvalidAddress):
            return normalise(entry.channel, entry.from_value, country=self.country)
        return None

    def _was_invalid(self, entry: StatusHistory) -> bool:
        said = self.said[entry.contact_id or 0, entry.channel]
        before = [one for one in said if (one.recorded_at, one.pk) < (entry.recorded_at, entry.pk)]
        return bool(before) and before[-1].aspect == Aspect.VALIDITY and before[-1].to_value == "invalid"

    def merge_of(self, contact: Contact, line: int) -> Overlap:
        entries = StatusHistory.objects.filter(contact=contact, aspect=Aspect.MERGE).exclude(to_value="")
        last = entries.order_by("-recorded_at", "-pk").first()
        if last is None:
            return Overlap(contact.pk, line, "merged")
        return Overlap(contact.pk, line, "merged", by=last.actor_label, at=last.recorded_at, entry=last.pk)
