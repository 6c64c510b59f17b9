"""What is shown before two contacts become one: both side by side, what one would be, and which noes go over."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from contacts.access import Access
from contacts.dates import short_day
from contacts.eligibility import Question, verdicts
from contacts.extension_points import Text, holdings
from contacts.models import Contact, Project
from contacts.selectors.contact_rows import VerdictInWords, in_a_word
from contacts.selectors.entries import EntryInWords, entries_by_id
from contacts.services.merging import ChannelInMerge, MergePreview, merge_preview
from contacts.vocabulary import Channel

MOST_NOES = 20


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that is known of both, and what it would be. Verdicts are those of an address, today."""

    label: str
    staying: str
    going: str
    after: str
    staying_verdict: VerdictInWords | None = None
    going_verdict: VerdictInWords | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """How much of one kind becomes the one's who stays."""

    label: Text
    number: int


@dataclass(frozen=True, slots=True)
class Merging:
    """``lines`` differ or say something; ``noes`` go over to the one who stays, strongest first of each gate."""

    staying: Contact
    going: Contact
    preview: MergePreview
    lines: list[Line]
    noes: list[EntryInWords]
    more_noes: int
    moved: list[Moved]
    will_be_active: bool

    @property
    def choices(self) -> tuple[ChannelInMerge, ...]:
        return tuple(channel for channel in self.preview.channels if channel.is_choice)


def pair_of(project: Project, numbers: Iterable[str], keys: Iterable[str] = ()) -> list[Contact]:
    """The contacts of a project with these numbers or keys, in this order, each once; of who was merged, themselves."""
    everybody = Contact.objects.ever_in_project(project)
    wanted = [int(text) for text in numbers if text.isascii() and text.isdigit() and len(text) < 20]
    by_number = everybody.in_bulk([number for number in wanted if number < 2**63])
    found = [by_number[number] for number in wanted if number in by_number]
    texts = [text.strip() for text in keys if text.strip() and "\x00" not in text]
    by_key = {contact.key: contact for contact in everybody.filter(key__in=texts)} if texts else {}
    found += [by_key[text] for text in texts if text in by_key]
    for contact in found:
        contact.project = project
    return list({contact.pk: contact for contact in found}.values())


def merging_of(staying: Contact, going: Contact, access: Access) -> Merging:
    """Everything that the confirmation of a merge shows, in a number of queries that history does not move."""
    preview = merge_preview(staying, going)
    asked = {channel: verdicts([staying.pk, going.pk], Question(channel)) for channel in Channel.values}
    numbers = [number for noes in preview.noes.values() for number in noes]
    entries = entries_by_id(numbers[:MOST_NOES], access) if numbers else {}
    labels = {holding.key: holding.label for holding in holdings}
    will_be_active = staying.is_active and ("active", "") not in preview.noes
    return Merging(
        staying=staying,
        going=going,
        preview=preview,
        lines=[
            *_details(staying, going, preview),
            _status(staying, going, will_be_active=will_be_active),
            *(
                _channel(found, staying, going, asked[found.channel], access)
                for found in preview.channels
                if _is_used(found)
            ),
            *_attributes(staying, going, preview),
        ],
        noes=[entries[number] for number in numbers[:MOST_NOES] if number in entries],
        more_noes=max(len(numbers) - MOST_NOES, 0),
        moved=[Moved(labels[key], number) for key, number in preview.moved.items()],
        will_be_active=will_be_active,
    )


def _details(staying: Contact, going: Contact, preview: MergePreview) -> list[Line]:
    names = {"first_name": _("First name"), "last_name": _("Last name"), "language": _("Language"), "notes": _("Notes")}
    lines = [Line(_("Key"), staying.key, going.key, _("%(key)s; the other key finds it too") % {"key": staying.key})]
    lines += [
        Line(label, getattr(staying, name), getattr(going, name), preview.details[name])
        for name, label in names.items()
        if preview.details[name]
    ]
    since = [short_day(contact.created_at) for contact in (staying, going)]
    return [*lines, Line(_("In the register since"), since[0], since[1], since[0])]


def _status(staying: Contact, going: Contact, *, will_be_active: bool) -> Line:
    words = {True: _("Active"), False: _("Inactive")}
    return Line(_("Status"), words[staying.is_active], words[going.is_active], words[will_be_active])


def _is_used(channel: ChannelInMerge) -> bool:
    return bool(channel.address or channel.other_address)


def _channel(found: ChannelInMerge, staying: Contact, going: Contact, asked: Any, access: Access) -> Line:
    told = {number: in_a_word(verdict, access) for number, verdict in asked.items() if verdict.address}
    after = _("As you choose below") if found.is_choice else found.address or found.other_address
    return Line(
        str(Channel(found.channel).label), found.address, found.other_address, after, told.get(staying.pk),
        told.get(going.pk),
    )  # fmt: skip


def _attributes(staying: Contact, going: Contact, preview: MergePreview) -> list[Line]:
    return [
        Line(name, _as_text(staying.attributes.get(name)), _as_text(going.attributes.get(name)), _as_text(value))
        for name, value in preview.details["attributes"].items()
        if _as_text(value)
    ]


def _as_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
