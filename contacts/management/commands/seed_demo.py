"""Fill the register with a demo project, and print its log-ins."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from contacts.services import demo


class Command(BaseCommand):
    help = (
        "Make the demo project “Members and visitors” of the Harbour Museum, and print its log-ins. "
        "A second run adds nothing, unless --contacts asks for more than there are."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--contacts", type=int, metavar="N",
            help=f"how many contacts the project shall have (a new one: {demo.DEFAULT_CONTACTS})",
        )  # fmt: skip
        parser.add_argument("--seed", type=int, default=1, help="another number makes other people")
        parser.add_argument(
            "--known-passwords", action="store_true",
            help="in production mode: yes, make log-ins whose passwords everybody knows",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.PRODUCTION and not options["known_passwords"]:
            raise CommandError(
                "The demo makes log-ins whose passwords everybody knows, so it is refused in production mode. "
                "On a machine that nobody else reaches, add --known-passwords."
            )
        if options["contacts"] is not None and options["contacts"] < 0:
            raise CommandError("--contacts: write a number from 0.")
        try:
            demo.seed_demo(options["contacts"], seed=options["seed"], progress=self._progress)
        except demo.AnotherProject as error:
            raise CommandError(
                f"A project with the address “{error}” exists and is not the demo. Nothing was added."
            ) from error
        for login in demo.LOGINS:
            self.stdout.write(f"login: {login.email} password: {login.password} role: {login.role}")

    def _progress(self, done: int, of: int) -> None:
        if of > demo.CHUNK:
            self.stderr.write(f"{done:,} of {of:,} contacts")
