"""Take one mail from standard input. Exit 0: it was taken, or kept aside. 75: not now, send it again."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

import structlog
from django.core.management.base import BaseCommand

from consent.incoming.mime import LARGEST
from consent.services.feedback import mail
from contacts.models import Project

NOT_NOW = 75  # EX_TEMPFAIL of sysexits.h, with which every mail server keeps the mail and tries again

log = structlog.get_logger("sendable.mail")


class Command(BaseCommand):
    help = (
        "Take one mail from standard input, as a pipe of a mail server: a delivery report, a spam report, or somebody "
        "who wants no more. Whatever it is, it is taken or kept aside, and the exit status is 0. It is 75 while the "
        "database is away: then the mail server keeps it and tries again."
    )
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", default="", metavar="SLUG", help="whose mail it is where no token says so")
        parser.add_argument(
            "--trusted", action="store_true",
            help="the mail server has checked who sent it (DMARC, or a mailbox that only a receiver knows)",
        )  # fmt: skip
        parser.add_argument(
            "--recipient", default="", metavar="ADDRESS", help="the recipient that the envelope names"
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        raw = sys.stdin.buffer.read(LARGEST + 1)
        while sys.stdin.buffer.read(LARGEST):
            pass  # a mail server that cannot write all of it takes that for a failure
        try:
            project = None
            if options["project"]:
                project = Project.objects.select_related("organization").filter(slug=options["project"]).first()
                if project is None:
                    self._not_now(f"There is no project “{options['project']}”.")
            recipient = options["recipient"].encode("utf-8", "replace").decode("utf-8")
            taken = mail.receive(raw, project=project, trusted=options["trusted"], recipient=recipient)
        except Exception as error:  # whatever happens, the mail stays with the mail server
            log.error("mail_not_taken", code=type(error).__name__)
            self._not_now(f"Not now: the database does not answer ({type(error).__name__}).")
        self.stdout.write(f"{taken.kind}: {taken.outcome}")

    def _not_now(self, words: str) -> NoReturn:
        self.stderr.write(words)
        sys.exit(NOT_NOW)
