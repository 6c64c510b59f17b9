"""What was kept aside of the mail that came."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from consent.models import UnreadMail


class Command(BaseCommand):
    help = "List the mails that could not be read or belong to nobody, the latest first; with a number, show that one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("number", nargs="?", type=int, metavar="NUMBER", help="show this mail as it came")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["number"] is not None:
            found = UnreadMail.objects.filter(pk=options["number"]).first() if options["number"] < 2**63 else None
            if found is None:
                raise CommandError(f"There is no mail {options['number']}.")
            sys.stdout.buffer.write(bytes(found.raw))
            return
        mails = UnreadMail.objects.select_related("project").defer("raw").order_by("-received_at", "-pk")
        for mail in mails.iterator():
            whose = mail.project.slug if mail.project else "-"
            self.stdout.write(f"{mail.pk}  {mail.received_at:%Y-%m-%d %H:%M}  {mail.size}  {whose}  {mail.reason}")
