"""Set up an organization with its first admin and its first project: what a new installation begins with."""

from __future__ import annotations

import getpass
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from contacts.errors import RegisterError
from contacts.services.fingerprints import check_keys
from contacts.services.organizations import begin
from contacts.services.projects import ProjectSettings


class Command(BaseCommand):
    help = (
        "Make an organization, its first admin and its first project. The admin's password is asked for, "
        "or read from standard input. Nothing is made when anything is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", metavar="NAME", help="the organization's name, as contacts know it")
        parser.add_argument("--admin", required=True, metavar="EMAIL", help="with which the admin logs in")
        parser.add_argument("--admin-name", required=True, metavar="NAME", help="as the history will name them")
        parser.add_argument("--project", required=True, metavar="NAME", help="the name of the first project")
        parser.add_argument("--time-zone", default="UTC", help="of the project, for example America/Halifax")
        parser.add_argument("--country", default="", help="of national phone numbers, for example CA")

    def handle(self, *args: Any, **options: Any) -> None:
        check_keys()
        project = ProjectSettings(
            name=options["project"], time_zone=options["time_zone"], default_country=options["country"]
        )
        try:
            made = begin(
                options["name"],
                project=project,
                admin_email=options["admin"],
                admin_name=options["admin_name"],
                admin_password=_password(),
            )
        except RegisterError as error:
            raise CommandError(f"{error} Nothing was made.") from error
        self.stdout.write(f"organization: /o/{made.organization.slug}/")
        self.stdout.write(f"project: /p/{made.project.slug}/")
        self.stdout.write(f"login: {made.admin.email}")


def _password() -> str:
    return getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
