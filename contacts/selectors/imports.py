"""Imports as screens show them: their list, how far one is, what it does and leaves alone, and links to it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from contacts.extension_points import Text
from contacts.models import Contact, ImportJob, ImportPiece, Project
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.models.ledger import LedgerEntry
from contacts.vocabulary import Method

DELIMITERS: dict[str, Text] = {
    ",": gettext_lazy("commas"),
    ";": gettext_lazy("semicolons"),
    "\t": gettext_lazy("tabs"),
    "|": gettext_lazy("vertical bars"),
}
GLYPHS = {
    ImportState.DONE: "ok", ImportState.FAILED: "no", ImportState.READY: "late", ImportState.UPLOADED: "late",
    ImportState.STOPPED: "late", ImportState.UNDONE: "void", ImportState.DISCARDED: "na",
}  # fmt: skip
RAN = (ImportState.RUNNING, ImportState.STOPPED, ImportState.DONE, ImportState.UNDOING, ImportState.UNDONE)

OUTCOMES: dict[str, dict[str, Text]] = {
    ImportKind.CONTACTS: {outcome.value: outcome.label for outcome in RowOutcome},
    ImportKind.OPT_OUTS: {
        RowOutcome.CREATED: gettext_lazy("Opted out"),
        RowOutcome.UPDATED: gettext_lazy("Recorded once more"),
        RowOutcome.UNCHANGED: gettext_lazy("Known already"),
        RowOutcome.REJECTED: gettext_lazy("Rejected"),
    },
    ImportKind.SUPPRESSIONS: {
        RowOutcome.CREATED: gettext_lazy("Suppressed"),
        RowOutcome.UPDATED: gettext_lazy("Recorded once more"),
        RowOutcome.UNCHANGED: gettext_lazy("Known already"),
        RowOutcome.REJECTED: gettext_lazy("Rejected"),
    },
}
LEFT_ALONE: tuple[tuple[str, Text, Text], ...] = (
    (
        "kept_inactive",
        gettext_lazy("Stay inactive"),
        gettext_lazy("Deactivated earlier. An import never activates."),
    ),
    (
        "kept_opted_out",
        gettext_lazy("Stay opted out of a channel"),
        gettext_lazy("They said no there, or the address did. An import lifts no opt-out."),
    ),
    (
        "kept_quarantined",
        gettext_lazy("Stay in quarantine"),
        gettext_lazy("Mail to this address came back."),
    ),
    (
        "kept_suppressed",
        gettext_lazy("Stay suppressed"),
        gettext_lazy("The address is on the suppression list."),
    ),
    (
        "known_erased",
        gettext_lazy("Known from a deletion"),
        gettext_lazy("Erased after they said no. Added again, and nothing is sent to that address."),
    ),
)
REASONS: dict[str, Text] = {
    "missing_key": gettext_lazy("Nothing tells who the row is about"),
    "invalid_address": gettext_lazy("Not an address that can be written to"),
    "invalid_text": gettext_lazy("Text that cannot be stored"),
    "duplicate": gettext_lazy("The same contact stands in the file twice"),
    "ambiguous": gettext_lazy("Several contacts have this address"),
    "not_in_project": gettext_lazy("Nobody in the project has this key"),
    "said_by_export": gettext_lazy("The export says that nothing may be sent to them"),
    "says_they_left": gettext_lazy("The status says that they left"),
    "belongs_to_silent": gettext_lazy("The address of somebody who asked for silence"),
    "unclear_date": gettext_lazy("A date that cannot be read"),
    "in_the_future": gettext_lazy("A date in the future"),
    "erased": gettext_lazy("Deleted after the file was uploaded"),
    "refused": gettext_lazy("More cells than the header has columns"),
}


def imports_of(project: Project) -> QuerySet[ImportJob]:
    return ImportJob.objects.filter(project=project)


def import_of(project: Project, number: int) -> ImportJob | None:
    """An import of the project, which it knows."""
    job = imports_of(project).filter(pk=number).first() if number < 2**63 else None
    if job is not None:
        job.project = project
    return job


def active_contacts(project: Project) -> int:
    """How many contacts are active, of whom a replacement may deactivate a share."""
    return Contact.objects.filter(project=project, is_active=True).count()


def has_file(job: ImportJob) -> bool:
    """Whether the uploaded file still is there, to be read another way."""
    return ImportPiece.objects.filter(job=job, number=0).exists()


@dataclass(frozen=True, slots=True)
class ImportInWords:
    """An import in a list of them."""

    job: ImportJob
    url: str
    what: str
    state: str
    glyph: str
    counts: str


def listed(jobs: Iterable[ImportJob], project: Project) -> list[ImportInWords]:
    """Imports of the project as its list shows them. Takes no query."""
    found = []
    for job in jobs:
        job.project = project
        glyph = GLYPHS.get(ImportState(job.state), "grey")
        state = str(ImportState(job.state).label)
        found.append(ImportInWords(job, job.get_absolute_url(), what_in_words(job), state, glyph, counts_in_words(job)))
    return found


def what_in_words(job: ImportJob) -> str:
    """What the rows are and may do: “Contacts, add and update”; empty while nobody said so."""
    if job.state == ImportState.UPLOADED:
        return ""
    kind = str(ImportKind(job.kind).label)
    if job.kind != ImportKind.CONTACTS:
        return kind
    mode = str(ImportMode(job.mode).label)
    return f"{kind}, {mode[:1].lower()}{mode[1:]}"


def counts_in_words(job: ImportJob) -> str:
    """How many rows had which outcome; of one at work how many it has done, else what it would do."""
    if job.state == ImportState.RUNNING:
        done = _("%(done)s of %(rows)s rows")
        return done % {"done": grouped(done_rows(job)), "rows": grouped(job.rows)}
    counts = job.counts if job.state in RAN else job.planned
    labels = OUTCOMES[job.kind]
    parts = [
        f"{grouped(counts[outcome])} {str(labels[outcome]).lower()}"
        for outcome in RowOutcome.values
        if counts.get(outcome)
    ]
    if counts.get("deactivated"):
        parts.append(_("%(number)s deactivated") % {"number": grouped(counts["deactivated"])})
    if parts:
        return " · ".join(parts)
    return ngettext("%(rows)s row", "%(rows)s rows", job.rows) % {"rows": grouped(job.rows)} if job.rows else ""


def done_rows(job: ImportJob) -> int:
    """How many rows have been worked off."""
    return sum(job.counts.get(outcome, 0) for outcome in RowOutcome.values)


def grouped(number: int) -> str:
    return str(number_format(number, use_l10n=True, force_grouping=True))


def reading_in_words(job: ImportJob) -> str:
    """How the file is read: “UTF-8, semicolons”, or the sheet's name."""
    reading = job.reading
    if reading.get("sheet"):
        return _("Sheet “%(name)s”") % {"name": reading["sheet"]}
    if not reading.get("encoding"):
        return ""
    delimiter = DELIMITERS.get(reading.get("delimiter", ""), "")
    return ", ".join(str(part) for part in (str(reading["encoding"]).upper(), delimiter) if part)


