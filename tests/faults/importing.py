"""An import to disturb: its list, its start, and what there is afterwards, to be compared with one left in peace.

Also a program, for registers that the test's own process has no connection to:
``python -m tests.faults.importing begin PROJECT ROWS``, ``start PROJECT``, ``facts PROJECT``; and ``worker``, which is
``manage.py worker`` with chunks as small as ``FAULT_CHUNK`` says.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections import Counter
from typing import Any

OLD_SHARE, MOVED, BAD, TWIN, BLOCKED, NO = 7, 21, 97, 101, 103, 31
HEADER = "Customer number,Email,First name,Last name,City,No mail"
TARGETS = ["key", "email", "first_name", "last_name", "attribute", "opt_out:email"]


def line(number: int, *, old: bool) -> str:
    """A row. Of those whom the project knows every second has another name by now, and some another address."""
    email = f"reader{number}@example.org"
    first = f"Ann {number}"
    if old and number % (2 * OLD_SHARE) == 0:
        first = f"Anna {number}"
    if old and number % MOVED == 0:
        email = f"before{number}@example.org"
    return f"K{number},{email},{first},Reader,Halifax,{'yes' if number % NO == 0 and not old else ''}"


def known(rows: int) -> bytes:
    """The list that was imported some time ago."""
    return "\n".join([HEADER, *(line(number, old=True) for number in range(0, rows, OLD_SHARE))]).encode()


def fresh(rows: int) -> bytes:
    """The list to import: newcomers, people who are known, opt-outs, bad rows, and rows that come twice."""

    def at(number: int) -> str:
        if number % TWIN == TWIN - 1:
            return line(number - 1, old=False)
        return line(number, old=False).replace("@", " at " if number % BAD == BAD - 1 else "@")

    return "\n".join([HEADER, *map(at, range(rows))]).encode()


def expected(rows: int) -> dict[str, int]:
    """The outcomes of the fresh list, told row by row."""
    found: Counter[str] = Counter()
    taken: set[int] = set()
    for number in range(rows):
        who = number - 1 if number % TWIN == TWIN - 1 else number
        is_bad = number % BAD == BAD - 1 and who == number
        if is_bad or who in taken:
            found["rejected"] += 1
            continue
        taken.add(who)
        is_known = who % OLD_SHARE == 0
        has_changed = who % (2 * OLD_SHARE) == 0 or who % MOVED == 0 or who % NO == 0
        found["created" if not is_known else "updated" if has_changed else "unchanged"] += 1
    return dict(found)


def begin(slug: str, rows: int) -> None:
    """A project that knows some people and has some addresses on its suppression list, and an import to be read."""
    from contacts.addresses import normalise
    from contacts.services.blocks import suppress
    from contacts.services.imports import jobs, work
    from tests.factories import OrganizationFactory, ProjectFactory
    from tests.origins import asked

    organization = OrganizationFactory(slug=slug, name=slug)
    project = ProjectFactory(organization=organization, slug=slug, name=slug)
    blocked = [normalise("email", f"reader{number}@example.org") for number in range(0, rows, BLOCKED)]
    suppress(blocked, organization=organization, origin=asked())
    earlier = _chosen(project, known(rows))
    work.work_on(earlier.pk)
    earlier.refresh_from_db()
    jobs.start(earlier)
    work.work_on(earlier.pk)
    earlier.refresh_from_db()
    assert earlier.state == "done"
    _chosen(project, fresh(rows))


def _chosen(project: Any, content: bytes) -> Any:
    from contacts.csv_reading import open_table
    from contacts.origin import Actor, Origin
    from contacts.services.imports import jobs
    from contacts.vocabulary import ActorKind, Method

    origin = Origin(Method.IMPORT, Actor(ActorKind.IMPORT))
    job = jobs.upload(project, io.BytesIO(content), file_name="list.csv", origin=origin)
    table = open_table(io.BytesIO(content), name="list.csv")
    jobs.choose(
        job,
        kind="contacts",
        mode="add_and_update",
        columns=table.columns,
        targets=TARGETS,
        reading=table.reading,
        options={},
    )
    return job


def job_of(slug: str) -> Any:
    from contacts.models import ImportJob

    return ImportJob.objects.filter(project__slug=slug).latest("pk")


def start(slug: str) -> None:
    from contacts.services.imports import jobs

    jobs.start(job_of(slug))


def facts(slug: str) -> dict[str, Any]:
    """What the register holds of the project and of its import, but for numbers and moments."""
    from django.db.models import Count, F

    from contacts.models import ChannelStatus, Contact, Project, StatusHistory
    from contacts.vocabulary import Aspect, Reason

    project = Project.objects.get(slug=slug)
    job = job_of(slug)
    entries = StatusHistory.objects.filter(project=project)
    created = entries.filter(aspect=Aspect.ACTIVE, reason=Reason.CREATED)
    twice = created.values("contact").annotate(number=Count("pk")).filter(number__gt=1)
    places = ("request_id", "line", "contact", "aspect", "channel")
    again = entries.filter(line__isnull=False).values(*places).annotate(number=Count("pk")).filter(number__gt=1)
    contacts = Contact.objects.filter(project=project)
    people = hashlib.sha256()
    channels = ChannelStatus.objects.filter(project=project).order_by("contact__key", "channel")
    columns = (
        "contact__key",
        "contact__first_name",
        "contact__attributes",
        "channel",
        "address",
        "suppressed",
        "opted_out",
    )
    for row in channels.values_list(*columns).iterator(chunk_size=5000):
        people.update(repr(row).encode())
    return {
        "state": job.state,
        "error": job.error,
        "rows": job.rows,
        "planned": job.planned,
        "counts": job.counts,
        "contacts": contacts.count(),
        "without_entry": contacts.exclude(pk__in=created.values("contact")).count(),
        "created_twice": twice.count(),
        "written_twice": again.count(),
        "of_this_import": entries.filter(request_id=job.request_id).count(),
        "entries": sorted(entries.values_list("aspect", "reason").annotate(number=Count("pk")).values_list(
            "aspect", "reason", "number"
        )),
        "channels": channels.count(),
        "people": people.hexdigest(),
        "owners_differ": ChannelStatus.objects.exclude(project=F("contact__project")).count(),
    }  # fmt: skip


def small_chunks() -> None:
    """Let imports go in small steps, so that there are many places between them."""
    from contacts.services.imports import planning, running, staging

    chunk = int(os.environ.get("FAULT_CHUNK", "0"))
    if chunk:
        running.CHUNK, staging.BATCH, planning.AT_ONCE = chunk, chunk, chunk


def main(what: str, *arguments: str) -> None:
    import django

    django.setup()
    if what == "begin":
        begin(arguments[0], int(arguments[1]))
    elif what == "start":
        start(arguments[0])
    elif what == "facts":
        sys.stdout.write(json.dumps(facts(arguments[0])))
    elif what == "worker":
        from django.core.management import call_command

        small_chunks()
        call_command("worker")


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    main(*sys.argv[1:])
