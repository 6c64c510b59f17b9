"""Making one contact of two. One stays and keeps their number; the other's key and history lead to them then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Q, Value
from django.utils.translation import gettext_lazy as _

from contacts.addresses import Address
from contacts.errors import ContactGone, ContactMerged, NotAllowed, NothingToDo, StaleConfirmation
from contacts.extension_points import holdings
from contacts.models import ChannelStatus, Contact, StatusHistory
from contacts.origin import Origin
from contacts.services.carrying import carry_over, left_behind
from contacts.services.change import Change
from contacts.services.ledger import outcome, record
from contacts.services.locks import with_addresses_locked
from contacts.services.opt_outs import moment_for
from contacts.services.projection import touch
from contacts.services.register import put_address, set_validity
from contacts.vocabulary import Aspect, Channel, Reason, Says, Weight

LONGEST_NOTES = 10_000
DETAILS = ("first_name", "last_name", "language", "notes", "attributes")


@dataclass(frozen=True, slots=True)
class ChannelInMerge:
    """One channel of both: the address of the one who stays, that of the other (empty: none), and whether they are one.

    ``must_take``: the one who stays has none, and takes the other's. ``is_choice``: there are two.
    """

    channel: str
    address: str
    other_address: str
    is_same: bool

    @property
    def must_take(self) -> bool:
        return not self.address and bool(self.other_address)

    @property
    def is_choice(self) -> bool:
        return bool(self.address and self.other_address and not self.is_same)


@dataclass(frozen=True, slots=True)
class MergePreview:
    """What a merge would do. ``digest`` stands for all that it rests on: it changes when anything of it does.

    ``noes`` are the entries of the other that would be said of the one who stays, strongest first, by aspect and
    channel. ``details`` are the values that the one who stays would have, ``moved`` how much of each kind of holding
    (by its key) would become theirs.
    """

    channels: tuple[ChannelInMerge, ...]
    noes: Mapping[tuple[str, str], list[int]]
    details: Mapping[str, Any]
    moved: Mapping[str, int]
    digest: str


def merge_preview(survivor: Contact, other: Contact) -> MergePreview:
    """What ``merge`` of these two would do."""
    rows = {(row.contact_id, row.channel): row for row in ChannelStatus.objects.filter(contact__in=[survivor, other])}
    channels = tuple(
        _channel(channel, rows.get((survivor.pk, channel)), rows.get((other.pk, channel))) for channel in Channel.values
    )
    noes = left_behind(other)
    details = united_details(survivor, other)
    counts = {item.key: item.count([other.pk]).get(other.pk) for item in holdings if item.merge is not None}
    moved = {key: count.number for key, count in counts.items() if count and count.number}
    states = [
        [
            getattr(row, name)
            for name in ("address", "is_valid", "own_opt_out", "opted_out", "quarantined", "suppressed")
        ]
        for _place, row in sorted(rows.items())
    ]
    people = [
        [person.pk, person.key, person.is_active, person.last_entry_at, *(getattr(person, name) for name in DETAILS)]
        for person in (survivor, other)
    ]
    content = json.dumps([people, states, sorted(moved.items()), sorted(noes.items())], cls=DjangoJSONEncoder)
    return MergePreview(channels, noes, details, moved, hashlib.sha256(content.encode()).hexdigest())


def _channel(channel: str, mine: ChannelStatus | None, theirs: ChannelStatus | None) -> ChannelInMerge:
    is_same = bool(mine and theirs and mine.fingerprint and mine.fingerprint == theirs.fingerprint)
    return ChannelInMerge(channel, mine.address if mine else "", theirs.address if theirs else "", is_same)


def united_details(survivor: Contact, other: Contact) -> dict[str, Any]:
    """Names, language, notes and attributes: those of the one who stays, and where they have none the other's."""
    notes = [text for text in dict.fromkeys([survivor.notes, other.notes]) if text]
    attributes = {name: value for name, value in survivor.attributes.items() if value not in ("", None)}
    return {
        "first_name": survivor.first_name or other.first_name,
        "last_name": survivor.last_name or other.last_name,
        "language": survivor.language or other.language,
        "notes": "\n\n".join(notes)[:LONGEST_NOTES],
        "attributes": {**survivor.attributes, **other.attributes, **attributes},
    }


