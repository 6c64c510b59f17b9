"""The life of an import before and beside its work: upload, choice of columns, start, stop, and being put away."""

from __future__ import annotations

import hashlib
import io
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.formats import number_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.csv_columns import header_digest
from contacts.csv_reading import Reading
from contacts.errors import ConfirmationMismatch, RegisterError, StaleConfirmation
from contacts.models import ImportJob, ImportMapping, ImportPiece, ImportRow, Project
from contacts.models.imports import AT_WORK, ImportKind, ImportMode, ImportState
from contacts.origin import Actor, Origin
from contacts.services.set_sql import database_clock
from contacts.vocabulary import Method

PIECE = 1 << 20
MOST_BYTES = 100_000_000
HERE, EVERYWHERE = "project", "organization"
STALLED_AFTER = timedelta(seconds=settings.IMPORT_STALLED_AFTER)
UNFINISHED = (ImportState.UPLOADED, ImportState.STAGING, ImportState.READY)
CHOOSABLE = (*UNFINISHED, ImportState.FAILED)


class TooLarge(RegisterError):
    code = "file_too_large"
    field = "file"


class WrongState(RegisterError):
    """The import has gone on since the page was looked at."""

    code = "import_went_on"
    message = _("This import has gone on meanwhile.")


def origin_of(job: ImportJob) -> Origin:
    """Where the entries of an import come from."""
    actor = Actor(job.actor_kind, job.actor_number, job.actor_label)
    return Origin(Method.IMPORT, actor, request_id=job.request_id)


def is_everywhere(job: ImportJob) -> bool:
    """Whether it says something that holds in the whole organization."""
    return job.kind == ImportKind.SUPPRESSIONS and job.options.get("scope") == EVERYWHERE


def clean_file_name(name: str) -> str:
    """A file's name, fit to be kept."""
    return "".join(c if c.isprintable() and not "\ud800" <= c <= "\udfff" else "�" for c in name)[-200:]


def new_job(project: Project, *, file_name: str, origin: Origin, **fields: Any) -> ImportJob:
    """An import that has no rows yet; the same request again is the import that it made.

    In each project: a request's number that another one has used gives a number of its own here.
    """
    number = origin.request_id
    if ImportJob.objects.filter(request_id=number).exclude(project=project).exists():
        number = uuid.uuid5(number, str(project.pk))
    job, _made = ImportJob.objects.get_or_create(
        request_id=number,
        project=project,
        defaults={
            "actor_kind": origin.actor.kind,
            "actor_number": origin.actor.number,
            "actor_label": origin.actor.label,
            "file_name": clean_file_name(file_name),
            "created_at": database_clock(),
            **fields,
        },
    )
    return job


