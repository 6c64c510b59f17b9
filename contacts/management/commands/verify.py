"""Replay the history and compare it with the state. Exit 0: sound. Exit 1: each difference on a line."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from contacts.services.verify import differences


class Command(BaseCommand):
    help = (
        "Replay the status history and compare it with the current state, row by row. "
        "Names every difference by number, never by name or address. Exit 0 when there is none, 1 otherwise."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        number = 0
        for difference in differences():
            self.stdout.write(str(difference))
            number += 1
        self.stdout.write(f"differences={number}")
        if number:
            sys.exit(1)
