"""Import a CSV file of contacts. Exit 0: worked through. 1: --strict and a row was rejected. 2: it could not be."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.db import DatabaseError

from contacts.csv_reading import UnreadableFile
from contacts.models import Project
from contacts.origin import Actor, Origin
from contacts.services.csv_import import PeopleWhoLeft, Rejection, import_csv
from contacts.services.fingerprints import check_keys
from contacts.vocabulary import ActorKind, Method


class Command(BaseCommand):
    help = (
        "Import a CSV file of contacts into a project, row by row: created, updated, unchanged or rejected "
        "with the line and the reason. Never activates anybody and never opts anybody in. "
        "Exit 0 when the file was worked through, 2 when it could not be; with --strict 1 when a row was rejected."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project's name in addresses")
        parser.add_argument(
            "--key", default="", metavar="COLUMN",
            help="the column that identifies a contact (else one known as such, or the email address)",
        )  # fmt: skip
        parser.add_argument("--strict", action="store_true", help="exit 1 when a row was rejected")
        parser.add_argument("--encoding", default="", help="the file's encoding, where it is not found")
        parser.add_argument(
            "--as", dest="as_what", choices=["contacts"],
            help="the file looks like people who unsubscribed, and is meant as contacts all the same",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        check_keys()
        project = Project.objects.select_related("organization").filter(slug=options["project"]).first()
        if project is None:
            self._refuse(f"There is no project “{options['project']}”.")
        path = Path(options["file"])
        try:
            with path.open("rb") as file:
                result = import_csv(
                    project,
                    file,
                    file_name=path.name,
                    origin=Origin(Method.IMPORT, Actor(ActorKind.IMPORT)),
                    key=options["key"],
                    encoding=options["encoding"],
                    as_contacts=options["as_what"] == "contacts",
                    on_rejection=self._say_rejected,
                )
        except OSError as error:
            self._refuse(f"The file cannot be read: {error.strerror or error}.")
        except DatabaseError as error:
            self._refuse(
                f"The database failed ({type(error).__name__}), and the rest was not imported. "
                "Run the command again: rows that were imported are then unchanged."
            )
        except PeopleWhoLeft as error:
            self._refuse(f"{error} If they are contacts all the same, say so: --as contacts.")
        except UnreadableFile as error:
            self._refuse(str(error))
        name = {"\t": "tab"}.get(result.delimiter, result.delimiter)
        self.stdout.write(f"read as {result.encoding}, delimiter {name}, key “{result.key_column}”")
        if result.inactive:
            self.stdout.write(f"{result.inactive} of these contacts are inactive, and stay so")
        if result.blocked:
            self.stdout.write(f"{result.blocked} addresses of these contacts are blocked, and stay so")
        self.stdout.write(result.summary())
        if options["strict"] and result.rejected:
            sys.exit(1)

    def _say_rejected(self, rejection: Rejection) -> None:
        self.stderr.write(f"line {rejection.line}: {rejection.reason}")

    def _refuse(self, words: str) -> NoReturn:
        self.stderr.write(words)
        sys.exit(2)
