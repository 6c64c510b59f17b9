"""What imports hold of contacts who are erased: their staged rows, and the files that these came from.

A staged row knows its contact by number only where it changes something, so rows are looked for by every key that the
contacts have or had, by their addresses (which are keys where a list has no other), and by their entries in the
history. A row that is found becomes empty and stays, so that the counts of its import still add up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from django.db.models import JSONField, Q, QuerySet
from django.utils.translation import gettext as _

from contacts.addresses import normalise
from contacts.errors import InvalidAddress
from contacts.extension_points import Count
from contacts.models import ChannelStatus, Contact, ImportJob, ImportPiece, ImportRow, StatusHistory
from contacts.models.imports import ImportState, RowOutcome
from contacts.services.imports.asked import in_groups
from contacts.services.imports.cells import CHANNELS
from contacts.services.imports.jobs import without_names
from contacts.services.set_sql import database_clock
from contacts.tables import numbered_name
from contacts.vocabulary import Aspect, Channel

NOT_READ = (ImportState.UPLOADED, ImportState.STAGING)
UNFINISHED = (*NOT_READ, ImportState.READY, ImportState.RUNNING, ImportState.STOPPED)
_STAYING = ("job", "line", "outcome", "error_code")

Place = tuple[int, int]


@dataclass(slots=True)
class _Traces:
    """By what the rows of contacts of one project are found: their own keys, these and all texts that may be keys in a
    list, and by channel their addresses; each with the contact."""

    own: set[str] = field(default_factory=set)
    keys: dict[str, int] = field(default_factory=dict)
    addresses: dict[str, dict[str, int]] = field(default_factory=lambda: {channel: {} for channel in CHANNELS})


def count(ids: Iterable[int]) -> Mapping[int, Count]:
    """How many staged rows there are of each contact."""
    numbers = Counter(_rows_of(list(ids)).values())
    return {contact: Count(number) for contact, number in numbers.items()}


def places(ids: Iterable[int]) -> list[Place]:
    """The staged rows of contacts, by import and line."""
    return sorted(_rows_of(list(ids)))


def forget(ids: Iterable[int]) -> int:
    """Empty the staged rows of contacts, and delete the files in which they stand. Those that nobody has read yet may
    have them in it, too. Runs while the contacts are still there."""
    ids = list(ids)
    found = _rows_of(ids)
    lines: dict[int, list[int]] = defaultdict(list)
    for number, line in found:
        lines[number].append(line)
    projects = set(Contact.objects.filter(pk__in_set=ids).values_list("project_id", flat=True))
    unread = ImportJob.objects.filter(project__in=projects, state__in=[*NOT_READ, ImportState.FAILED], size__gt=0)
    unread = unread.filter(purged_at=None)
    concerned = sorted({*lines, *unread.values_list("pk", flat=True)})
    for job in ImportJob.objects.filter(pk__in=concerned).order_by("pk").select_for_update():
        _forget_in(job, sorted(lines.get(job.pk, [])))
    _forget_names(ids)
    return len(found)


def _forget_names(ids: list[int]) -> None:
    """Number the columns of lists the first row of which, one of these contacts', was taken for their names."""
    for project, traces in _traces(ids).items():
        here = ImportJob.objects.filter(project=project).order_by("pk")
        for number, mapping in list(here.values_list("pk", "mapping")):
            columns = mapping.get("columns", ())
            if any(name in traces.keys or _plain(name) in traces.keys for name in columns):
                names = [numbered_name(place) for place in range(1, len(columns) + 1)]
                ImportJob.objects.filter(pk=number).update(mapping={**mapping, "columns": names})


def _plain(name: str) -> str:
    """A name of a column as an address is compared."""
    with suppress(InvalidAddress):
        return normalise(Channel.EMAIL, name).key
    return name


def _forget_in(job: ImportJob, lines: list[int]) -> None:
    ImportPiece.objects.filter(job=job)._raw_delete("default")
    if job.state in NOT_READ:
        ImportRow.objects.filter(job=job)._raw_delete("default")
        ImportJob.objects.filter(pk=job.pk).update(
            state=ImportState.DISCARDED, claim=None, purged_at=database_clock(), rows=0,
            mapping=without_names(job.mapping),
            error=_("A contact was deleted after the file was uploaded, and may be in it. Upload it again."),
        )  # fmt: skip
        return
    rows = ImportRow.objects.filter(job=job, line__in_set=lines)
    if job.state in UNFINISHED:
        _take_out(job, rows.filter(line__gt=job.done_line))
    empty = {field.name: _nothing(field) for field in ImportRow._meta.concrete_fields if field.name not in _STAYING}
    words = _("The contact was deleted after the file was uploaded.")
    rows.update(**empty)
    rows.exclude(outcome=RowOutcome.REJECTED).update(error_code="")
    rows.filter(error_code="erased").update(error=words)


def _take_out(job: ImportJob, rows: QuerySet[ImportRow]) -> None:
    """Rows that are still to be worked off are rejected; the plan says so."""
    planned = dict(job.planned)
    reasons: Counter[str] = Counter(planned.get("reasons", {}))
    for outcome, code in rows.values_list("outcome", "error_code"):
        planned[outcome] = planned.get(outcome, 0) - 1
        planned[RowOutcome.REJECTED] = planned.get(RowOutcome.REJECTED, 0) + 1
        if outcome == RowOutcome.REJECTED:
            reasons[code] -= 1
        reasons["erased"] += 1
    planned["reasons"] = {code: number for code, number in reasons.items() if number > 0}
    ImportJob.objects.filter(pk=job.pk).update(planned={str(name): value for name, value in planned.items()})
    rows.update(outcome=RowOutcome.REJECTED, error_code="erased")


