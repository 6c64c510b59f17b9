"""Undoing an import: its entries are voided, and values go back where nobody changed them since.

What happened after it is left alone. Contacts whom it added stay as they are, unless they are to be erased and nobody
has touched them since.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from contacts.errors import CannotUndo, NotAllowed
from contacts.extension_points import Undoing, holdings, undoings
from contacts.models import Contact, ImportJob, ImportRow, RelationalRow, StatusHistory
from contacts.models.contact import ContactQuerySet
from contacts.models.imports import ImportKind, ImportState, RowOutcome
from contacts.models.ledger import StatusHistoryQuerySet
from contacts.origin import Actor, Origin
from contacts.services.bulk_rows import update_objects
from contacts.services.erasure import erase
from contacts.services.imports import jobs
from contacts.services.imports.comparing import DETAILS, HasAll, own_rows, says_nothing_new
from contacts.services.imports.values_back import Back, Overlap, back_of
from contacts.services.locks import lock_addresses, lock_ids
from contacts.services.moves import Move, change_addresses
from contacts.services.register import set_validity
from contacts.services.relational import take_back
from contacts.services.set_sql import database_clock
from contacts.services.undo import undo, undoable
from contacts.vocabulary import GATES, Method, Reason, Says

ENTRIES_AT_ONCE = 5_000
LINES_AT_ONCE = 5_000
CONTACTS_AT_ONCE = 2_000
LISTED = 200
PHASES = ("entries", "registered", "values", "relational", "created")
_OF_THE_REGISTER = ("channels", "history", "relational", "imports")

ShouldStop = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class UndoPreview:
    """What undoing an import would do.

    ``entries`` are voided; ``too_old`` can no longer be. The values of ``contacts`` go back, but for the
    ``overlapping`` ones of them of whom something was changed since: the first of these changes are ``overlaps``.
    ``relational`` rows are removed. Of the contacts whom it ``created`` and who are still there, nobody has touched
    ``untouched``: those can be erased, the others stay. ``until`` is when it can no longer be undone.
    """

    entries: int
    too_old: int
    contacts: int
    overlapping: int
    overlaps: tuple[Overlap, ...]
    relational: int
    created: int
    untouched: int
    until: datetime


def preview(job: ImportJob, actor: Actor) -> UndoPreview:
    """What ``begin`` by this actor would lead to."""
    entries = entries_of(job)
    can = undoable(entries, actor, period=period_of(job)).count()
    there = entries.not_voided().count()
    rows = _updated(job)
    changed = _changed_since(job, rows) if job.kind == ImportKind.CONTACTS else rows.none()
    first = own_rows(job).filter(line__in=list(changed.order_by("line").values_list("line", flat=True)[:LISTED]))
    overlaps = [overlap for back in back_of(job, first) for overlap in back.overlaps]
    created = own_rows(job).filter(outcome=RowOutcome.CREATED, contact__isnull=False)
    return UndoPreview(
        entries=can + sum(len(item.entries(job.request_id)) for item in undoings),
        too_old=there - can,
        contacts=rows.count(),
        overlapping=changed.count(),
        overlaps=tuple(overlaps[:LISTED]),
        relational=_relational_rows(job).filter(changed_at=None).count(),
        created=created.filter(contact__key__isnull=False).count() if job.kind == ImportKind.CONTACTS else 0,
        untouched=untouched(job).count(),
        until=_until(job),
    )


def refusal(job: ImportJob, actor: Actor) -> CannotUndo | NotAllowed | None:
    """Why this actor cannot undo the import, in words; None when they can."""
    if job.state not in (ImportState.DONE, ImportState.STOPPED):
        return CannotUndo(_("Only an import that ran can be undone."))
    if not actor.may_undo_others and (actor.kind, actor.number) != (job.actor_kind, job.actor_number):
        return NotAllowed(_("Only who started the import, or an admin, may undo it."))
    if job.purged_at or database_clock() >= _until(job):
        words = _("This import is more than %(days)s days old, and its rows are kept no longer.")
        return CannotUndo(words % {"days": job.project.import_days})
    return None


def begin(job: ImportJob, origin: Origin, *, erase_created: bool = False) -> None:
    """Let the worker undo an import, as what ``origin`` is. ``erase_created``: the contacts whom it added and nobody
    has touched since are erased too, which needs the permission to delete.

    Raises CannotUndo, NotAllowed, WrongState.
    """
    job.refresh_from_db()
    refused = refusal(job, origin.actor)
    if refused is not None:
        raise refused
    actor = origin.actor
    jobs.let_undo(
        job,
        {
            "request_id": str(origin.request_id),
            "kind": str(actor.kind),
            "number": actor.number,
            "label": actor.label,
            "authority": int(actor.authority),
            "may_undo_others": actor.may_undo_others,
            "erase_created": erase_created,
            "phase": PHASES[0],
            "after": 0,
        },
    )


def origin_of_undo(job: ImportJob) -> Origin | None:
    """Where the entries come from that undo the import; None when nobody has begun to."""
    told = job.options.get("undo")
    if not told:
        return None
    actor = Actor(told["kind"], told["number"], told["label"], told["authority"], told["may_undo_others"])
    return Origin(Method.IMPORT, actor, Reason.SLIP, request_id=uuid.UUID(told["request_id"]))


def period_of(job: ImportJob) -> timedelta:
    return timedelta(days=job.project.import_days)


def _until(job: ImportJob) -> datetime:
    return job.created_at + period_of(job)


def entries_of(job: ImportJob) -> StatusHistoryQuerySet:
    """The words of an import that an undo voids: noes and yeses, but for those by which contacts came to be.

    Of this import alone: a page sends its request's number along, so another change may have the same.
    """
    entries = StatusHistory.objects.filter(request_id=job.request_id, says__in=[Says.NO, Says.YES], aspect__in=GATES)
    return entries.filter(method=Method.IMPORT, project=job.project).exclude(reason=Reason.CREATED)


def untouched(job: ImportJob) -> ContactQuerySet:
    """The contacts whom the import added and whom nobody has touched since: no entry of another request, the same
    details, and nothing of theirs anywhere that did not come with it."""
    if job.kind != ImportKind.CONTACTS:
        return Contact.objects.none()
    same = {name: OuterRef(name) for name in DETAILS if name != "attributes"}
    row = own_rows(job).filter(outcome=RowOutcome.CREATED, key=OuterRef("key"), contact=OuterRef("pk"), **same)
    row = row.filter(HasAll(F("attributes"), OuterRef("attributes")), HasAll(OuterRef("attributes"), F("attributes")))
    own = [job.request_id]
    undoing = origin_of_undo(job)
    if undoing is not None:
        own.append(undoing.request_id)
    others = StatusHistory.objects.filter(contact=OuterRef("pk")).exclude(request_id__in=own)
    foreign = RelationalRow.objects.filter(contact=OuterRef("pk")).exclude(request_id=job.request_id, changed_at=None)
    contacts = Contact.objects.in_project(job.project).filter(Exists(row), ~Exists(others), ~Exists(foreign))
    return contacts


def _relational_rows(job: ImportJob) -> QuerySet[RelationalRow]:
    return RelationalRow.objects.filter(request_id=job.request_id, contact__project=job.project)


def _updated(job: ImportJob) -> QuerySet[ImportRow]:
    return own_rows(job).filter(line__lte=job.done_line, before__isnull=False, contact__isnull=False)


def _changed_since(job: ImportJob, rows: QuerySet[ImportRow]) -> QuerySet[ImportRow]:
    """The rows of which their contacts no longer have all that the import wrote."""
    notes = ~Q(notes="") & Q(before__notes="") & ~Q(notes=F("contact__notes"))
    return rows.filter(~Q(says_nothing_new(job)) | notes | Q(contact__merged_into__isnull=False))


# The work


def run(job: ImportJob, mine: uuid.UUID, *, should_stop: ShouldStop) -> None:
    """Go on with an undo from where it is, until it is done or the worker is to end. Raises jobs.Lost."""
    origin = origin_of_undo(job)
    if origin is None:
        raise RuntimeError("Nobody has said how the import is to be undone.")
    steps: Mapping[str, Callable[[ImportJob, Origin, int], Iterator[_Step]]] = {
        "entries": _entries, "registered": _registered, "values": _values, "relational": _relational,
        "created": _created,
    }  # fmt: skip
    started = PHASES.index(job.options["undo"]["phase"])
    for phase in PHASES[started:]:
        after = job.options["undo"]["after"] if job.options["undo"]["phase"] == phase else 0
        for step in steps[phase](job, origin, after):
            if should_stop():
                return
            with transaction.atomic():
                done = step.do()
                undone = dict(job.counts.get("undone", {}))
                for name, number in done.items():
                    undone[name] = undone.get(name, 0) + number
                at = {**job.options["undo"], "phase": phase, "after": step.last}
                jobs.beat(
                    job, mine, counts={**job.counts, "undone": undone}, options={**job.options, "undo": at}
                )  # fmt: skip
    with transaction.atomic():
        jobs.beat(job, mine, state=ImportState.UNDONE, claim=None)


@dataclass(frozen=True, slots=True)
class _Step:
    """A chunk of the work: what to do, in a transaction, and up to where that gets."""

    do: Callable[[], dict[str, int]]
    last: int


def _chunks(numbers: Sequence[int], at_once: int) -> Iterator[Sequence[int]]:
    for first in range(0, len(numbers), at_once):
        yield numbers[first : first + at_once]


def _entries(job: ImportJob, origin: Origin, after: int) -> Iterator[_Step]:
    numbers = list(entries_of(job).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True))
    for chunk in _chunks(numbers, ENTRIES_AT_ONCE):

        def do(chunk: Sequence[int] = chunk) -> dict[str, int]:
            entries = StatusHistory.objects.filter(pk__in_set=chunk)
            change = undo(entries, origin=origin, period=period_of(job))
            return {"entries": change.recorded, "left": change.skipped_count}

        yield _Step(do, chunk[-1])


def _registered(job: ImportJob, origin: Origin, after: int) -> Iterator[_Step]:
    """What other apps wrote: those that are voided already are not named again, so this begins where it ended."""
    for item in undoings:
        for chunk in _chunks(item.entries(job.request_id), ENTRIES_AT_ONCE):

            def do(item: Undoing = item, chunk: Sequence[int] = chunk) -> dict[str, int]:
                change = item.undo(chunk, origin, period_of(job))
                return {"entries": change.recorded, "left": change.skipped_count}

            yield _Step(do, after)


def _values(job: ImportJob, origin: Origin, after: int) -> Iterator[_Step]:
    if job.kind != ImportKind.CONTACTS:
        return
    for first in range(after, job.done_line, LINES_AT_ONCE):
        last = min(first + LINES_AT_ONCE, job.done_line)

        def do(first: int = first, last: int = last) -> dict[str, int]:
            return _put_back(job, _updated(job).filter(line__gt=first, line__lte=last), origin)

        yield _Step(do, last)


def _put_back(job: ImportJob, rows: QuerySet[ImportRow], origin: Origin) -> dict[str, int]:
    expected = back_of(job, rows)
    addresses = [address for back in expected for address in back.addresses if address.key]
    lock_addresses([mark for address in addresses for mark in address.fingerprints], exclusive=False)
    lock_ids([back.contact.pk for back in expected])
    found = back_of(job, rows)
    change_addresses([Move(back.contact, address, origin) for back in found for address in back.addresses])
    for back in found:
        for channel in back.invalid:
            set_validity(back.contact, channel, False, origin=origin)
    _put_details(found)
    return {
        "contacts": sum(1 for back in found if back.details or back.addresses),
        "overlaps": sum(len(back.overlaps) for back in found),
    }


def _put_details(found: Sequence[Back]) -> None:
    """The details of a contact go into the row as they are read under the lock, the others with what they have."""
    changed: list[Contact] = []
    now = database_clock()
    for back in found:
        if back.details:
            for name, value in back.details.items():
                setattr(back.contact, name, value)
            back.contact.updated_at = now
            changed.append(back.contact)
    update_objects(changed, [*DETAILS, "updated_at"])


def _relational(job: ImportJob, origin: Origin, after: int) -> Iterator[_Step]:
    rows = _relational_rows(job).filter(contact_id__gt=after)
    numbers = sorted(set(rows.values_list("contact_id", flat=True)))
    for chunk in _chunks(numbers, CONTACTS_AT_ONCE):

        def do(chunk: Sequence[int] = chunk) -> dict[str, int]:
            taken = take_back(job.request_id, contacts=chunk)
            return {"relational": sum(taken.removed.values()), "overlaps": sum(taken.kept.values())}

        yield _Step(do, chunk[-1])


def _created(job: ImportJob, origin: Origin, after: int) -> Iterator[_Step]:
    if not job.options["undo"]["erase_created"]:
        return
    numbers = list(untouched(job).filter(pk__gt=after).order_by("pk").values_list("pk", flat=True))
    for chunk in _chunks(numbers, CONTACTS_AT_ONCE):

        def do(chunk: Sequence[int] = chunk) -> dict[str, int]:
            others = {number for item in holdings if item.key not in _OF_THE_REGISTER for number in item.count(chunk)}
            contacts = untouched(job).filter(pk__in_set=[number for number in chunk if number not in others])
            receipts = erase(contacts, origin=origin, requested_by_contact=False)
            return {"erased": len(receipts)}

        yield _Step(do, chunk[-1])
