"""For ``manage.py verify``: every consent is the fold of its entries, and proofs are what they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from consent.models import Consent, ConsentDetail, ConsentHistory
from consent.services.folding import Folded, Gate, entries_of, fold
from consent.vocabulary import Word
from contacts.extension_points import Check, checks
from contacts.models import Contact, ErasureReceipt
from contacts.services.ledger import detail_text, digest_of
from contacts.services.verify import BATCH, Difference, in_batches

COLUMNS = ("is_withdrawn", "is_express", "implied_until", "withdrawn_at", "express_at", "pending_at")


def register() -> None:
    """Add the check; called once at start-up."""
    checks.add(Check("consents", 10, differences))


def differences() -> Iterator[Difference]:
    yield from in_batches(Contact, _contacts)
    yield from in_batches(ConsentDetail, _details, key="entry_id")
    yield from _strays()


def _contacts(ids: list[int]) -> list[Difference]:
    replayed = {gate: fold(entries) for gate, entries in entries_of(ids).items()}
    merged = set(
        Contact.objects.filter(pk__in_set=ids, merged_into__isnull=False).values_list("pk", flat=True)
    )  # fmt: skip
    held: dict[Gate, Consent] = {}
    found: list[Difference] = []
    for row in Consent.objects.filter(contact_id__in_set=ids).select_related("channel_status"):
        gate = Gate(row.contact_id, row.communication_type_id, row.channel)
        held[gate] = row
        says = replayed.get(gate, Folded())
        found += [
            Difference("consent", row.pk, column, f"is {getattr(row, column)}, and the history says {value}")
            for column in COLUMNS
            if getattr(row, column) != (value := getattr(says, column))
        ]
        if says.last_entry_at and (row.last_entry_at is None or row.last_entry_at < says.last_entry_at):
            found.append(Difference("consent", row.pk, "last_entry_at", "is older than the newest entry"))
        place = row.channel_status
        if (place.contact_id, place.channel) != (row.contact_id, row.channel):
            found.append(Difference("consent", row.pk, "channel_status", "is not that of the contact and channel"))
    found += [
        Difference("contact", gate.contact, f"type {gate.communication_type} {gate.channel}", "has no consent row")
        for gate in replayed
        if gate not in held and gate.contact not in merged
    ]
    found += [
        Difference("consent", row.pk, "contact", "was merged into another one")
        for gate, row in held.items()
        if gate.contact in merged
    ]
    return found


def _details(ids: list[int]) -> list[Difference]:
    rows = ConsentDetail.objects.filter(entry_id__in_set=ids).values_list(
        "entry_id", "note", "authorization_reference", "evidence", "salt", "entry__detail_digest"
    )
    return [
        Difference("opt-in entry", number, "detail", "is not what was written")
        for number, note, reference, evidence, salt, digest in rows
        if digest_of(salt, detail_text(note=note, authorization_reference=reference, evidence=evidence)) != digest
    ]


def _strays() -> Iterator[Difference]:
    """Entries that belong nowhere, or to two projects at once."""
    entries = ConsentHistory.objects.order_by("pk")
    contact = Contact.objects.filter(pk=OuterRef("contact_id"))
    erased = ErasureReceipt.objects.filter(contact_number=OuterRef("contact_id"))
    same = ConsentHistory.objects.filter(
        pk=OuterRef("voids"), contact=OuterRef("contact_id"), channel=OuterRef("channel"),
        communication_type=OuterRef("communication_type_id"),
    ).exclude(word=Word.VOID)  # fmt: skip
    wrong: list[tuple[QuerySet[Any], str, str]] = [
        (entries.filter(~Exists(contact), ~Exists(erased)), "contact", "is gone without a receipt"),
        (entries.filter(Exists(contact.exclude(project=OuterRef("project_id")))), "project", "is not the contact's"),
        (
            entries.exclude(Q(communication_type__project=F("project"))),
            "communication_type", "belongs to another project",
        ),
        (entries.filter(word=Word.VOID).filter(~Exists(same)), "voids", "names an entry about something else"),
        (entries.exclude(detail_digest="").filter(Exists(contact), detail__isnull=True), "detail", "is missing"),
    ]  # fmt: skip
    for rows, column, words in wrong:
        for number in rows.values_list("pk", flat=True).iterator(chunk_size=BATCH):
            yield Difference("opt-in entry", number, column, words)