def _nothing(field: Any) -> Any:
    if isinstance(field, JSONField):
        return None if field.null else {}
    return None if field.is_relation else ""


# Finding them


def _rows_of(ids: list[int]) -> dict[Place, int]:
    """The staged rows of contacts, by import and line, each with the contact."""
    found: dict[Place, int] = {}
    for project, traces in _traces(ids).items():
        jobs = dict(ImportJob.objects.filter(project=project, purged_at=None).values_list("pk", "state"))
        if jobs:
            _by_traces(jobs, traces, found)
            _by_number(jobs, ids, found)
    return found


def _by_traces(jobs: Mapping[int, str], traces: _Traces, found: dict[Place, int]) -> None:
    rows = ImportRow.objects.filter(job__in=list(jobs))
    for group in in_groups(sorted(traces.keys)):
        for job, line, key in rows.filter(key__in_texts=group).values_list("job_id", "line", "key"):
            found[job, line] = traces.keys[key]
    unfinished = [job for job, state in jobs.items() if state in UNFINISHED]
    loose = rows.filter(Q(job__in=unfinished) | Q(outcome=RowOutcome.REJECTED))
    for channel, addresses in traces.addresses.items():
        name = f"{channel}_key"
        for group in in_groups(sorted(addresses)):
            for job, line, key in loose.filter(**{f"{name}__in_texts": group}).values_list("job_id", "line", name):
                found.setdefault((job, line), addresses[key])


def _by_number(jobs: Mapping[int, str], ids: list[int], found: dict[Place, int]) -> None:
    """By the contact's number in rows that are still to be worked off, and by the lines that entries name."""
    unfinished = [job for job, state in jobs.items() if state in UNFINISHED]
    rows = ImportRow.objects.filter(job__in=unfinished, contact_id__in_set=ids)
    for number, line, contact in rows.values_list("job_id", "line", "contact_id"):
        if contact is not None:
            found.setdefault((number, line), contact)
    of_request = dict(ImportJob.objects.filter(pk__in=list(jobs)).values_list("request_id", "pk"))
    entries = StatusHistory.objects.filter(contact_id__in_set=ids, line__isnull=False).order_by()
    named: dict[int, dict[int, int]] = defaultdict(dict)
    for request, place, person in entries.values_list("request_id", "line", "contact_id"):
        if request in of_request and place is not None and person is not None:
            named[of_request[request]][place] = person
    for job, lines in named.items():
        there = ImportRow.objects.filter(job=job, line__in_set=list(lines)).exclude(contact=None, key="")
        for line in there.values_list("line", flat=True):
            found.setdefault((job, line), lines[line])


def _traces(ids: list[int]) -> dict[int, _Traces]:
    """What contacts are known by, by project. What others have as a key or address by now is theirs."""
    found: dict[int, _Traces] = defaultdict(_Traces)
    project_of: dict[int, int] = {}
    for number, project, key in Contact.objects.filter(pk__in_set=ids).values_list("pk", "project_id", "key"):
        project_of[number] = project
        found[project].own.add(key)
        _know(found[project], number, "", key)
    rows = ChannelStatus.objects.filter(contact_id__in_set=ids).with_address()
    for number, channel, shown in rows.values_list("contact_id", "channel", "address"):
        _know(found[project_of[number]], number, channel, shown)
    said = StatusHistory.objects.filter(contact_id__in_set=ids, aspect__in=[Aspect.KEY, Aspect.ADDRESS]).order_by()
    for number, channel, *texts in said.values_list("contact_id", "channel", "from_value", "to_value").distinct():
        for text in filter(None, texts):
            if number in project_of:
                _know(found[project_of[number]], number, channel, text)
    for project, traces in found.items():
        _leave_to_others(project, traces, ids)
    return found


def _know(traces: _Traces, number: int, channel: str, text: str) -> None:
    """A key (where there is no channel) or an address, as it stands in staged rows."""
    traces.keys.setdefault(text, number)
    with suppress(InvalidAddress):
        address = normalise(channel or Channel.EMAIL, text)
        traces.keys.setdefault(address.key, number)
        if channel:
            traces.addresses[channel].setdefault(address.key, number)


def _leave_to_others(project: int, traces: _Traces, ids: list[int]) -> None:
    for group in in_groups(sorted(set(traces.keys) - traces.own)):
        others = Contact.objects.filter(project=project, key__in_texts=group).exclude(pk__in_set=ids)
        having = ChannelStatus.objects.filter(project=project, address_key__in_texts=group).exclude(
            contact_id__in_set=ids
        )
        for key in [*others.values_list("key", flat=True), *having.values_list("address_key", flat=True)]:
            traces.keys.pop(key, None)
    for channel, addresses in traces.addresses.items():
        for group in in_groups(sorted(addresses)):
            held = ChannelStatus.objects.filter(project=project, channel=channel, address_key__in_texts=group)
            for key in held.exclude(contact_id__in_set=ids).values_list("address_key", flat=True):
                addresses.pop(key, None)
