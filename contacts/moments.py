"""Dates that people give, as moments in the project's time zone."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contacts.errors import InTheFuture

TICK = timedelta(microseconds=1)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day: from when an authorization of that date counts."""
    return datetime.combine(day, time.min, tzinfo=zone)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last moment of a day: where a no that names a date and no time stands."""
    return datetime.combine(day + timedelta(days=1), time.min, tzinfo=zone) - TICK


def no_dated(day: date, zone: ZoneInfo, *, now: datetime) -> datetime:
    """When a no of that date occurred: the end of its day, or now where that is earlier.

    Raises InTheFuture for a day that has not begun.
    """
    refuse_future(day, zone, now=now)
    return min(end_of_day(day, zone), now)


def refuse_future(day: date, zone: ZoneInfo, *, now: datetime, field: str = "requested_on") -> None:
    if day > now.astimezone(zone).date():
        raise InTheFuture(field=field)
