"""What each staged row will do, found by sets: for the preview of a whole file, and again for each chunk when it runs.

A row is taken for unchanged until something says otherwise, so a list that is imported again writes next to nothing.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import (
    BigIntegerField,
    Case,
    CharField,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)  # fmt: skip
from django.db.models.functions import Cast, Coalesce, Concat
from django.utils.translation import gettext as _

from contacts.addresses import fingerprints_of
from contacts.models import Block, ChannelStatus, Contact, ImportJob, ImportRow
from contacts.models.imports import ImportKind, ImportMode, RowOutcome
from contacts.services.bulk_rows import NextId, keep_ids, reserve_ids, update_columns
from contacts.services.imports import jobs
from contacts.services.imports.cells import Staged
from contacts.services.imports.comparing import brings, channels_in, identical, own_rows, says_nothing_new
from contacts.services.set_sql import update_from
from contacts.services.status import switch_gates
from contacts.vocabulary import BlockKind, Channel, Reason, Weight

AT_ONCE = 250_000
TWINS_AT_ONCE = 20_000
CREATED, UPDATED = RowOutcome.CREATED, RowOutcome.UPDATED
UNCHANGED, REJECTED = RowOutcome.UNCHANGED, RowOutcome.REJECTED
FOLLOWS = "follows"  # a further row of a contact, whose own contact is never set


def plan(job: ImportJob, mine: uuid.UUID) -> None:
    """Decide every row of a staged import, and put the totals on the job. Raises jobs.Lost."""
    from contacts.services.imports import noes, replacing

    if job.kind != ImportKind.CONTACTS:
        noes.plan(job, mine)
        return
    with transaction.atomic():
        _name_twins(own_rows(job))
        jobs.beat(job, mine)
    for first, last in line_ranges(job.last_line, AT_ONCE):
        with transaction.atomic():
            rows = own_rows(job).filter(line__gt=first, line__lte=last)
            if saying := _saying_something(job, rows.filter(outcome=UNCHANGED)):
                decide(job, rows.filter(line__in_set=saying), rows)
            settle(job, rows)
            _pass_over_said(job, rows)
            jobs.beat(job, mine)
    _name_twins_by_contact(job, mine)
    job.planned = totals(own_rows(job))
    job.planned.update(left_alone(job))
    if job.mode == ImportMode.REPLACE:
        replacing.plan(job)


def _saying_something(job: ImportJob, rows: QuerySet[ImportRow]) -> list[int]:
    """The lines that are not those of a contact who has all that they say already.

    In a query of its own, for which PostgreSQL may use several processes, and as one condition, which it joins.
    """
    about_contacts_alone = Q(noes__isnull=True, extras__isnull=True)
    new = rows.filter(about_contacts_alone).filter(~identical(job))
    more = rows.exclude(about_contacts_alone)
    return [*new.values_list("line", flat=True), *more.values_list("line", flat=True)]


def finds_nobody(job: ImportJob) -> bool:
    """Whether there is nobody yet whom a row could be about: then each row that can be taken is a newcomer's."""
    return job.kind == ImportKind.CONTACTS and not Contact.objects.filter(project=job.project).exists()


def newcomers(staged: Staged) -> dict[str, Any]:
    """Outcomes and ids of the rows of a batch of which nobody is there yet."""
    outcomes = staged.values["outcome"]
    ids = reserve_ids(Contact, len(outcomes))
    keep_ids(Contact, ids[-1] if ids else None)
    return {
        "outcome": [CREATED.value if outcome == UNCHANGED.value else outcome for outcome in outcomes],
        "contact_id": [
            number if outcome == UNCHANGED.value else None for number, outcome in zip(ids, outcomes, strict=True)
        ],
    }


def line_ranges(last_line: int, at_once: int) -> Iterator[tuple[int, int]]:
    """Ranges of lines, each ``(after, up to)``."""
    for first in range(0, last_line, at_once):
        yield first, min(first + at_once, last_line)


def totals(rows: QuerySet[ImportRow]) -> dict[str, Any]:
    """How many rows there are of each outcome, and of the rejected ones of each reason."""
    found = dict.fromkeys(RowOutcome.values, 0)
    found.update(rows.order_by().values("outcome").annotate(n=Count("line")).values_list("outcome", "n"))
    rejected = rows.filter(outcome=REJECTED).order_by().values("error_code").annotate(n=Count("line"))
    return {**found, "reasons": dict(rejected.values_list("error_code", "n"))}


