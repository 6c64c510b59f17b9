"""Travelling in time with both clocks: the program's, and the database's where it has one of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import time_machine
from django.db import connection
from django.utils import timezone


@contextmanager
def at(moment: datetime) -> Iterator[time_machine.Coordinates]:
    """Stand still at a moment; the clock that it gives can be moved on, or back."""

    def follow(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if sql == "SELECT clock_timestamp()":
            return execute("SELECT %s::timestamptz", [timezone.now()], many, context)
        return execute(sql, parameters, many, context)

    with time_machine.travel(moment, tick=False) as clock, connection.execute_wrapper(follow):
        yield clock
