"""Opt-outs and suppressions that a file says. A no is never dropped, also where the row is rejected for another cell.

What a row asks for is found in two steps, for the preview and again under the locks: whom or what its noes are about,
and, by the law of gates, whether each would shut a gate that is open, repeats what was said, or says nothing new.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import CharField, F, QuerySet, Value
from django.db.models.functions import Concat
from django.utils.translation import gettext as _

from contacts.addresses import Address
from contacts.models import Block, Contact, ImportJob, ImportRow, StatusHistory
from contacts.models.imports import ImportKind, RowOutcome
from contacts.origin import Origin, Said
from contacts.services.blocks import opt_out_addresses, suppress
from contacts.services.fingerprints import adopt_older_fingerprints_of
from contacts.services.imports import jobs
from contacts.services.imports.asked import No, contacts_behind, in_groups, noes_in, rejected_before
from contacts.services.imports.cells import CHANNELS
from contacts.services.imports.comparing import own_rows
from contacts.services.imports.planning import line_ranges, reject, totals
from contacts.services.imports.twin_noes import name_twins
from contacts.services.locks import lock_all_addresses, lock_ids
from contacts.services.opt_outs import opt_out
from contacts.services.said_before import Gates
from contacts.services.set_sql import database_clock
from contacts.vocabulary import Aspect, BlockKind, Cause, Reason

PLANNED_AT_ONCE = 10_000
CREATED, UPDATED = RowOutcome.CREATED, RowOutcome.UPDATED
UNCHANGED, REJECTED = RowOutcome.UNCHANGED, RowOutcome.REJECTED
CAUSES = {
    Reason.COMPLAINT: Cause.COMPLAINT,
    Reason.VERBAL_REQUEST: Cause.REQUEST,
    Reason.WRITTEN_REQUEST: Cause.REQUEST,
    Reason.OTHER: Cause.LISTED,
}


def origin_of_noes(job: ImportJob, origin: Origin | None = None) -> Origin:
    """Where the noes of an import come from: its reason decides what they weigh."""
    otherwise = Reason.OTHER if job.kind == ImportKind.SUPPRESSIONS else Reason.WRITTEN_REQUEST
    reason = job.options.get("reason")
    return (origin or jobs.origin_of(job)).saying(reason=Reason(reason) if reason in CAUSES else otherwise)


def plan(job: ImportJob, mine: uuid.UUID) -> None:
    """Decide every row of a list of opt-outs or of addresses to suppress. Raises jobs.Lost."""
    with transaction.atomic():
        pairs = name_twins(job)
        jobs.beat(job, mine)
    for first, last in line_ranges(job.last_line, PLANNED_AT_ONCE):
        with transaction.atomic():
            _plan_rows(job, own_rows(job).filter(line__gt=first, line__lte=last).exclude(line__in_set=pairs))
            jobs.beat(job, mine)
    with transaction.atomic():
        _plan_rows(job, own_rows(job).filter(line__in_set=pairs))
        jobs.beat(job, mine)
    job.planned = totals(own_rows(job))


def _plan_rows(job: ImportJob, scope: QuerySet[ImportRow]) -> None:
    taken = scope.exclude(outcome=REJECTED)
    found = noes_in(job, taken)
    asking = set(taken.filter(noes__isnull=False).values_list("line", flat=True))
    nobody = asking - {no.line for no in found}
    reject(scope.filter(line__in_set=nobody), "not_in_project", _nobody(job))
    _settle(scope, _weighed(job, found, origin_of_noes(job)))


def run_list(job: ImportJob, scope: QuerySet[ImportRow], origin: Origin) -> None:
    """Record the noes of a chunk of such a list; each row's outcome says what became of it."""
    lock_all_addresses(exclusive=True)
    lock_ids(contacts_behind(job, scope))
    _adopt_older_fingerprints(scope)
    decided = _record(job, noes_in(job, scope), origin_of_noes(job, origin))
    scope.exclude(outcome=REJECTED).update(outcome=UNCHANGED)
    _settle(scope, decided)
    say_recorded(scope, decided)