def reject(rows: QuerySet[ImportRow], code: str, words: Any) -> int:
    return rows.update(outcome=REJECTED, contact=None, error_code=code, error=words)


def _name_twins(rows: QuerySet[ImportRow]) -> None:
    """Of rows with one key the first that can be taken counts; the others say on which line it stands.

    Further rows that hold something of the project's tables (a contact's second order) add that, and nothing else.
    """
    taken = rows.exclude(outcome=REJECTED)
    twice = taken.order_by().values("key").annotate(n=Count("line")).filter(n__gt=1)
    first = Window(Min("line"), partition_by=F("key"))
    doubles = taken.filter(key__in=twice.values("key")).annotate(first=first).filter(line__gt=F("first"))
    adds = Q(extras__isnull=False, noes__isnull=True)
    before, _hole, after = (_("The same key stands on line %(line)s.") % {"line": "\0"}).partition("\0")
    words = Concat(Value(before), Cast("first", CharField()), Value(after), output_field=CharField())
    update_from(
        ImportRow,
        doubles,
        {
            "outcome": Case(When(adds, then=Value(UPDATED.value)), default=Value(REJECTED.value)),
            "error_code": Case(When(adds, then=Value(FOLLOWS)), default=Value("duplicate")),
            "error": Case(When(adds, then=Value("")), default=words),
            "contact": None,
        },
        by=_BY,
    )


def _name_twins_by_contact(job: ImportJob, mine: uuid.UUID) -> None:
    """Rows with different keys may be about one contact: found by address, or merged into one since."""
    known = own_rows(job).filter(outcome__in=[UPDATED, UNCHANGED], contact__isnull=False)
    detours = known.exclude(key=F("contact__key"))
    if not detours.exists():
        return
    twice = known.order_by().values("contact_id").annotate(n=Count("line"), first=Min("line")).filter(n__gt=1)
    of_contact = known.filter(contact_id__in=twice.values("contact_id")).values_list("contact_id", "line")
    firsts: dict[int, int] = {}
    places = [(line, firsts.setdefault(contact, line)) for contact, line in of_contact.order_by("line")]
    _reject_twins(job, mine, [(line, first) for line, first in places if line != first])
    by_key = own_rows(job).exclude(outcome=REJECTED).filter(key=OuterRef("contact__key")).order_by("line")
    having = detours.annotate(first=Subquery(by_key.values("line")[:1])).filter(first__isnull=False)
    _reject_twins(job, mine, list(having.values_list("line", "first")))


def _reject_twins(job: ImportJob, mine: uuid.UUID, twins: Sequence[tuple[int, int]]) -> None:
    """Reject rows, each told with the line on which the same contact stands. A list may have nothing else."""
    words = _("The same contact stands on line %(line)s.")
    for start in range(0, len(twins), TWINS_AT_ONCE):
        some = twins[start : start + TWINS_AT_ONCE]
        lines = [line for line, _first in some]
        with transaction.atomic():
            reject(own_rows(job).filter(line__in_set=lines), "duplicate", "")
            told = [words % {"line": first} for _line, first in some]
            update_columns(ImportRow, {"error": told}, by={"line": lines}, job_id=job.pk)
            jobs.beat(job, mine)


def decide(job: ImportJob, candidates: QuerySet[ImportRow], scope: QuerySet[ImportRow]) -> None:
    """Find whose row each candidate is: afterwards it is created or updated, and knows its contact; one to be
    created has the id that they will have. ``scope`` is the range of lines of the candidates."""
    found = candidates.annotate(found=_whose(job))
    decided = update_from(
        ImportRow,
        found,
        {
            "contact": Coalesce("found", NextId("line", model=Contact)),
            "outcome": Case(When(found__isnull=True, then=Value(CREATED.value)), default=Value(UPDATED.value)),
        },
        by=_BY,
    )
    if decided and _key_is_email(job):
        shared = Exists(_holders_of_email(job))
        reject(
            scope.filter(shared, outcome=CREATED),
            "ambiguous",
            _("Several contacts have this address. Name them by their key."),
        )


