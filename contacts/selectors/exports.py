"""Contacts as a table for other tools: who they are, and whether and why they may be sent to, at one moment.

What the importer reads comes first, under the names that it knows; it passes over the columns whose names
begin with “Sendable”, so that a list that was exported can be imported again and changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils import timezone

from contacts.csv_columns import OF_OUR_EXPORTS
from contacts.eligibility import Question, Verdict, verdicts
from contacts.models import Contact, Project
from contacts.models.contact import ContactQuerySet
from contacts.selectors.contact_rows import latest_changes
from contacts.services.set_sql import database_clock
from contacts.vocabulary import OPEN, SHUT, Aspect, Channel

AT_ONCE = 2_000
_PERSON = ("key", "first name", "last name", "language", *Channel.values, "notes", "attributes")


def exported_header() -> list[str]:
    """The names of the columns; the same in every language, since programs read them."""
    ours = ["status"]
    for channel in Channel.values:
        ours += [channel, f"{channel} reasons"]
    return [*_PERSON, *(f"{OF_OUR_EXPORTS} {name}" for name in (*ours, "latest change", "latest change at", "read at"))]


def moment_of(project: Project) -> datetime:
    """Now, for an export: never before the project's last entry, whatever the clock says."""
    last = Contact.objects.in_project(project).aggregate(last=Max("last_entry_at"))["last"]
    return max(moment for moment in (database_clock(), last) if moment is not None)


def exported_contacts(contacts: ContactQuerySet, moment: datetime) -> Iterator[list[Any]]:
    """A row for each contact, by id. All verdicts are those of ``moment``, however long the reading takes.

    At most AT_ONCE contacts are in memory, and each such batch takes a fixed number of queries.
    """
    batch: list[int] = []
    for number in contacts.order_by("pk").values_list("pk", flat=True).iterator(chunk_size=2_000):
        batch.append(number)
        if len(batch) == AT_ONCE:
            yield from _rows(batch, moment)
            batch = []
    if batch:
        yield from _rows(batch, moment)


def _rows(ids: list[int], moment: datetime) -> Iterator[list[Any]]:
    answers = [verdicts(ids, Question(channel, at=moment, known_at=moment)) for channel in Channel]
    latest = latest_changes(ids)
    for contact in Contact.objects.filter(pk__in=ids).order_by("pk"):
        found = [answer[contact.pk] for answer in answers if contact.pk in answer]
        if len(found) < len(answers):
            continue
        change = latest.get(contact.pk)
        yield [
            contact.key,
            contact.first_name,
            contact.last_name,
            contact.language,
            *(verdict.address for verdict in found),
            contact.notes,
            json.dumps(contact.attributes, ensure_ascii=False) if contact.attributes else "",
            (SHUT if found[0].fails("active") else OPEN)[Aspect.ACTIVE],
            *(cell for verdict in found for cell in _verdict_cells(verdict)),
            change.title if change else "",
            _exactly(change.recorded_at) if change else "",
            _exactly(moment),
        ]


def _verdict_cells(verdict: Verdict) -> tuple[str, str]:
    """Yes or no, and every reason why not, by the registered conditions."""
    failing = [str(outcome.label) for outcome in verdict.outcomes if not outcome.met]
    return ("no", "; ".join(failing)) if failing else ("yes", "")


def _exactly(moment: datetime) -> str:
    return timezone.localtime(moment).isoformat(timespec="seconds")
