"""Putting staged rows into the register, a chunk of lines in a transaction: all of a chunk, or nothing of it.

How far the import is stands on the job and is written in the same transaction, so a worker that is killed leaves
whole chunks behind it, and another one goes on with the next line.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Case, Exists, F, JSONField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import JSONObject

from contacts.csv_reading import Table, UnreadableFile
from contacts.models import Block, ChannelStatus, Contact, ImportJob, ImportRow, StatusHistory
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.moments import TICK
from contacts.origin import Origin
from contacts.services.fingerprints import adopt_older_fingerprints_of
from contacts.services.imports import asked, jobs, noes, replacing, staging
from contacts.services.imports.comparing import (
    DETAILS,
    brings,
    channels_in,
    details_in,
    own_rows,
    says_nothing_new,
)
from contacts.services.imports.extras import contacts_of_noes, put_extras, put_noes
from contacts.services.imports.planning import FOLLOWS, decide, refuse_silent, settle, totals
from contacts.services.ledger import moment_after, record
from contacts.services.locks import lock_all_addresses, lock_ids
from contacts.services.projection import copy_blocks, touch
from contacts.services.set_sql import MergedJson, database_clock, insert_from, refresh_statistics, update_from
from contacts.vocabulary import OPEN, Aspect, Reason, Says, Weight

CHUNK = 10_000
CREATED, UPDATED = RowOutcome.CREATED, RowOutcome.UPDATED
_BY = {"job": F("job_id"), "line": F("line")}

ShouldStop = Callable[[], bool]
Progress = Callable[[ImportJob], None]


def run(
    job: ImportJob,
    mine: uuid.UUID,
    *,
    should_stop: ShouldStop = lambda: False,
    tell: Progress = lambda job: None,
    table: Table | None = None,
) -> None:
    """Go on with a running import from where it is, until it is done, is to stop, or the worker is to end.

    ``table`` is the file where it is open already. Raises jobs.Lost.
    """
    looked_at = max(job.counts.get("created", 0), CHUNK // 4)
    while job.done_line < job.last_line:
        if should_stop():
            return
        job.refresh_from_db(fields=["stop_requested"])
        if job.stop_requested:
            with transaction.atomic():
                jobs.beat(job, mine, state=ImportState.STOPPED, claim=None)
            return
        _work_off(job, mine, job.done_line, _end_of_chunk(job))
        arrived, to_come = job.counts["created"], job.last_line - job.done_line
        if looked_at * 4 <= arrived < to_come:
            looked_at = arrived
            refresh_statistics(Contact, ChannelStatus, StatusHistory)
        tell(job)
    replaces = job.mode == ImportMode.REPLACE and job.kind == ImportKind.CONTACTS
    if replaces and not replacing.run(job, mine, should_stop=should_stop):
        return
    staging.keep_cells(job, mine, table or _reopened(job))
    with transaction.atomic():
        jobs.forget_file(job)
        jobs.beat(job, mine, state=ImportState.DONE, finished_at=database_clock(), claim=None)


def _end_of_chunk(job: ImportJob) -> int:
    """The next lines up to a chunk, and those before them that do nothing."""
    ahead = own_rows(job).filter(line__gt=job.done_line)
    working = ahead.exclude(outcome=RowOutcome.UNCHANGED).order_by("line").values_list("line", flat=True).first()
    idle_until = job.last_line if working is None else working - 1
    idle = ahead.filter(line__lte=idle_until).exclude(noes__isnull=True, extras__isnull=True)
    speaking = idle.order_by("line").values_list("line", flat=True).first()
    idle_until = idle_until if speaking is None else speaking - 1
    return min(idle_until + CHUNK, job.last_line)


def _reopened(job: ImportJob) -> Table | None:
    try:
        return staging.open_again(job)
    except UnreadableFile:
        return None


def _work_off(job: ImportJob, mine: uuid.UUID, first: int, last: int) -> None:
    """One chunk. Somebody may add one of its keys meanwhile: then it is looked at again."""
    before = job.counts
    for attempt in range(5):
        try:
            with transaction.atomic():
                scope = own_rows(job).filter(line__gt=first, line__lte=last)
                if job.kind == ImportKind.CONTACTS:
                    _write(job, scope, again=attempt > 0)
                else:
                    noes.run_list(job, scope, jobs.origin_of(job))
                counts = add_up(before, totals(scope))
                jobs.beat(job, mine, done_line=last, counts=counts)
            return
        except IntegrityError:
            continue
    raise RuntimeError("The keys of this file keep being taken by others.")


def add_up(counts: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """The sum of two totals, reason by reason."""
    reasons = dict(counts.get("reasons", {}))
    for code, number in more["reasons"].items():
        reasons[code] = reasons.get(code, 0) + number
    return {**counts, **{name: counts.get(name, 0) + more[name] for name in RowOutcome.values}, "reasons": reasons}


def _write(job: ImportJob, scope: QuerySet[ImportRow], *, again: bool) -> None:
    origin = jobs.origin_of(job)
    working = scope.filter(outcome__in=[CREATED, UPDATED])
    has_noes = noes.are_there(job, scope)
    told = contacts_of_noes(job, scope)
    if not has_noes and not told and not working.exists():
        return
    lock_all_addresses(exclusive=has_noes)
    channels = channels_in(job.mapping["targets"])
    adopt_older_fingerprints_of(
        (channel, key)
        for channel in channels
        for key in working.exclude(**{f"{channel}_key": ""}).values_list(f"{channel}_key", flat=True)
    )
    candidates = (working if again else scope.filter(outcome=UPDATED)).exclude(error_code=FOLLOWS)
    known = set(candidates.filter(contact__isnull=False).values_list("contact_id", flat=True))
    lock_ids(known | told | (asked.contacts_behind(job, scope) if has_noes else set()))
    if again or known:
        decide(job, candidates, scope)
        settle(job, scope)
    else:
        refuse_silent(job, scope)
    created = scope.filter(outcome=CREATED)
    updated = scope.filter(outcome=UPDATED).exclude(error_code=FOLLOWS)
    changing = set(lock_ids(updated.values_list("contact_id", flat=True)))
    silent = _with_noes_or_extras_alone(job, updated)
    silent |= set(scope.filter(outcome=UPDATED, error_code=FOLLOWS).values_list("line", flat=True))
    blocked = _blocks_on(job, working, channels)
    moment = max([moment_after(contacts=changing), *(at + TICK for at in blocked.values())])
    last = moment + TICK * len(channels)
    _add(job, created, channels, moment, last, origin)
    if job.mode != ImportMode.ADD:
        _change(job, updated, channels, moment, last, origin)
    if blocked:
        arrived = ChannelStatus.objects.filter(project=job.project, fingerprint__in=list(blocked))
        here = arrived.filter(contact_id__in=created.values("contact_id")).values_list("pk", flat=True)
        copy_blocks(ChannelStatus.objects.filter(pk__in_set=list(here)), last)
    said = put_extras(job, scope.filter(outcome__in=[CREATED, UPDATED], extras__isnull=False))
    if withdrawn := put_noes(job, scope):
        noes.say_recorded(scope, withdrawn)
        scope.filter(outcome=RowOutcome.UNCHANGED, line__in_set=list(withdrawn)).update(outcome=UPDATED)
        said |= withdrawn
    if has_noes:
        said |= noes.run_columns(job, scope, origin)
    idle = silent - said
    if idle:
        scope.filter(line__in_set=idle).update(outcome=RowOutcome.UNCHANGED)


def _with_noes_or_extras_alone(job: ImportJob, updated: QuerySet[ImportRow]) -> set[int]:
    """The lines of rows that would be unchanged but for an opt-out or relational values in them."""
    rows = updated.exclude(noes__isnull=True, extras__isnull=True)
    nothing_new = Q() if job.mode == ImportMode.ADD else says_nothing_new(job)
    return set(rows.filter(nothing_new).values_list("line", flat=True))


def _blocks_on(job: ImportJob, working: QuerySet[ImportRow], channels: list[str]) -> dict[str, datetime]:
    """The addresses of these rows on which blocks lie, with the last entry about one."""
    blocks = Block.objects.filter(organization=job.project.organization_id, last_entry_at__isnull=False)
    found: dict[str, datetime] = {}
    if not blocks.exists():
        return found
    for channel in channels:
        marks = working.exclude(**{f"{channel}_key": ""}).values(f"{channel}_fingerprint")
        for mark, at in blocks.filter(channel=channel, fingerprint__in=marks).values_list(
            "fingerprint", "last_entry_at"
        ):
            if at is not None:
                found[mark] = max(at, found.get(mark, at))
    return found


def _place(job: ImportJob) -> dict[str, Any]:
    return {
        "organization": job.project.organization_id,
        "project": job.project_id,
        "contact": F("contact_id"),
        "block": None,
        "line": F("line"),
    }


def _add(
    job: ImportJob,
    created: QuerySet[ImportRow],
    channels: list[str],
    moment: datetime,
    last: datetime,
    origin: Origin,
) -> None:
    """The same entries as ``register.create_contact`` writes, for every row at once. In the order of the keys: lists of
    the same people in other orders wait for each other, and none holds what the other needs."""
    here = {"organization": job.project.organization_id, "project": job.project_id}
    if not insert_from(
        created.order_by("key"),
        Contact,
        {
            "id": F("contact_id"),
            **here,
            "key": F("key"),
            **{name: F(name) for name in DETAILS},
            "is_active": True,
            "merged_into": None,
            "last_entry_at": last,
            "created_at": moment,
            "updated_at": moment,
        },
    ):
        return
    came = origin.saying(reason=Reason.CREATED)
    record(
        created, aspect=Aspect.ACTIVE, says=Says.YES, origin=came, moment=moment, weight=Weight.OURS,
        from_value="", to_value=OPEN[Aspect.ACTIVE], channel="", **_place(job),
    )  # fmt: skip
    for number, channel in enumerate(channels, start=1):
        rows = created.exclude(**{f"{channel}_key": ""})
        insert_from(
            rows.order_by("line"), ChannelStatus, {**here, **_channel_row(channel, last), "contact_active": True}
        )
        record(
            rows, aspect=Aspect.ADDRESS, says=Says.VALUE, origin=came, moment=moment + TICK * number,
            weight=Weight.OURS, from_value="", to_value=F(channel), channel=channel,
            address_fingerprint=F(f"{channel}_fingerprint"), **_place(job),
        )  # fmt: skip


def _channel_row(channel: str, last: datetime) -> dict[str, Any]:
    return {
        "contact": F("contact_id"),
        "channel": channel,
        "address": F(channel),
        "address_key": F(f"{channel}_key"),
        "fingerprint": F(f"{channel}_fingerprint"),
        "is_valid": True,
        "own_opt_out": False,
        "opted_out": False,
        "quarantined": False,
        "suppressed": False,
        "address_at": last,
        "last_entry_at": last,
    }


def _change(
    job: ImportJob,
    updated: QuerySet[ImportRow],
    channels: list[str],
    moment: datetime,
    last: datetime,
    origin: Origin,
) -> None:
    """Details and addresses of contacts who are there. What was there before stays with the row, for an undo."""
    if not updated.exists():
        return
    # SQLite would put JSON into JSON as text, but not what a JSON function gives.
    attributes = MergedJson(F("contact__attributes"), Value({}, JSONField()))
    before = JSONObject(
        **{name: F(f"contact__{name}") for name in DETAILS if name != "attributes"}, attributes=attributes
    )
    update_from(ImportRow, updated, {"before": before}, by=_BY)
    names = details_in(job.mapping["targets"])
    if names:
        columns = {name: _detail(name) for name in sorted(names)}
        update_from(Contact, updated, {**columns, "updated_at": moment}, by={"id": F("contact_id")})
    moved: set[int] = set()
    for number, channel in enumerate(channels, start=1):
        lines = list(updated.filter(brings(channel)).values_list("line", flat=True))
        if not lines:
            continue
        rows = updated.filter(line__in_set=lines)
        held = ChannelStatus.objects.filter(contact=OuterRef("contact_id"), channel=channel)
        record(
            rows, aspect=Aspect.ADDRESS, says=Says.VALUE, origin=origin, moment=moment + TICK * number,
            weight=Weight.OURS, to_value=F(channel), channel=channel,
            from_value=Case(When(Exists(held), then=Subquery(held.values("address")[:1])), default=Value("")),
            address_fingerprint=F(f"{channel}_fingerprint"), **_place(job),
        )  # fmt: skip
        values = {**_channel_row(channel, last), "contact_active": F("contact__is_active")}
        changed = {name: values[name] for name in _MOVING}
        update_from(
            ChannelStatus, rows.filter(Exists(held)), changed, by={"contact": F("contact_id"), "channel": channel}
        )
        here = {"organization": job.project.organization_id, "project": job.project_id}
        insert_from(rows.exclude(Exists(held)).order_by("line"), ChannelStatus, {**here, **values})
        moved.update(rows.values_list("contact_id", flat=True))
    touch(moved, last)
    copy_blocks(ChannelStatus.objects.filter(contact_id__in_set=list(moved), channel__in=channels), last)


_MOVING = ("address", "address_key", "fingerprint", "is_valid", "contact_active", "address_at", "last_entry_at")


def _detail(name: str) -> Any:
    held = F(f"contact__{name}")
    if name == "attributes":
        return MergedJson(held, F("attributes"))
    if name == "notes":
        return Case(When(~Q(contact__notes=""), then=held), default=F("notes"))
    return Case(When(**{name: ""}, then=held), default=F(name))