def run_columns(job: ImportJob, scope: QuerySet[ImportRow], origin: Origin) -> set[int]:
    """Record the opt-outs that rows of contacts say, and return the lines of those that were recorded.

    The caller holds the locks of all addresses, and of ``contacts_behind``.
    """
    rejected = rejected_before(job, scope)
    for rows in (scope.filter(outcome=REJECTED), rejected):
        _adopt_older_fingerprints(rows)
    decided = _record(job, noes_in(job, rejected) + noes_in(job, scope), origin_of_noes(job, origin))
    scope.filter(outcome=UNCHANGED, line__in_set=list(decided)).update(outcome=UPDATED)
    say_recorded(own_rows(job), decided)
    return set(decided)


def are_there(job: ImportJob, scope: QuerySet[ImportRow]) -> bool:
    """Whether ``run_columns`` of these rows has anything to do."""
    return scope.filter(noes__isnull=False).exists() or rejected_before(job, scope).exists()


def would_record(job: ImportJob, scope: QuerySet[ImportRow]) -> set[int]:
    """The lines of rows of contacts that are there with opt-outs that would be recorded: for the preview."""
    return set(_weighed(job, noes_in(job, scope.filter(outcome=UPDATED)), origin_of_noes(job)))


# What they amount to


def _weighed(job: ImportJob, noes: Sequence[No], origin: Origin) -> dict[int, bool]:
    """The lines that would be recorded, with whether they shut something."""
    decided: dict[int, bool] = {}
    for no, shuts in _weigh(job, noes, origin):
        decided[no.line] = decided.get(no.line, False) or shuts
    return decided


def _weigh(job: ImportJob, noes: Sequence[No], origin: Origin) -> list[tuple[No, bool]]:
    """The noes that are to be recorded, and whether each shuts a gate that is open."""
    now, period = database_clock(), timedelta(days=job.project.import_days)
    found: list[tuple[No, bool]] = []
    for channel in CHANNELS:
        here = [no for no in noes if no.channel == channel]
        if not here:
            continue
        about_contacts, about_blocks = Gates(origin, now, period), Gates(origin, now, period)
        numbers = {no.contact for no in here if no.contact is not None}
        words = StatusHistory.objects.filter(contact_id__in_set=numbers, aspect=Aspect.OPT_OUT, channel=channel)
        about_contacts.read(words, "contact_id")
        block_at = _blocks_at(job, [no.address for no in here if no.address is not None], origin)
        about_blocks.read(StatusHistory.objects.filter(block_id__in_set=set(block_at.values())), "block_id")
        new: dict[str, int] = {}
        for no in here:
            said = (
                no.said if no.said.occurred_at is None else replace(no.said, occurred_at=min(no.said.occurred_at, now))
            )
            if no.contact is not None:
                shuts = about_contacts.weigh(no.contact, said)
            else:
                mark = no.address.fingerprint if no.address else ""
                gate = block_at.get(mark) or new.setdefault(mark, -1 - len(new))
                shuts = about_blocks.weigh(gate, said)
            if shuts is not None:
                found.append((replace(no, said=said), shuts))
    return found


def _blocks_at(job: ImportJob, addresses: Sequence[Address], origin: Origin) -> dict[str, int]:
    """The blocks that noes about these addresses would be said to, by the addresses' fingerprints of today."""
    todays = {mark: address.fingerprint for address in addresses for mark in address.fingerprints}
    blocks: dict[str, int] = {}
    for group in in_groups(sorted(todays)):
        rows = Block.objects.filter(**_scope(job, origin), fingerprint__in_texts=group)
        blocks.update((todays[mark], pk) for mark, pk in rows.values_list("fingerprint", "pk"))
    return blocks