@dataclass(frozen=True, slots=True)
class OutcomeInWords:
    """How many rows have an outcome."""

    key: str
    label: str
    rows: int


def outcomes(job: ImportJob) -> list[OutcomeInWords]:
    """The four outcomes, whose rows are all rows of the file: planned, or of what was done."""
    counts = job.counts if job.state in RAN else job.planned
    labels = OUTCOMES[job.kind]
    return [OutcomeInWords(outcome, str(labels[outcome]), counts.get(outcome, 0)) for outcome in RowOutcome.values]


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """Decisions of earlier that the import does not overrule: what stays, how many, and why."""

    label: str
    number: int
    why: str


def left_alone(job: ImportJob) -> list[LeftAlone]:
    """Those that there are. They are counted when the file is checked."""
    return [LeftAlone(str(label), job.planned[key], str(why)) for key, label, why in LEFT_ALONE if job.planned.get(key)]


def reason_label(code: str) -> str:
    return str(REASONS.get(code, code))


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is. ``total`` is 0 while nobody knows; ``mark`` goes into the address of the next look."""

    label: str
    done: int
    total: int
    left: str
    mark: str


def progress_of(job: ImportJob, now: datetime, *, since: str = "") -> Progress:
    """Rows done, rate and time left. The rate is that since an earlier look, which ``since`` is the mark of: what an
    import stood still before says nothing about how fast it is. A mark that means nothing is none."""
    done, total = _done_of(job)
    clock = round(now.timestamp() * 1000)
    mark = _mark(since)
    if mark is None or mark[0] > done or mark[1] > clock:
        mark = (done, clock)
    rate = 1000 * (done - mark[0]) / (clock - mark[1]) if clock > mark[1] else 0.0
    label, left = _progress_label(job, done, total), _left(rate, done, total)
    return Progress(label, done, total, left, f"{mark[0]}-{mark[1]}")


def _done_of(job: ImportJob) -> tuple[int, int]:
    if job.state == ImportState.STAGING:
        return job.rows, 0
    done = done_rows(job)
    return (done, job.rows) if job.state == ImportState.RUNNING else (0, 0)


def _mark(text: str) -> tuple[int, int] | None:
    """Rows done, and the time in milliseconds."""
    done, _hyphen, at = text.partition("-")
    if not (done.isascii() and done.isdigit() and at.isascii() and at.isdigit() and len(text) < 30):
        return None
    return int(done), int(at)


def _progress_label(job: ImportJob, done: int, total: int) -> str:
    if total:
        return _("%(done)s of %(rows)s rows") % {"done": grouped(done), "rows": grouped(total)}
    if job.state == ImportState.UNDOING:
        return _("Being undone")
    if not done:
        return _("Waiting for the worker")
    return ngettext("%(rows)s row read so far", "%(rows)s rows read so far", done) % {"rows": grouped(done)}


def _left(rate: float, done: int, total: int) -> str:
    if rate < 0.5:
        return ""
    speed = _("%(rate)s rows a second") % {"rate": grouped(round(rate))}
    if not total:
        return speed
    return ", ".join([duration_in_words((total - done) / rate), speed])


def duration_in_words(seconds: float) -> str:
    """“about 9 seconds left”."""
    if seconds < 60:
        number = max(1, round(seconds))
        return ngettext("about %(number)d second left", "about %(number)d seconds left", number) % {"number": number}
    if seconds < 5_400:
        number = round(seconds / 60)
        return ngettext("about %(number)d minute left", "about %(number)d minutes left", number) % {"number": number}
    number = round(seconds / 3_600)
    return ngettext("about %(number)d hour left", "about %(number)d hours left", number) % {"number": number}


def imports_behind(rows: Iterable[LedgerEntry], project: Project) -> dict[object, ImportJob]:
    """The imports that wrote these entries, by request. One query, and none where no import wrote one."""
    requests = {row.request_id for row in rows if row.method == Method.IMPORT}
    if not requests:
        return {}
    jobs = imports_of(project).filter(request_id__in=requests).only("pk", "request_id", "file_name")
    return {job.request_id: job for job in jobs}


def label_of_request(project: Project, request_id: uuid.UUID) -> str:
    """The import that a request was, as a filter names it; empty where it was none."""
    name = imports_of(project).filter(request_id=request_id).values_list("file_name", flat=True).first()
    return _("Import: %(file)s") % {"file": name} if name else ""


def import_url(project_slug: str, job: ImportJob) -> str:
    return reverse("contacts:import", args=[project_slug, job.pk])