def settle(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    """Of decided rows find those that change nothing, and those that must not be taken."""
    created, updated = scope.filter(outcome=CREATED), scope.filter(outcome=UPDATED)
    keep_ids(Contact, created.aggregate(last=Max("contact_id"))["last"])
    idle = updated.filter(noes__isnull=True, extras__isnull=True).filter(says_nothing_new(job))
    update_from(ImportRow, idle, {"outcome": UNCHANGED.value}, by=_BY)
    if job.mode == ImportMode.ADD:
        updated.filter(noes__isnull=True).update(outcome=UNCHANGED)
    if job.mode == ImportMode.UPDATE:
        reject(created, "not_in_project", _("Nobody in the project has this key, and the import only updates."))
    refuse_unsendable(job, scope)
    _put_fingerprints(job, scope)
    refuse_silent(job, scope)


def _put_fingerprints(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    """Of the addresses of rows that do something, where they have none yet."""
    working = scope.filter(outcome__in=[CREATED, UPDATED])
    for channel in channels_in(job.mapping["targets"]):
        bare = working.filter(**{f"{channel}_fingerprint": ""}).exclude(**{f"{channel}_key": ""})
        lines, keys = [], []
        for line, key in bare.order_by().values_list("line", f"{channel}_key").iterator(chunk_size=20_000):
            lines.append(line)
            keys.append(key)
        update_columns(
            ImportRow, {f"{channel}_fingerprint": fingerprints_of(channel, keys)}, by={"line": lines}, job_id=job.pk
        )


def _pass_over_said(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    """Rows whose opt-outs are known already, and that say nothing else that is new, change nothing."""
    from contacts.services.imports import noes

    rows = scope.filter(outcome=UPDATED, noes__isnull=False, extras__isnull=True)
    if not rows.exists():
        return
    silent = rows if job.mode == ImportMode.ADD else rows.filter(says_nothing_new(job))
    lines = set(silent.values_list("line", flat=True)) - noes.would_record(job, rows)
    scope.filter(line__in_set=lines).update(outcome=UNCHANGED)


_BY = {"job": F("job_id"), "line": F("line")}


def _key_is_email(job: ImportJob) -> bool:
    return "key" not in job.mapping["targets"]


def _whose(job: ImportJob) -> Coalesce:
    """The contact with the row's key, or into whom that one was merged; without a column of keys also the one whose
    key is the address as it was typed, or the only one who has it."""
    in_project = Contact.objects.filter(project=job.project)

    def with_key(column: str) -> Subquery:
        return Subquery(in_project.filter(key=OuterRef(column)).values(one=Coalesce("merged_into_id", "pk"))[:1])

    if not _key_is_email(job):
        return Coalesce(with_key("key"), Value(None), output_field=BigIntegerField())
    alone = _holders_of_email(job).order_by().values("address_key").annotate(n=Count("pk"), one=Min("contact_id"))
    as_typed = Case(When(~Q(email=F("email_key")), then=with_key("email")), default=None)
    return Coalesce(
        with_key("key"), as_typed, Subquery(alone.filter(n=1).values("one")), output_field=BigIntegerField()
    )


def _holders_of_email(job: ImportJob) -> QuerySet[ChannelStatus]:
    return ChannelStatus.objects.filter(project=job.project, channel=Channel.EMAIL, address_key=OuterRef("email_key"))


def refuse_unsendable(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    """Whom one of our own exports calls inactive or not to be sent to does not arrive as somebody new, nor with a
    new address: their status is not in the file."""
    told = scope.filter(outcome__in=[CREATED, UPDATED]).exclude(unsendable="")
    for said in list(told.order_by().values_list("unsendable", flat=True).distinct()):
        rows = told.filter(unsendable=said)
        arriving = rows.filter(outcome=CREATED)
        reject(arriving, "said_by_export", _said_by_export(said))
        for channel in channels_in(job.mapping["targets"]):
            reject(rows.filter(brings(channel), outcome=UPDATED), "said_by_export", _said_by_export(said))


def _said_by_export(said: str) -> str:
    if said == "all":
        return _("The export says that this contact is inactive. Nobody inactive arrives as a new contact.")
    names = ", ".join(str(Channel(channel).label) for channel in said.split(","))
    return _("The export says that nothing may be sent to this contact (%(channels)s).") % {"channels": names}


def refuse_silent(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    """An address of an inactive contact of the project who asked to be so does not arrive under another key."""
    if not Contact.objects.filter(project=job.project, is_active=False).exists():
        return
    for channel in channels_in(job.mapping["targets"]):
        holders = ChannelStatus.objects.filter(
            project=job.project, fingerprint=OuterRef(f"{channel}_fingerprint"), contact_active=False
        )
        arriving = Q(outcome=CREATED) | (Q(outcome=UPDATED, contact__is_active=True) & brings(channel))
        rows = scope.exclude(**{f"{channel}_key": ""}).filter(arriving, Exists(holders))
        lines = dict(rows.values_list("line", f"{channel}_fingerprint"))
        if not lines:
            continue
        silent = fingerprints_of_silent(job, set(lines.values()))
        words = _(
            "An inactive contact of this project has this address (%(channel)s), and asked for it. If this is somebody "
            "else, add the contact by hand."
        ) % {"channel": Channel(channel).label}
        reject(
            scope.filter(line__in_set=[line for line, mark in lines.items() if mark in silent]),
            "belongs_to_silent",
            words,
        )


def fingerprints_of_silent(job: ImportJob, fingerprints: set[str]) -> set[str]:
    """Those of the addresses that an inactive contact of the project has who asked to be so."""
    of_contact: dict[int, set[str]] = {}
    rows = ChannelStatus.objects.filter(project=job.project, fingerprint__in_texts=fingerprints, contact_active=False)
    for contact, fingerprint in rows.values_list("contact_id", "fingerprint"):
        of_contact.setdefault(contact, set()).add(fingerprint)
    gates: QuerySet[Any] = switch_gates(Contact.objects.filter(pk__in_set=list(of_contact)))
    asked = gates.filter(strongest__gt=Weight.OURS).values_list("pk", flat=True)
    return {mark for contact in asked for mark in of_contact[contact]}


def left_alone(job: ImportJob) -> dict[str, int]:
    """How many decisions of earlier the import does not overrule: contacts who stay inactive, opted out, suppressed
    or in quarantine, and newcomers who are known from an erasure."""
    valid = own_rows(job).exclude(outcome=REJECTED)
    detours = valid.filter(outcome__in=[UPDATED, UNCHANGED], contact__isnull=False).exclude(key=F("contact__key"))

    def in_file(contact: str) -> Q:
        return Q(Exists(valid.filter(key=OuterRef(f"{contact}key")))) | Q(
            **{f"{contact}pk__in": detours.values("contact_id")}
        )

    inactive = Contact.objects.filter(project=job.project, is_active=False, merged_into=None)
    blocked = ChannelStatus.objects.filter(project=job.project).with_address().filter(in_file("contact__"))
    found = {"kept_inactive": inactive.filter(in_file("")).count(), "known_erased": 0}
    for name, kind in (
        ("kept_opted_out", BlockKind.OPT_OUT),
        ("kept_quarantined", BlockKind.QUARANTINE),
        ("kept_suppressed", BlockKind.SUPPRESSION),
    ):
        known = blocked.filter(**{_COLUMN[kind]: True}).order_by().values("contact_id").distinct().count()
        found[name] = known
    if Block.objects.reaching(job.project).on().exists():
        for channel in channels_in(job.mapping["targets"]):
            blocks = Block.objects.reaching(job.project).on().filter(channel=channel)
            new = Q(outcome=CREATED) | (Q(outcome=UPDATED) & brings(channel))
            arriving = valid.exclude(**{f"{channel}_key": ""}).filter(new)
            for name, some in (
                ("kept_opted_out", blocks.filter(kind=BlockKind.OPT_OUT)),
                ("kept_quarantined", blocks.filter(kind=BlockKind.QUARANTINE)),
                ("kept_suppressed", blocks.filter(kind=BlockKind.SUPPRESSION)),
                ("known_erased", blocks.filter(entries__reason=Reason.ERASURE)),
            ):
                # As a set that is made once: SQLite would go through the organization's blocks for every row.
                found[name] += arriving.filter(**{f"{channel}_fingerprint__in": some.values("fingerprint")}).count()
    return found


_COLUMN = {
    BlockKind.OPT_OUT: "opted_out",
    BlockKind.QUARANTINE: "quarantined",
    BlockKind.SUPPRESSION: "suppressed",
}
