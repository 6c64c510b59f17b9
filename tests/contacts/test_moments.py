"""Days that people give, as moments in the project's time zone, also where clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.errors import InTheFuture
from contacts.moments import end_of_day, no_dated, refuse_future, start_of_day

TORONTO, KIRITIMATI, UTC_ZONE = ZoneInfo("America/Toronto"), ZoneInfo("Pacific/Kiritimati"), ZoneInfo("UTC")
zones = st.sampled_from([TORONTO, KIRITIMATI, UTC_ZONE, ZoneInfo("Asia/Kathmandu"), ZoneInfo("Africa/Cairo")])


@given(st.dates(date(1900, 1, 1), date(2999, 12, 30)), zones)
def test_a_day_ends_where_the_next_one_starts(day: date, zone: ZoneInfo) -> None:
    start, end = start_of_day(day, zone).astimezone(UTC), end_of_day(day, zone).astimezone(UTC)
    assert start < end
    assert end < start_of_day(day + timedelta(days=1), zone).astimezone(UTC) <= end + timedelta(hours=1, seconds=1)


def test_days_on_which_clocks_are_changed() -> None:
    for day, hours in ((date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 6, 1), 24)):
        length = end_of_day(day, TORONTO).astimezone(UTC) - start_of_day(day, TORONTO).astimezone(UTC)
        assert round(length.total_seconds() / 3600) == hours


def test_a_no_of_an_earlier_day_stands_at_its_end() -> None:
    now = datetime(2026, 3, 10, 15, tzinfo=UTC)
    assert no_dated(date(2026, 3, 9), TORONTO, now=now) == end_of_day(date(2026, 3, 9), TORONTO)


def test_a_no_of_today_is_now() -> None:
    now = datetime(2026, 3, 10, 15, tzinfo=UTC)
    assert no_dated(date(2026, 3, 10), TORONTO, now=now) == now


def test_tomorrow_is_refused_where_it_is_not_yet() -> None:
    now = datetime(2026, 3, 10, 11, tzinfo=UTC)  # the 11th has begun on Kiritimati alone
    refuse_future(date(2026, 3, 11), KIRITIMATI, now=now)
    for zone in (TORONTO, UTC_ZONE):
        with pytest.raises(InTheFuture):
            refuse_future(date(2026, 3, 11), zone, now=now)
        with pytest.raises(InTheFuture):
            no_dated(date.max, zone, now=now)
