"""Undoing an import: its entries are voided, and values go back where nobody changed them since."""

from __future__ import annotations

import uuid
from collections.abc import Callable

from contacts.models import ImportJob


def run(job: ImportJob, mine: uuid.UUID, *, should_stop: Callable[[], bool]) -> None:
    raise NotImplementedError
