"""Dates and times as tools and people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.moments import end_of_day
from contacts.written_moments import UnclearDate, parse_moment

QUEBEC = ZoneInfo("America/Toronto")
AFTERNOON = datetime(2026, 3, 1, 14, 5, tzinfo=QUEBEC)
IN_UTC = datetime(2026, 3, 1, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01", "2026/3/1", "20260301", "1.3.2026", "01.03.2026", "1 March 2026", "1 Mar 2026", "March 1, 2026",
        "1st March 2026", "1er mars 2026", "Sun, 1 Mar 2026", "01-Mar-2026", "46082", "46082.0", " 2026-03-01 ",
    ],
)  # fmt: skip
def test_a_day_is_its_end(text: str) -> None:
    assert parse_moment(text, QUEBEC) == (end_of_day(date(2026, 3, 1), QUEBEC), True)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01 14:05:00", "2026-03-01T14:05", "2026-03-01 2:05 PM", "March 1, 2026 2:05 p.m.",
        "1 mars 2026 à 14h05", "01.03.2026 14:05", "2026-03-01 14:05:00.000",
    ],
)  # fmt: skip
def test_a_time_without_offset_is_one_of_the_project(text: str) -> None:
    assert parse_moment(text, QUEBEC) == (AFTERNOON, False)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-01T14:05:00Z", "2026-03-01 14:05:00.000000 +0000 UTC", "2026-03-01T09:05:00-05:00",
        "2026-03-01 14:05:00 UTC", "Sun, 01 Mar 2026 14:05:00 +0000", "1772373900", "1772373900000",
        "2026-03-01T19:35+05:30",
    ],
)  # fmt: skip
def test_offsets_count(text: str) -> None:
    assert parse_moment(text, QUEBEC) == (IN_UTC, False)


def test_what_could_be_two_days_is_read_only_when_it_is_said_which() -> None:
    with pytest.raises(UnclearDate, match="is the day or the month first"):
        parse_moment("02/03/2026", QUEBEC)
    assert parse_moment("02/03/2026", QUEBEC, day_first=True)[0].date() == date(2026, 3, 2)
    assert parse_moment("03/25/2026", QUEBEC)[0].date() == date(2026, 3, 25)
    assert parse_moment("25-03-2026 14:05", QUEBEC)[0].date() == date(2026, 3, 25)
    assert parse_moment("03/03/2026", QUEBEC)[0].date() == date(2026, 3, 3)
    with pytest.raises(UnclearDate):
        parse_moment("03/25/2026", QUEBEC, day_first=True)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2026-02-30", "2026-13-01", "01/03/26", "2026", "12", "0001-01-01", "9999-12-31", "-1",
     "2026-03-01 25:00", "2026-03-01 13:00 PM", "1 jui 2026", "=1+1", "٢٠٢٦-٠٣-٠١x", "9" * 30],
)  # fmt: skip
def test_what_is_no_date_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UnclearDate, match="2026-03-01"):
        parse_moment(text, QUEBEC)


@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)),
    st.sampled_from(["UTC", "America/Toronto", "Asia/Kolkata"]),
)
def test_what_python_writes_is_read_back(moment: datetime, zone: str) -> None:
    aware = moment.replace(tzinfo=ZoneInfo(zone))
    assert parse_moment(aware.isoformat(), QUEBEC) == (aware.astimezone(UTC), False)
    assert parse_moment(moment.isoformat(sep=" "), ZoneInfo(zone)) == (aware, False)
    days = (moment.date() - date(1899, 12, 30)).days
    assert parse_moment(str(days), QUEBEC)[0] == end_of_day(moment.date(), QUEBEC)


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_refused_in_words(text: str) -> None:
    try:
        moment, _is_day = parse_moment(text, QUEBEC)
    except UnclearDate as refusal:
        assert str(refusal)
    else:
        assert moment.utcoffset() is not None and abs(moment.utcoffset() or timedelta()) < timedelta(days=1)
