"""Days as people read them, in their language and in the project's time zone."""

from __future__ import annotations

from datetime import date, datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import pgettext


def long_day(value: date | datetime) -> str:
    """19 November 2026; 1er novembre 2026."""
    value = _here(value)
    if value.day == 1:
        return date_format(value, pgettext("date, of the first day of a month", "j F Y"))
    return date_format(value, pgettext("date", "j F Y"))


def short_day(value: date | datetime) -> str:
    """19 Nov 2026; 1er nov. 2026. For tables."""
    value = _here(value)
    if value.day == 1:
        return date_format(value, pgettext("short date, of the first day of a month", "j M Y"))
    return date_format(value, pgettext("short date", "j M Y"))


def weekday(value: date | datetime) -> str:
    """Thursday 19 November 2026."""
    return f"{date_format(_here(value), 'l')} {long_day(value)}"


def clock(value: datetime, *, seconds: bool = False) -> str:
    """14:07, or 14:07:59."""
    return date_format(_here(value), "H:i:s" if seconds else "H:i")


def _here(value: date | datetime) -> date | datetime:
    return timezone.localtime(value) if isinstance(value, datetime) and timezone.is_aware(value) else value
