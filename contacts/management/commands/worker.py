"""Work in the background: run queued tasks and do the chores, until SIGTERM or Ctrl-C."""

from __future__ import annotations

import signal
from argparse import ArgumentParser
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from contacts import stopping
from contacts.services.fingerprints import check_keys
from contacts.worker import Worker


class Command(BaseCommand):
    help = (
        "Run what was put off to the background (imports), take up what a dead worker left, and clear away what is "
        "over. Run as many as you like; each works on one thing at a time. SIGTERM or Ctrl-C lets it finish the "
        "present chunk and go; another worker goes on from there. A second Ctrl-C ends it at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="work off what is queued, and return")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_keys()
        except DatabaseError as error:
            raise CommandError(
                f"The database does not answer, or has no tables yet ({type(error).__name__}). Run “manage.py migrate”."
            ) from error
        worker = Worker()
        before = {number: signal.signal(number, _asked_to_end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            if options["once"]:
                self.stdout.write(f"tasks={worker.run_once()}")
            else:
                worker.run()
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            stopping.forget()


def _asked_to_end(number: int, frame: FrameType | None) -> None:
    # A terminal's Ctrl-C and the SIGTERM of whoever started us may come together.
    if number == signal.SIGINT and stopping.asked():
        raise SystemExit(130)
    stopping.ask()
