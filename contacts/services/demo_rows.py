"""The demo's people and stories as rows: the history as it is told, and the state that it amounts to.

Rows are made in chunks, in memory, and loaded at once. States are folded with the law of gates, so that
``verify`` finds what it would find after the same events through the services.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from contacts.addresses import fingerprint
from contacts.demo.events import Event, Place
from contacts.demo.people import Person
from contacts.gates import Word, shut
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    EntryDetail,
    Project,
    RelationalRow,
    RelationalTable,
    StatusHistory,
)
from contacts.moments import TICK, start_of_day
from contacts.services.bulk_rows import load_rows, reserve_ids
from contacts.services.ledger import detail_text, digest_of
from contacts.vocabulary import OPEN, SHUT, Aspect, Channel, Says

CONTACT = (
    "id", "organization_id", "project_id", "key", "first_name", "last_name", "language", "attributes", "notes",
    "is_active", "last_entry_at", "created_at", "updated_at",
)  # fmt: skip
CHANNEL = (
    "organization_id", "project_id", "contact_id", "channel", "address", "address_key", "fingerprint", "is_valid",
    "contact_active", "own_opt_out", "opted_out", "quarantined", "suppressed", "address_at",
    "last_entry_at",
)  # fmt: skip
BLOCK = (
    "id", "organization_id", "project_id", "channel", "fingerprint", "kind", "cause", "address", "is_on",
    "last_entry_at", "created_at",
)  # fmt: skip
ENTRY = (
    "id", "organization_id", "project_id", "contact_id", "block_id", "channel", "aspect", "says", "from_value",
    "to_value", "address_fingerprint", "weight", "occurred_at", "recorded_at", "requested_on", "word_at", "method",
    "actor_kind", "actor_number", "actor_label", "reason", "authorization_source", "authorization_on",
    "detail_digest", "request_id", "voids", "salt",
)  # fmt: skip
DETAIL = ("entry_id", "note", "authorization_reference", "evidence", "salt")
RELATIONAL = ("table_id", "contact_id", "values", "created_at")


@dataclass(slots=True)
class Gate:
    """What was said to one gate so far, by the place of the entry, without what was taken back."""

    words: dict[int, Word] = field(default_factory=dict)

    @property
    def is_shut(self) -> bool:
        return bool(self.words) and shut(self.words.values())

    def last_no_at(self) -> datetime | None:
        return max((word.occurred_at for word in self.words.values() if word.says == Says.NO), default=None)


@dataclass(slots=True)
class BlockRow:
    place: Place
    channel: str
    fingerprint: str
    address: str
    created_at: datetime
    last_entry_at: datetime
    number: int
    gate: Gate = field(default_factory=Gate)


@dataclass(slots=True)
class ContactRow:
    """A contact while their story is written down."""

    person: Person
    number: int
    last_entry_at: datetime
    addresses: dict[str, str] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    invalid: set[str] = field(default_factory=set)
    switch: Gate = field(default_factory=Gate)
    own_opt_outs: dict[str, Gate] = field(default_factory=lambda: defaultdict(Gate))
    address_at: dict[str, datetime] = field(default_factory=dict)
    channel_at: dict[str, datetime] = field(default_factory=dict)


class Chunk:
    """Some people of one project, written down and then loaded together."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.contacts: list[ContactRow] = []
        self.entries: list[tuple[Any, ...]] = []
        self.details: list[tuple[Any, ...]] = []
        self.blocks: dict[tuple[str, str, Place], BlockRow] = {}
        self.by_address: dict[str, list[BlockRow]] = defaultdict(list)

    def add(self, person: Person, arrival: list[Event], story: list[Event]) -> None:
        """Write down a person and what happened to them, in the order in which it was recorded."""
        row = ContactRow(person, len(self.contacts), person.came_at)
        self.contacts.append(row)
        self._write(row, arrival)
        self._write(row, story)

    def _write(self, row: ContactRow, events: list[Event]) -> None:
        first = len(self.entries)
        request, before = uuid.uuid4(), None
        for event in events:
            if before is None or event.at - before > TICK:
                request = uuid.uuid4()
            before = event.at
            voids = None if event.voids is None else first + event.voids
            block = self._block(row, event) if event.place else None
            occurred_at = event.occurred_at or event.at
            word_at = None
            if event.says == Says.VALUE:
                from_value, to_value = _value(row, event)
            else:
                gates = _gates(row, event, block)
                word_at = self._word_at(gates, event)
                from_value, to_value = self._say(gates, event, occurred_at, word_at, voids)
            row.last_entry_at = max(row.last_entry_at, event.at)
            if event.channel:
                row.channel_at[event.channel] = event.at
            if event.aspect in (Aspect.ADDRESS, Aspect.VALIDITY):
                row.address_at[event.channel] = event.at
            if block:
                block.last_entry_at = max(block.last_entry_at, event.at)
            self.entries.append(
                (
                    row.number, block.number if block else None, event.channel, event.aspect.value, event.says.value,
                    from_value, to_value,
                    row.fingerprints[event.channel] if event.aspect == Aspect.ADDRESS else "",
                    int(event.weight), occurred_at, event.at, event.requested_on, word_at, event.method.value,
                    event.actor.kind, event.actor.number, event.actor.label, event.reason,
                    event.authorization[0] if event.authorization else "",
                    event.authorization[1] if event.authorization else None,
                    self._detail(event), request, voids, uuid.uuid4(),
                )
            )  # fmt: skip

    def _say(
        self,
        gates: list[Gate],
        event: Event,
        occurred_at: datetime,
        word_at: datetime | None,
        voids: int | None,
    ) -> tuple[str, str]:
        if event.says == Says.YES and not gates[0].words and not event.authorization and event.aspect == Aspect.ACTIVE:
            gates[0].words[len(self.entries)] = Word(Says.YES, event.weight, occurred_at)
            return "", OPEN[Aspect.ACTIVE]
        was_shut = gates[0].is_shut
        for gate in gates:
            if voids is not None:
                gate.words.pop(voids, None)
            else:
                gate.words[len(self.entries)] = Word(event.says, event.weight, occurred_at, word_at)
        states = {True: SHUT[event.aspect], False: OPEN[event.aspect]}
        return states[was_shut], states[gates[0].is_shut]

    def _word_at(self, gates: list[Gate], event: Event) -> datetime | None:
        if not event.authorization:
            return None
        noes = [moment + TICK for gate in gates if (moment := gate.last_no_at())]
        return max([start_of_day(event.authorization[1], self.project.zone), *noes])

    def _block(self, row: ContactRow, event: Event) -> BlockRow | None:
        if event.channel not in row.addresses or event.place is None:
            return None
        mark = row.fingerprints[event.channel]
        found = self.blocks.get((event.channel, mark, event.place))
        if found is None:
            found = BlockRow(
                event.place,
                event.channel,
                mark,
                row.addresses[event.channel],
                event.at,
                event.at,
                len(self.blocks),
            )
            self.blocks[event.channel, mark, event.place] = found
            self.by_address[mark].append(found)
        return found

    def _detail(self, event: Event) -> str:
        reference = event.authorization[2] if event.authorization else ""
        if not (event.note or event.evidence or reference):
            return ""
        salt = uuid.uuid4()
        self.details.append((len(self.entries), event.note, reference, event.evidence, salt))
        return digest_of(salt, detail_text(note=event.note, authorization_reference=reference, evidence=event.evidence))

    @transaction.atomic
    def load(self, orders: RelationalTable, visits: RelationalTable) -> list[int]:
        """Insert everything; returns the contacts' ids. Ids are reserved first, so that rows can name each other."""
        contact_ids = reserve_ids(Contact, len(self.contacts))
        block_ids = reserve_ids(Block, len(self.blocks))
        entry_ids = reserve_ids(StatusHistory, len(self.entries))
        here = (self.project.organization_id, self.project.pk)
        load_rows(Contact, CONTACT, (self._contact(row, contact_ids[row.number], here) for row in self.contacts))
        load_rows(Block, BLOCK, (_block_row(block, block_ids[block.number], here) for block in self.blocks.values()))
        load_rows(
            ChannelStatus,
            CHANNEL,
            (
                self._channel(row, channel, (*here, contact_ids[row.number]))
                for row in self.contacts
                for channel in sorted({*row.addresses, *row.own_opt_outs})
            ),
        )
        load_rows(
            StatusHistory,
            ENTRY,
            (
                (
                    entry_ids[place], *here, contact_ids[row[0]], None if row[1] is None else block_ids[row[1]],
                    *row[2:-2], None if row[-2] is None else entry_ids[row[-2]], row[-1],
                )
                for place, row in enumerate(self.entries)
            ),
        )  # fmt: skip
        load_rows(EntryDetail, DETAIL, ((entry_ids[row[0]], *row[1:]) for row in self.details))
        load_rows(RelationalRow, RELATIONAL, self._relational(contact_ids, orders, visits))
        return contact_ids

    def _contact(self, row: ContactRow, number: int, here: tuple[int, int]) -> tuple[Any, ...]:
        person = row.person
        for mark in row.fingerprints.values():
            for block in self.by_address.get(mark, ()):
                row.last_entry_at = max(row.last_entry_at, block.last_entry_at)
        return (
            number, *here, person.key, person.first_name, person.last_name, person.language, person.attributes,
            person.notes, not row.switch.is_shut, row.last_entry_at, person.came_at, row.last_entry_at,
        )  # fmt: skip

    def _channel(self, row: ContactRow, channel: str, here: tuple[int, int, int]) -> tuple[Any, ...]:
        address = row.addresses.get(channel, "")
        mark = row.fingerprints.get(channel, "")
        lying = self.by_address.get(mark, ())
        on = {block.place.kind for block in lying if block.gate.is_shut}
        last = max([row.channel_at.get(channel, row.person.came_at), *(block.last_entry_at for block in lying)])
        own = row.own_opt_outs[channel].is_shut if channel in row.own_opt_outs else False
        return (
            *here, channel, address, address_key(channel, address), mark, channel not in row.invalid,
            not row.switch.is_shut, own, own or Aspect.OPT_OUT in on, Aspect.QUARANTINE in on,
            Aspect.SUPPRESSION in on, row.address_at.get(channel), last,
        )  # fmt: skip

    def _relational(
        self, contact_ids: list[int], orders: RelationalTable, visits: RelationalTable
    ) -> Iterable[tuple[Any, ...]]:
        for row in self.contacts:
            for table, held in ((orders, row.person.orders), (visits, row.person.visits)):
                for at, values in sorted(held, key=lambda pair: pair[0]):
                    yield table.pk, contact_ids[row.number], values, at