@transaction.atomic
def upload(project: Project, file: BinaryIO, *, file_name: str, origin: Origin, most: int | None = None) -> ImportJob:
    """Keep a file until its rows are read. Raises TooLarge beyond ``most`` bytes, and keeps nothing."""
    job = new_job(project, file_name=file_name, origin=origin)
    if job.size:
        return job
    file.seek(0)
    size = 0
    for number, content in enumerate(iter(lambda: file.read(PIECE), b"")):
        size += len(content)
        if most is not None and size > most:
            raise TooLarge(
                _("The file has more than %(most)s MB.")
                % {"most": number_format(most // 1_000_000, force_grouping=True)},
                remedy=_("Split it, or use the command import_contacts."),
            )
        ImportPiece.objects.create(job=job, number=number, content=content)
    if not size:
        raise TooLarge(_("The file is empty."))
    job.size = size
    job.save(update_fields=["size"])
    return job


class JobFile(io.RawIOBase):
    """The uploaded file of an import, read from the database a piece at a time."""

    def __init__(self, job: ImportJob) -> None:
        super().__init__()
        self._job = job
        self._at = 0
        self._piece = -1
        self._content = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._job.size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        number, offset = divmod(self._at, PIECE)
        if number != self._piece:
            found = ImportPiece.objects.filter(job=self._job, number=number).values_list("content", flat=True).first()
            self._piece, self._content = number, bytes(found or b"")
        part = self._content[offset : offset + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def file_of(job: ImportJob) -> BinaryIO | None:
    """The uploaded file, or None where it is not kept any more."""
    if not ImportPiece.objects.filter(job=job, number=0).exists():
        return None
    return io.BufferedReader(JobFile(job), PIECE)


@transaction.atomic
def choose(
    job: ImportJob,
    *,
    kind: str,
    mode: str,
    columns: Sequence[str],
    targets: Sequence[str],
    reading: Reading,
    options: Mapping[str, Any],
    dated: date | None = None,
) -> None:
    """Say what the rows and columns of an uploaded file are, and let it be read. May be said anew until it runs.

    What is wrong with rows is then told in the language of whoever says it.
    Raises WrongState.
    """
    _move(
        job,
        CHOOSABLE,
        ImportState.STAGING,
        kind=kind,
        mode=mode,
        reading=reading.as_json(),
        mapping={"columns": list(columns), "targets": list(targets)},
        options={**options, "language": get_language()},
        dated=dated,
        error="",
        rows=0,
        planned={},
        claim=None,
    )
    if kind == ImportKind.CONTACTS:
        ImportMapping.objects.update_or_create(
            project=job.project,
            header=header_digest(list(columns)),
            defaults={"mapping": {"targets": list(targets)}, "used_at": database_clock()},
        )
    _enqueue(job)


def start(job: ImportJob, *, mode: str | None = None, typed: str = "", shown: str | None = None) -> None:
    """Let a checked import run. ``mode`` may be gentler than what was chosen.

    A replacement that deactivates more than the project's share of its contacts needs their number ``typed``:
    raises ConfirmationMismatch. ``shown`` is the ``digest`` of what the user saw: raises StaleConfirmation when the
    columns were chosen anew since, or the preview differs by now; then it is made anew. Raises WrongState.
    """
    from contacts.services.imports import replacing

    job.refresh_from_db()
    mode = mode or job.mode
    if job.state == ImportState.READY:
        replaces = mode == ImportMode.REPLACE
        going = replacing.refresh_plan(job) if replaces else 0
        if shown is not None and shown != digest(job):
            raise StaleConfirmation
        if replaces and replacing.needs_typing(job) and "".join(typed.split()).replace(",", "") != str(going):
            raise ConfirmationMismatch(
                _("The number does not match."), remedy=_("Type %(number)d.") % {"number": going}, field="typed"
            )
    with transaction.atomic():
        _move(
            job, (ImportState.READY,), ImportState.RUNNING, mode=mode, started_at=database_clock(), claim=None,
            stop_requested=False,
        )  # fmt: skip
        _enqueue(job)


def digest(job: ImportJob) -> str:
    """What tells whether the preview still is what the user saw."""
    chosen = [job.kind, job.mode, job.mapping, job.options, str(job.dated)]
    return hashlib.sha256(json.dumps([chosen, job.planned], sort_keys=True).encode()).hexdigest()


def stop(job: ImportJob) -> None:
    """Let a running import end after the chunk that it is at. What is done stays done."""
    ImportJob.objects.filter(pk=job.pk, state__in=AT_WORK).update(stop_requested=True)
    job.refresh_from_db()


@transaction.atomic
def resume(job: ImportJob) -> None:
    """Go on with an import that was stopped, and whose rows are still kept. Raises WrongState."""
    _move(job, (ImportState.STOPPED,), ImportState.RUNNING, stop_requested=False, claim=None, error="")
    _enqueue(job)


@transaction.atomic
def let_undo(job: ImportJob, undo: Mapping[str, Any]) -> None:
    """Let an import that ran (or was stopped) be undone, as ``undo`` says. Raises WrongState."""
    job.refresh_from_db()
    _move(
        job, (ImportState.DONE, ImportState.STOPPED), ImportState.UNDOING, options={**job.options, "undo": dict(undo)},
        claim=None, stop_requested=False, error="",
    )  # fmt: skip
    _enqueue(job)


@transaction.atomic
def discard(job: ImportJob) -> None:
    """Put away an import that did not run, with its file and its rows. Raises WrongState."""
    _move(
        job,
        CHOOSABLE,
        ImportState.DISCARDED,
        claim=None,
        purged_at=database_clock(),
        mapping=without_names(job.mapping),
    )
    forget_file(job)
    ImportRow.objects.filter(job=job)._raw_delete("default")


def without_names(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """What the columns were, without their names: of a file without a header these are somebody's cells."""
    return {name: value for name, value in mapping.items() if name != "columns"}


def forget_file(job: ImportJob) -> None:
    ImportPiece.objects.filter(job=job)._raw_delete("default")


def purge() -> int:
    """Delete the staged rows (and files) of imports older than their project keeps them; returns how many imports."""
    now = database_clock()
    purged = 0
    old = ImportJob.objects.filter(purged_at=None).exclude(state__in=AT_WORK).select_related("project")
    for job in old.filter(created_at__lt=now - timedelta(days=1)).iterator():
        if job.created_at < now - timedelta(days=job.project.import_days):
            purged += _purge(job, now)
    return purged


@transaction.atomic
def _purge(job: ImportJob, now: datetime) -> bool:
    """Unless somebody let it run meanwhile: to a replacement without rows everybody would be missing."""
    state = ImportState.DISCARDED if job.state in CHOOSABLE else job.state
    here = ImportJob.objects.filter(pk=job.pk, state=job.state, purged_at=None)
    if not here.update(purged_at=now, state=state, mapping=without_names(job.mapping)):
        return False
    forget_file(job)
    ImportRow.objects.filter(job=job)._raw_delete("default")
    return True


def stalled(after: timedelta = STALLED_AFTER) -> list[int]:
    """The imports whose worker gave no sign for a while, or that nobody took up."""
    since = database_clock() - after
    rows = ImportJob.objects.filter(Q(heartbeat_at__lt=since) | Q(heartbeat_at=None), state__in=AT_WORK)
    return list(rows.values_list("pk", flat=True))


def claim(job_id: int, *, after: timedelta = STALLED_AFTER) -> tuple[ImportJob, uuid.UUID] | None:
    """Take an import up, unless somebody is at it who gave a sign lately."""
    mine, now = uuid.uuid4(), database_clock()
    free = Q(claim=None) | Q(heartbeat_at__lt=now - after)
    if not ImportJob.objects.filter(free, pk=job_id, state__in=AT_WORK).update(claim=mine, heartbeat_at=now):
        return None
    return ImportJob.objects.select_related("project__organization").get(pk=job_id), mine


class Lost(Exception):
    """Somebody else has taken the import up."""


def beat(job: ImportJob, mine: uuid.UUID, **fields: Any) -> None:
    """Give a sign, and note how far the work is, in the transaction of what was done. Raises Lost."""
    now = database_clock()
    if not ImportJob.objects.filter(pk=job.pk, claim=mine).update(heartbeat_at=now, **fields):
        raise Lost
    for name, value in fields.items():
        setattr(job, name, value)


def release(job: ImportJob, mine: uuid.UUID) -> None:
    ImportJob.objects.filter(pk=job.pk, claim=mine).update(claim=None)


def _move(job: ImportJob, before: Sequence[str], to: str, **fields: Any) -> None:
    if not ImportJob.objects.filter(pk=job.pk, state__in=before, purged_at=None).update(
        state=to, heartbeat_at=database_clock(), **fields
    ):
        job.refresh_from_db()
        raise WrongState
    job.refresh_from_db()


def _enqueue(job: ImportJob) -> None:
    from contacts.tasks import enqueue_import

    enqueue_import(job.pk)
