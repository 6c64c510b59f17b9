"""Whether a staged row says what its contact has already: one rule, over rows that know their contact and rows that
do not yet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Exists, F, FilteredRelation, Lookup, OuterRef, Q, QuerySet
from django.db.models.lookups import Exact

from contacts.models import ChannelStatus, Contact, ImportJob, ImportRow
from contacts.services.imports.cells import CHANNELS

DETAILS = ("first_name", "last_name", "language", "notes", "attributes")
Named = Callable[[str], Any]


class HasAll(Lookup):
    """Whether a flat JSON object has all members of another one, with the same texts as values."""

    lookup_name = "has_all"
    prepare_rhs = False

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        lhs, left = self.process_lhs(compiler, connection)
        rhs, right = self.process_rhs(compiler, connection)
        return f"{lhs} @> {rhs}", [*left, *right]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        lhs, left = self.process_lhs(compiler, connection)
        rhs, right = self.process_rhs(compiler, connection)
        return f"json_patch({lhs}, {rhs}) = json({lhs})", [*left, *right, *left]


def details_in(targets: Sequence[str]) -> set[str]:
    """The details of a contact that a file with these columns can change."""
    found = {target for target in targets if target in ("first_name", "last_name", "notes")}
    if "full_name" in targets:
        found |= {"first_name", "last_name"}
    if "language" in targets:
        found |= {"language", "attributes"}
    if any(target.partition(":")[0] in ("attribute", "attributes") for target in targets):
        found.add("attributes")
    return found


def channels_in(targets: Sequence[str]) -> list[str]:
    return [channel for channel in CHANNELS if channel in targets]


def same_details(targets: Sequence[str], *, row: Named, contact: str) -> Q:
    """Nothing in the row is new of the contact: empty cells say nothing, and notes that are there stay."""
    same = Q()
    for name in sorted(details_in(targets)):
        held = F(f"{contact}{name}")
        if name == "attributes":
            same &= Q(HasAll(held, row(name)))
        elif name == "notes":
            same &= Q(Exact(row(name), "")) | ~Q(Exact(held, ""))
        else:
            same &= Q(Exact(row(name), "")) | Q(Exact(held, row(name)))
    return same


def identical(job: ImportJob) -> Exists:
    """Whether the outer row's key is that of a contact who has all that the row says."""
    targets = job.mapping["targets"]
    contacts = Contact.objects.filter(project=job.project, merged_into=None, key=OuterRef("key"))
    key_is_email = "key" not in targets
    for channel in channels_in(targets):
        relation = f"on_{channel}"
        contacts = contacts.annotate(
            **{relation: FilteredRelation("channel_statuses", condition=Q(channel_statuses__channel=channel))}
        )
        same = Q(**{f"{relation}__address_key": OuterRef(f"{channel}_key")})
        if not (channel == "email" and key_is_email):
            same |= Q(Exact(OuterRef(f"{channel}_key"), ""))
        contacts = contacts.filter(same)
    return Exists(contacts.filter(same_details(targets, row=OuterRef, contact="")))


def held(channel: str) -> Exists:
    """Whether the contact of the outer row has the row's address on a channel."""
    return Exists(
        ChannelStatus.objects.filter(
            contact=OuterRef("contact_id"), channel=channel, address_key=OuterRef(f"{channel}_key")
        )
    )


def brings(channel: str) -> Q:
    """The row has an address on a channel that its contact has not."""
    return ~Q(**{f"{channel}_key": ""}) & ~Q(held(channel))


def says_nothing_new(job: ImportJob) -> Q:
    """The rows, which know their contact, that say what the contact has already."""
    targets = job.mapping["targets"]
    same = same_details(targets, row=F, contact="contact__")
    for channel in channels_in(targets):
        same &= ~brings(channel)
    return same


def own_rows(job: ImportJob) -> QuerySet[ImportRow]:
    return ImportRow.objects.filter(job=job)