def address_key(channel: str, address: str) -> str:
    """The normal form of the demo's own addresses, which are written in few ways."""
    if channel == Channel.SMS:
        return address.replace(" ", "").replace("-", "")
    return address.casefold() if channel == Channel.EMAIL else address


def _gates(row: ContactRow, event: Event, block: BlockRow | None) -> list[Gate]:
    """The gates that an event speaks to; the first one tells what changed."""
    if event.aspect == Aspect.ACTIVE:
        return [row.switch]
    gates = [row.own_opt_outs[event.channel]] if event.aspect == Aspect.OPT_OUT else []
    return [*gates, block.gate] if block else gates


def _value(row: ContactRow, event: Event) -> tuple[str, str]:
    if event.aspect == Aspect.ADDRESS:
        old = row.addresses.get(event.channel, "")
        row.addresses[event.channel] = event.value
        row.fingerprints[event.channel] = fingerprint(event.channel, address_key(event.channel, event.value))
        return old, event.value
    if event.aspect == Aspect.KEY:
        prefix, _dash, number = event.value.partition("-")
        return f"{prefix[::-1]}-{number}", event.value
    row.invalid.add(event.channel)
    return "valid", event.value


def _block_row(block: BlockRow, number: int, here: tuple[int, int]) -> tuple[Any, ...]:
    organization, project = here
    return (
        number, organization, None if block.place.everywhere else project, block.channel, block.fingerprint,
        block.place.kind.value, block.place.cause.value, block.address, block.gate.is_shut, block.last_entry_at,
        block.created_at,
    )  # fmt: skip
