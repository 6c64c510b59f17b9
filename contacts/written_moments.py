"""Dates and times as other tools write them into files: ISO 8601, with names of months, with slashes, as numbers."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.errors import RegisterError
from contacts.moments import end_of_day

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = (
    ("january", "janvier"), ("february", "fevrier"), ("march", "mars"), ("april", "avril"), ("may", "mai"),
    ("june", "juin"), ("july", "juillet"), ("august", "aout"), ("september", "septembre"), ("october", "octobre"),
    ("november", "novembre"), ("december", "decembre"),
)  # fmt: skip
_BY_NAME = {
    form: number for number, names in enumerate(_MONTHS, start=1) for name in names for form in (name, name[:3])
} | {"sept": 9, "janv": 1, "fevr": 2, "avr": 4, "juil": 7}
del _BY_NAME["jui"]  # June or July in French

_TIME = (
    r"(?:[T ,]+(?:at |a )?(?P<hour>\d{1,2})[:h](?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d{1,9}))?)?"
    r" ?(?P<half>[ap]\.?m\.?)?(?P<zone> ?(?:Z|UTC|GMT|(?P<sign>[+-])(?P<zone_hour>\d{2}):?(?P<zone_minute>\d{2})))?"
    r"(?: UTC| GMT)?)?"
)
_YEAR_FIRST = re.compile(r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})" + _TIME, re.I)
_YEAR_LAST = re.compile(r"(?P<one>\d{1,2})(?P<mark>[-/.])(?P<two>\d{1,2})(?P=mark)(?P<year>\d{4})" + _TIME, re.I)
_DAY_NAME = re.compile(
    r"(?:[a-z]{3,9}\.?,? )?(?P<day>\d{1,2})(?:st|nd|rd|th|er)?[ -](?P<month>[a-z]{3,9})\.?,?[ -](?P<year>\d{4})"
    + _TIME,
    re.I,
)
_NAME_DAY = re.compile(
    r"(?:[a-z]{3,9}\.?,? )?(?P<month>[a-z]{3,9})\.? (?P<day>\d{1,2})(?:st|nd|rd|th)?,? (?P<year>\d{4})" + _TIME, re.I
)
_COMPACT = re.compile(r"(?P<year>(?:19|20|21)\d{2})(?P<month>\d{2})(?P<day>\d{2})" + _TIME, re.I)
_NUMBER = re.compile(r"\d{1,13}(?:[.,]\d+)?")
_EXCEL_BEGINS = datetime(1899, 12, 30)
_EXCEL_DAYS = (25_569, 109_573)
_SECONDS, _MILLISECONDS = (10**9, 10**10), (10**11, 10**13)


class UnclearDate(RegisterError):
    """What stands there is no date, or could be two."""

    code = "unclear_date"
    message = gettext_lazy("This is no date that can be read.")
    remedy = gettext_lazy("Write it as 2026-03-01, or with its time as 2026-03-01 14:05.")


def parse_moment(text: str, zone: ZoneInfo, *, day_first: bool = False) -> tuple[datetime, bool]:
    """The moment that a text names, and whether it is a day without a time: then it is that day's end.

    A time without an offset is one of ``zone``. In 01/03/2026 the day comes first where ``day_first`` says so;
    otherwise such a date is read only when it can be but one day. Raises UnclearDate.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    letters = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    try:
        return _parsed(letters, zone, day_first)
    except (ValueError, OverflowError) as error:
        raise UnclearDate() from error


def _parsed(text: str, zone: ZoneInfo, day_first: bool) -> tuple[datetime, bool]:
    if found := _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text):
        return _moment(found, int(found["month"]), int(found["day"]), zone)
    if found := _YEAR_LAST.fullmatch(text):
        month, day = _month_and_day(int(found["one"]), int(found["two"]), day_first or found["mark"] == ".")
        return _moment(found, month, day, zone)
    if found := _DAY_NAME.fullmatch(text) or _NAME_DAY.fullmatch(text):
        month = _BY_NAME.get(found["month"].lower(), 0)
        return _moment(found, month, int(found["day"]), zone)
    if _NUMBER.fullmatch(text):
        return _from_number(float(text.replace(",", ".")), zone)
    raise ValueError(text)


def _month_and_day(one: int, two: int, day_first: bool) -> tuple[int, int]:
    if day_first:
        return two, one
    if one > 12 or one == two:
        return two, one
    if two > 12:
        return one, two
    raise UnclearDate(
        _("The date can be read in two ways: is the day or the month first?"),
        remedy=_("Say that the day comes first, or write it as 2026-03-01."),
    )


def _moment(found: re.Match[str], month: int, day: int, zone: ZoneInfo) -> tuple[datetime, bool]:
    day_named = date(int(found["year"]), month, day)
    _refuse_far(day_named)
    if found["hour"] is None:
        return end_of_day(day_named, zone), True
    hour = int(found["hour"])
    if found["half"]:
        if not 1 <= hour <= 12:
            raise ValueError(hour)
        hour = hour % 12 + (12 if found["half"].lower().startswith("p") else 0)
    part = int((found["part"] or "0")[:6].ljust(6, "0"))
    clock = time(hour, int(found["minute"]), int(found["second"] or 0), part)
    moment = datetime.combine(day_named, clock)
    if not found["zone"]:
        return moment.replace(tzinfo=zone), False
    offset = timedelta(hours=int(found["zone_hour"] or 0), minutes=int(found["zone_minute"] or 0))
    return moment.replace(tzinfo=UTC) - (-offset if found["sign"] == "-" else offset), False


def _from_number(number: float, zone: ZoneInfo) -> tuple[datetime, bool]:
    """A date as spreadsheets keep it (days since 1900), or as programs do (seconds or milliseconds since 1970)."""
    if _EXCEL_DAYS[0] <= number <= _EXCEL_DAYS[1]:
        moment = _EXCEL_BEGINS + timedelta(seconds=round(number * 86_400))
        if number == int(number):
            return end_of_day(moment.date(), zone), True
        return moment.replace(tzinfo=zone), False
    for (least, most), unit in ((_SECONDS, 1), (_MILLISECONDS, 1_000)):
        if least <= number < most:
            return datetime.fromtimestamp(number / unit, tz=UTC), False
    raise ValueError(number)


def _refuse_far(day: date) -> None:
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise ValueError(day.year)
