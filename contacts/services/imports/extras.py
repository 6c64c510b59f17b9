"""What a row holds beside the contact's own details: rows of the project's tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from contacts.extension_points import ImportedCells, import_columns
from contacts.models import Contact, ImportJob, ImportRow, RelationalTable
from contacts.models.imports import RowOutcome
from contacts.services.imports import jobs
from contacts.services.locks import person_of
from contacts.services.relational import NewRow, put_rows


def put_extras(job: ImportJob, rows: QuerySet[ImportRow]) -> set[int]:
    """Put what these staged rows say beside their contact's details, and return the lines of those that were new.

    A further row of a contact, which knows none, is that of the contact with its key.
    """
    with_key = Contact.objects.filter(project=job.project, key=OuterRef("key")).values("pk")[:1]
    told = rows.annotate(whose=Coalesce("contact_id", Subquery(with_key))).filter(whose__isnull=False)
    found: Found = list(told.order_by("line").values_list("line", "whose", "extras"))
    return _put_relational(job, found) | _put_registered(job, found)


Found = list[tuple[int, int, Any]]


def put_noes(job: ImportJob, scope: QuerySet[ImportRow]) -> set[int]:
    """Put what takes something away of rows that are not taken otherwise, and return the lines of those that did.

    The caller holds the locks of ``contacts_of_noes``.
    """
    return _put_registered(job, [found for found in _noes(job, scope) if found[2]])


def contacts_of_noes(job: ImportJob, scope: QuerySet[ImportRow]) -> set[int]:
    """The contacts about whom ``put_noes`` says something."""
    return {person_of(contact) for _line, contact, told in _noes(job, scope) if told}


def _noes(job: ImportJob, scope: QuerySet[ImportRow]) -> Found:
    rows = scope.filter(outcome__in=[RowOutcome.REJECTED, RowOutcome.UNCHANGED], extras__isnull=False)
    with_key = Contact.objects.filter(project=job.project, key=OuterRef("key")).values("pk")[:1]
    named = rows.annotate(whose=Coalesce("contact_id", Subquery(with_key))).filter(whose__isnull=False)
    groups = {group.key: group for group in import_columns}
    zone = job.project.zone
    found: Found = []
    told: Found = list(named.order_by("line").values_list("line", "whose", "extras"))
    for line, contact, extras in told:
        noes = {kind: groups[kind].noes(extras[kind], zone, False) for kind in groups.keys() & extras.keys()}
        found.append((line, contact, {kind: said for kind, said in noes.items() if said}))
    return found


def _put_registered(job: ImportJob, found: Found) -> set[int]:
    lines: set[int] = set()
    for group in import_columns:
        rows = [(line, contact, extras.get(group.key)) for line, contact, extras in found]
        cells = [ImportedCells(line, contact, told) for line, contact, told in rows if told]
        if cells:
            lines.update(group.put(cells, jobs.origin_of(job)))
    return lines


def _put_relational(job: ImportJob, found: Found) -> set[int]:
    tables = dict(RelationalTable.objects.filter(project=job.project).values_list("slug", "pk"))
    waves: list[list[tuple[int, NewRow]]] = []
    turn: Counter[tuple[int, str]] = Counter()
    for line, contact, extras in found:
        for slug, values in extras.get("relational", {}).items():
            if slug in tables:
                turn[contact, slug] += 1
                waves.extend([] for _new in range(turn[contact, slug] - len(waves)))
                waves[turn[contact, slug] - 1].append((line, NewRow(contact, tables[slug], values)))
    lines: set[int] = set()
    for wave in waves:  # in each of them a contact has one row of a table, so that it is told which one was new
        added = put_rows([row for _line, row in wave], request_id=job.request_id)
        lines.update(line for line, row in wave if added.get(row.contact))
    return lines
