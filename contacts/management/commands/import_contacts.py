"""Import a file. Exit 0: worked through. 1: --strict and a row was rejected. 2: it could not be."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from contacts.csv_reading import Reading, Table, UnreadableFile, open_table
from contacts.errors import ConfirmationMismatch, RegisterError
from contacts.models import ImportJob, ImportRow, Project
from contacts.models.imports import ImportKind, ImportMode, ImportState, RowOutcome
from contacts.origin import Actor, Origin
from contacts.services.fingerprints import check_keys
from contacts.services.imports import guessing, jobs, work
from contacts.vocabulary import ActorKind, Method, Reason

_KINDS = {"contacts": ImportKind.CONTACTS, "opt-outs": ImportKind.OPT_OUTS, "suppressions": ImportKind.SUPPRESSIONS}


class Command(BaseCommand):
    help = (
        "Import a CSV, TSV, XLSX or ODS file into a project: each row ends as created, updated, unchanged, or "
        "rejected with its line and the reason. Never opts anybody in, and activates nobody but whom only an earlier "
        "replacement had deactivated. "
        "Exit 0 when the file was worked through, 2 when it could not be; with --strict 1 when a row was rejected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's name in addresses")
        parser.add_argument(
            "--key", default="", metavar="COLUMN",
            help="the column that identifies a contact (else one known as such, or the email address)",
        )  # fmt: skip
        parser.add_argument("--as", dest="as_what", choices=sorted(_KINDS), help="what the rows are (else: contacts)")
        parser.add_argument("--replace", action="store_true", help="also deactivate contacts who are not in the file")
        parser.add_argument(
            "--deactivate", default="", metavar="NUMBER",
            help="with --replace: how many will be deactivated, where these are more than the project's share",
        )  # fmt: skip
        parser.add_argument(
            "--dated",
            type=_day,
            metavar="DATE",
            help="with --replace: the day of the list; contacts newer than it stay",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what each row would do, and change nothing")
        parser.add_argument("--strict", action="store_true", help="exit 1 when a row was rejected")
        parser.add_argument("--encoding", default="", help="the file's encoding, where it is not found")
        parser.add_argument("--delimiter", default="", help="the sign between two cells, where it is not found")
        parser.add_argument("--sheet", default="", help="the sheet of a workbook (else the first)")
        parser.add_argument(
            "--reason", default="", choices=[r.value for r in _REASONS],
            help="of opt-outs and suppressions: whose word they are (else written_request, or other)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        check_keys()
        project = Project.objects.select_related("organization").filter(slug=options["project"]).first()
        if project is None:
            self._refuse(f"There is no project “{options['project']}”.")
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                self._import(project, path, file, options)
        except OSError as error:
            self._refuse(f"The file cannot be read: {error.strerror or error}.")
        except DatabaseError as error:
            self._refuse(
                f"The database failed ({type(error).__name__}), and the rest was not imported. "
                "Run the command again: rows that were imported are then unchanged."
            )
        except guessing.PeopleWhoLeft as error:
            self._refuse(
                f"{error} Say what the rows are: --as opt-outs, --as suppressions, or --as contacts if they are "
                "contacts all the same."
            )
        except RegisterError as error:
            self._refuse(str(error))

    def _import(self, project: Project, path: Path, file: Any, options: dict[str, Any]) -> None:
        reading = Reading(encoding=options["encoding"], delimiter=options["delimiter"], sheet=options["sheet"])
        table = open_table(file, reading=reading, name=path.name)
        kind = _KINDS[options["as_what"] or "contacts"]
        targets = guessing.targets_of(
            project,
            table,
            key=options["key"],
            kind=kind,
            is_sure=options["as_what"] is not None,
            file_name=path.name,
        )
        job = jobs.new_job(
            project,
            file_name=path.name,
            origin=Origin(Method.IMPORT, Actor(ActorKind.IMPORT)),
            kind=kind,
            mode=ImportMode.REPLACE if options["replace"] else ImportMode.ADD_AND_UPDATE,
            reading=table.reading.as_json(),
            mapping={"columns": table.columns, "targets": targets},
            options={"as_contacts": options["as_what"] == "contacts", "reason": options["reason"]},
            dated=options["dated"],
            state=ImportState.STAGING,
        )
        progress = _Progress(self)
        work.work_on(job.pk, table=table, tell=progress.read)
        job.refresh_from_db()
        if job.state == ImportState.FAILED:
            jobs.discard(job)
            raise UnreadableFile(job.error)
        if options["dry_run"]:
            self._report(job, table, options)
            jobs.discard(job)
        else:
            self._start(job, options)
            work.work_on(job.pk, table=table, tell=progress.wrote)
            job.refresh_from_db()
            if job.state != ImportState.DONE:
                self._refuse(
                    f"The import is not finished: {job.done_line:,} of {job.last_line:,} lines are done. "
                    "A worker goes on with it."
                )
            self._report(job, table, options)
        if options["strict"] and (job.planned if options["dry_run"] else job.counts).get("rejected"):
            sys.exit(1)

    def _start(self, job: ImportJob, options: dict[str, Any]) -> None:
        try:
            jobs.start(job, typed=options["deactivate"])
        except ConfirmationMismatch:
            number = job.planned["deactivated"]
            jobs.discard(job)
            self._refuse(
                f"{number:,} active contacts are not in this file and would be deactivated. Nothing was imported. "
                f"If that is meant, say so: --deactivate {number}."
            )

    def _report(self, job: ImportJob, table: Table, options: dict[str, Any]) -> None:
        counts = job.planned if options["dry_run"] else job.counts
        for line, error in (
            ImportRow.objects.filter(job=job, outcome=RowOutcome.REJECTED).order_by("line").values_list("line", "error")
        ).iterator():
            self.stderr.write(f"line {line}: {error}")
        delimiter = {"\t": "tab", "": "none"}.get(table.reading.delimiter, table.reading.delimiter)
        read_as = table.reading.encoding or table.kind
        self.stdout.write(f"read as {read_as}, delimiter {delimiter}, key “{guessing.key_column(job)}”")
        for name, words in _LEFT_ALONE:
            if job.planned.get(name):
                self.stdout.write(words.format(job.planned[name]))
        if job.mode == ImportMode.REPLACE:
            self.stdout.write(f"deactivated={counts.get('deactivated', 0)} returned={_returned(counts)}")
        if options["dry_run"]:
            self.stdout.write("This was a trial: nothing was changed.")
        self.stdout.write(f"rows={job.rows} " + " ".join(f"{name}={counts.get(name, 0)}" for name in RowOutcome.values))

    def _refuse(self, words: str) -> NoReturn:
        self.stderr.write(words)
        sys.exit(2)


_REASONS = (Reason.WRITTEN_REQUEST, Reason.VERBAL_REQUEST, Reason.OTHER, Reason.COMPLAINT)
_LEFT_ALONE = (
    ("kept_inactive", "{} of these contacts are inactive, and stay so"),
    ("kept_opted_out", "{} of these contacts are opted out, and stay so"),
    ("kept_quarantined", "{} of these contacts have an address in quarantine, and it stays there"),
    ("kept_suppressed", "{} of these contacts have a suppressed address, and it stays so"),
    ("known_erased", "{} of these are known from a deletion: they are added, and not sent to"),
)


def _returned(counts: dict[str, Any]) -> int:
    return int(counts.get("returned", counts.get("returning", 0)))


def _day(text: str) -> date:
    return date.fromisoformat(text)


class _Progress:
    """How far the work is, on one line of a terminal."""

    def __init__(self, command: BaseCommand) -> None:
        self._out = command.stderr
        self._started = time.monotonic()
        self._is_shown = bool(getattr(sys.stderr, "isatty", lambda: False)())

    def read(self, job: ImportJob) -> None:
        self._say(f"{job.rows:,} rows read")

    def wrote(self, job: ImportJob) -> None:
        done = sum(job.counts.get(name, 0) for name in RowOutcome.values)
        rate = done / max(time.monotonic() - self._started, 0.001)
        self._say(f"{done:,} of {job.rows:,} rows, {rate:,.0f} rows a second")

    def _say(self, words: str) -> None:
        if self._is_shown:
            self._out.write(f"\r\x1b[K{words}", ending="\n" if words.endswith(".") else "")