def merge(
    survivor: Contact,
    other: Contact,
    *,
    origin: Origin,
    take: frozenset[str] = frozenset(),
    expected: str | None = None,
) -> Change:
    """Merge ``other`` into ``survivor``, for good.

    A no of either stays. The one who stays keeps their address on each channel, but for those in ``take`` and those
    where they have none. The other keeps key and history, is found by either, and has nothing else any more.
    ``expected`` is the digest of the preview that was confirmed. Raises StaleConfirmation when it is another by now,
    ContactMerged when one of them was merged meanwhile, NothingToDo, ContactGone; then nothing is changed. The same
    request again changes nothing.
    """
    if survivor.project_id != other.project_id:
        raise NotAllowed(_("Only contacts of one project can be merged."))
    if survivor.pk == other.pk:
        raise NothingToDo(_("This is one contact already."))

    def change(_ids: list[int]) -> Change:
        here = Contact.objects.select_related("project").in_bulk([survivor.pk, other.pk])
        if len(here) < 2:
            raise ContactGone
        staying, going = here[survivor.pk], here[other.pk]
        if going.merged_into_id == staying.pk:
            entries = StatusHistory.objects.filter(contact=going, aspect=Aspect.MERGE, request_id=origin.request_id)
            if entries.exists():
                return outcome(origin, repeated=1)
            raise NothingToDo(_("This is one contact already."))
        if going.merged_into_id or staying.merged_into_id:
            raise ContactMerged
        if expected is not None and merge_preview(staying, going).digest != expected:
            raise StaleConfirmation
        _unite(staying, going, take, origin.saying(reason=Reason.MERGED, occurred_at=None))
        return outcome(origin)

    both = Contact.objects.filter(Q(pk__in=[survivor.pk, other.pk]) | Q(merged_into=other.pk))
    return with_addresses_locked(both, Channel.values, change)


def _unite(staying: Contact, going: Contact, take: frozenset[str], origin: Origin) -> None:
    earlier = list(Contact.objects.filter(merged_into=going.pk).values_list("pk", flat=True))
    moment = moment_for([staying.pk, going.pk, *earlier])
    carry_over(going, staying.pk, origin=origin, moment=moment)
    _close(staying, going, earlier, origin, moment)
    details = united_details(staying, going)
    Contact.objects.filter(pk=staying.pk).update(**details, updated_at=moment)
    _take_addresses(staying, going, take, origin)
    for holding in holdings:
        if holding.merge is not None:
            holding.merge(going.pk, staying.pk, origin)
    ChannelStatus.objects.filter(contact=going.pk).delete()


def _close(staying: Contact, going: Contact, earlier: list[int], origin: Origin, moment: datetime) -> None:
    """Write who is whom from now on; who had been merged into the one that goes follows."""
    Contact.objects.filter(pk=going.pk).update(merged_into=staying.pk, merged_at=moment)
    Contact.objects.filter(pk__in_set=earlier).update(merged_into=staying.pk)
    words: list[tuple[list[int], str, str]] = [
        ([going.pk], "", str(staying.pk)),
        (earlier, str(going.pk), str(staying.pk)),
        ([staying.pk], str(going.pk), ""),
    ]
    for ids, before, after in words:
        record(
            Contact.objects.filter(pk__in_set=ids), aspect=Aspect.MERGE, says=Says.VALUE, origin=origin, moment=moment,
            weight=Weight.OURS, from_value=Value(before), to_value=Value(after),
        )  # fmt: skip
    touch([staying.pk, going.pk, *earlier], moment)


def _take_addresses(staying: Contact, going: Contact, take: frozenset[str], origin: Origin) -> None:
    """Put the addresses that are taken over. An address that one of them had as not valid is not valid."""
    mine = {row.channel: row for row in ChannelStatus.objects.filter(contact=staying)}
    for theirs in ChannelStatus.objects.filter(contact=going).with_address().order_by("channel"):
        own = mine.get(theirs.channel)
        is_same = own is not None and own.fingerprint == theirs.fingerprint
        is_taken = own is None or not own.address or theirs.channel in take
        if is_taken:
            put_address(staying, theirs.channel, Address(theirs.channel, theirs.address, theirs.address_key), origin)
        if (not theirs.is_valid and (is_taken or is_same)) or (is_same and own is not None and not own.is_valid):
            set_validity(staying, theirs.channel, False, origin=origin)
