"""Replacement imports: who is not in the list is deactivated, and who is back in it comes back.

Rejected rows count as present: a bad cell deactivates nobody. Who is newer than the list stays as they are.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from contacts.models import ChannelStatus, Contact, ImportJob
from contacts.models.contact import ContactQuerySet
from contacts.models.imports import ImportState, RowOutcome
from contacts.moments import end_of_day
from contacts.origin import Said
from contacts.services.imports import jobs
from contacts.services.imports.cells import CHANNELS
from contacts.services.imports.comparing import own_rows
from contacts.services.status import deactivate, only_replaced, return_replaced
from contacts.vocabulary import Channel, Reason

CHUNK = 10_000


def absent(job: ImportJob, present: set[int] | None = None) -> ContactQuerySet:
    """The active contacts who are not in the list, and not newer than it.

    ``present`` are those who are found otherwise than by their key (``present_otherwise``).
    """
    present = present_otherwise(job) if present is None else present
    named = own_rows(job).filter(key=OuterRef("key"))
    contacts = Contact.objects.in_project(job.project).active().filter(created_at__lte=_as_of(job))
    return contacts.filter(~Exists(named)).exclude(pk__in_set=present)


def returning(job: ImportJob, present: set[int] | None = None) -> ContactQuerySet:
    """The inactive contacts who are in the list, and whom only an earlier replacement had deactivated.

    ``present`` are those whom rows that are taken find otherwise than by their key (``found_otherwise``).
    """
    present = found_otherwise(job) if present is None else present
    named = own_rows(job).exclude(outcome=RowOutcome.REJECTED).filter(key=OuterRef("key"))
    inactive = Contact.objects.in_project(job.project).inactive()
    return only_replaced(inactive.filter(Q(Exists(named)) | Q(pk__in_set=present)))


def found_otherwise(job: ImportJob) -> set[int]:
    """Contacts whom a row that is taken found by an address, or by the key of somebody who was merged into them."""
    rows = own_rows(job).filter(contact__isnull=False, outcome__in=[RowOutcome.UPDATED, RowOutcome.UNCHANGED])
    return set(rows.exclude(key=F("contact__key")).values_list("contact_id", flat=True))


def present_otherwise(job: ImportJob) -> set[int]:
    """Contacts who are in the list otherwise than by their key, rejected rows included."""
    in_project = Contact.objects.ever_in_project(job.project)
    found = found_otherwise(job)
    named = own_rows(job).filter(key=OuterRef("key"))
    merged = in_project.filter(merged_into__isnull=False).filter(Exists(named))
    found.update(number for number in merged.values_list("merged_into_id", flat=True) if number is not None)
    rejected = own_rows(job).filter(outcome=RowOutcome.REJECTED)
    typed = rejected.exclude(email="").values("email")
    found.update(in_project.filter(key__in=typed).values_list("pk", flat=True))
    columns = [(channel, f"{channel}_key") for channel in CHANNELS]
    if "key" not in job.mapping["targets"]:
        columns.append((Channel.EMAIL.value, "key"))
    for channel, column in columns:
        keys = rejected.exclude(**{column: ""}).values(column)
        having = ChannelStatus.objects.filter(project=job.project, channel=channel, address_key__in=keys)
        found.update(having.values_list("contact_id", flat=True))
    return found


def _as_of(job: ImportJob) -> datetime:
    """The moment of the list: who was added later is newer than it."""
    return end_of_day(job.dated, job.project.zone) if job.dated else job.created_at


def plan(job: ImportJob) -> None:
    """Put on the job how many would be deactivated and how many would come back."""
    returned_before = job.planned.get("returning", 0)
    coming = returning(job).count()
    kept = job.planned.get("kept_inactive", 0) + returned_before - coming
    job.planned.update(deactivated=absent(job).count(), returning=coming, kept_inactive=kept)


def refresh_plan(job: ImportJob) -> int:
    """The same anew, saved; returns how many would be deactivated."""
    plan(job)
    job.save(update_fields=["planned"])
    return int(job.planned["deactivated"])


def needs_typing(job: ImportJob) -> bool:
    """Whether so many would be deactivated that their number has to be typed."""
    active = Contact.objects.in_project(job.project).active().count()
    return int(job.planned.get("deactivated", 0)) * 100 > job.project.import_share * active


def run(job: ImportJob, mine: uuid.UUID, *, should_stop: Callable[[], bool]) -> bool:
    """Deactivate who is not in the list, and let those come back whom only an earlier replacement had deactivated.

    Goes on where it was left. Returns whether it is done; else it was stopped, or is to end. Raises jobs.Lost.
    """
    found, present = found_otherwise(job), present_otherwise(job)
    for name, contacts, change in (
        ("returned", returning(job, found), _return),
        ("deactivated", absent(job, present), _deactivate),
    ):
        last = 0
        while ids := list(contacts.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]):
            if should_stop() or _is_stopped(job, mine):
                return False
            with transaction.atomic():
                number = change(job, contacts.filter(pk__in_set=ids))
                jobs.beat(job, mine, counts={**job.counts, name: job.counts.get(name, 0) + number})
            last = ids[-1]
    return True


def _is_stopped(job: ImportJob, mine: uuid.UUID) -> bool:
    job.refresh_from_db(fields=["stop_requested"])
    if job.stop_requested:
        with transaction.atomic():
            jobs.beat(job, mine, state=ImportState.STOPPED, claim=None)
    return job.stop_requested


def _deactivate(job: ImportJob, contacts: ContactQuerySet) -> int:
    return deactivate(contacts, origin=jobs.origin_of(job).saying(reason=Reason.REPLACED)).recorded


def _return(job: ImportJob, contacts: ContactQuerySet) -> int:
    keys = dict(contacts.values_list("key", "pk"))
    rows = own_rows(job).exclude(outcome=RowOutcome.REJECTED)
    by_key = rows.filter(key__in=list(keys)).values_list("key", "line")
    by_number = rows.filter(contact_id__in_set=list(keys.values())).values_list("contact_id", "line")
    lines = {**dict(by_number), **{keys[key]: line for key, line in by_key if key in keys}}
    said = {number: Said(line=line) for number, line in lines.items()}
    return return_replaced(contacts, origin=jobs.origin_of(job), said=said).recorded
