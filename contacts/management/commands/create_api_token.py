"""Make a token of the web service; its text is printed once, alone on the last line."""

from __future__ import annotations

import re
from argparse import ArgumentParser
from datetime import date, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from contacts.errors import RegisterError
from contacts.models import Project
from contacts.moments import end_of_day
from contacts.services.tokens import DEFAULT_SCOPES, create_token
from contacts.vocabulary import ApiScope

LONGEST = 36_500


class Command(BaseCommand):
    help = (
        "Make a token with which a program uses the web service of one project. Its text is printed alone on the last "
        "line, and can not be shown again: only a digest is kept."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, metavar="SLUG", help="the project, as in its address")
        parser.add_argument("--name", required=True, metavar="NAME", help="of the program; the history names it")
        parser.add_argument(
            "--scopes", default=",".join(DEFAULT_SCOPES), metavar="SCOPE,…",
            help=f"of {', '.join(ApiScope.values)}, separated by commas (default: %(default)s)",
        )  # fmt: skip
        parser.add_argument(
            "--expires", default="", metavar="DAYS|DATE",
            help="in so many days, or after a day like 2027-12-31 (default: never)",
        )  # fmt: skip

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.filter(slug=options["project"]).first()
        if project is None:
            there = ", ".join(Project.objects.order_by("slug").values_list("slug", flat=True)[:20])
            raise CommandError(f"There is no project “{options['project']}”. These are there: {there or 'none'}.")
        scopes = [scope.strip() for scope in options["scopes"].split(",") if scope.strip()]
        unknown = sorted(set(scopes) - set(ApiScope.values))
        if unknown:
            known = ", ".join(ApiScope.values)
            raise CommandError(f"There is no scope {', '.join(f'“{name}”' for name in unknown)}. Use these: {known}.")
        expires_at = _end(options["expires"].strip(), project)
        try:
            token, text = create_token(project, name=options["name"], scopes=scopes, expires_at=expires_at)
        except RegisterError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Token “{token.name}” of {project.slug}: {', '.join(token.scopes)}.")
        self.stdout.write(text)


def _end(text: str, project: Project) -> datetime | None:
    """The moment that ``--expires`` means, None for never."""
    if not text:
        return None
    if re.fullmatch(r"[0-9]{1,5}", text) and 0 < int(text) <= LONGEST:
        return timezone.now() + timedelta(days=int(text))
    try:
        return end_of_day(date.fromisoformat(text), project.zone)
    except (ValueError, OverflowError) as error:
        raise CommandError(f"--expires: write a number of days, or a day like 2027-12-31, not “{text}”.") from error