def _scope(job: ImportJob, origin: Origin) -> dict[str, Any]:
    """Which blocks the noes of an import are said to where they are about addresses."""
    where = {"organization": job.project.organization_id, "project": job.project}
    if job.kind != ImportKind.SUPPRESSIONS:
        return {**where, "kind": BlockKind.OPT_OUT, "cause": Cause.OPT_OUT}
    if job.options.get("scope") == "organization":
        where["project"] = None
    return {**where, "kind": BlockKind.SUPPRESSION, "cause": CAUSES[Reason(origin.reason)]}


def _record(job: ImportJob, noes: Sequence[No], origin: Origin) -> dict[int, bool]:
    """Write the noes that are worth it, and return their lines, with whether they shut something."""
    weighed = _weigh(job, noes, origin)
    decided: dict[int, bool] = {}
    for no, shuts in weighed:
        decided[no.line] = decided.get(no.line, False) or shuts
    for channel in CHANNELS:
        here = [no for no, _shuts in weighed if no.channel == channel]
        for contacts in _rounds((no.contact, no.said) for no in here if no.contact is not None):
            opt_out(Contact.objects.filter(pk__in_set=list(contacts)), channel, origin=origin, said=contacts)
        addresses = {no.address.fingerprint: no.address for no in here if no.address is not None}
        for said in _rounds((no.address.fingerprint, no.said) for no in here if no.address is not None):
            _shut(job, [addresses[mark] for mark in said], said, origin)
    return decided


def _shut(job: ImportJob, addresses: Sequence[Address], said: Mapping[str, Said], origin: Origin) -> None:
    if job.kind != ImportKind.SUPPRESSIONS:
        opt_out_addresses(addresses, project=job.project, origin=origin, said=said)
        return
    scope = _scope(job, origin)
    suppress(
        addresses, organization=job.project.organization, project=scope["project"], cause=scope["cause"],
        recorded_in=job.project, origin=origin, said=said,
    )  # fmt: skip


def _rounds(noes: Iterable[tuple[Any, Said]]) -> Iterator[dict[Any, Said]]:
    """Noes in groups in which each contact or address stands once; the first ones of all before the second ones."""
    rounds: list[dict[Any, Said]] = []
    times: dict[Any, int] = defaultdict(int)
    for gate, said in noes:
        number = times[gate]
        times[gate] += 1
        if number == len(rounds):
            rounds.append({})
        rounds[number][gate] = said
    for one in rounds:
        for group in in_groups(list(one)):
            yield {gate: one[gate] for gate in group}


def _adopt_older_fingerprints(scope: QuerySet[ImportRow]) -> None:
    rows = scope.filter(noes__isnull=False)
    for channel in CHANNELS:
        keys = rows.exclude(**{f"{channel}_key": ""}).values_list(f"{channel}_key", flat=True)
        adopt_older_fingerprints_of((channel, key) for key in keys)


# What the rows say of it


def _settle(scope: QuerySet[ImportRow], decided: Mapping[int, bool]) -> None:
    taken = scope.exclude(outcome=REJECTED)
    for outcome, wanted in ((CREATED, True), (UPDATED, False)):
        lines = [line for line, shuts in decided.items() if shuts == wanted]
        taken.filter(line__in_set=lines).update(outcome=outcome)


def say_recorded(scope: QuerySet[ImportRow], decided: Collection[int]) -> None:
    """A rejected row whose no was recorded says so."""
    words = Value(" " + _("What it says of the opt-out was recorded."))
    scope.filter(outcome=REJECTED, line__in_set=list(decided)).update(
        error=Concat(F("error"), words, output_field=CharField())
    )


def _nobody(job: ImportJob) -> str:
    if job.kind == ImportKind.SUPPRESSIONS:
        return _("The row has no address, and nobody in the project with this key has one.")
    return _("The row has no address, and nobody in the project has this key.")
