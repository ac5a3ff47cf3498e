"""The next time that a clock somewhere shows a time of day."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automations.actions.delay import WEEKDAYS, next_time


def utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "now", "time", "expected"),
    [
        # The clocks of Rome go from 2 to 3 on 29 March: 02:30 does not come that day.
        ("Europe/Rome", "2026-03-28T12:00", "02:30", "2026-03-29T01:30"),
        ("Europe/Rome", "2026-03-29T01:30", "02:30", "2026-03-30T00:30"),
        # They go from 3 to 2 on 25 October: 02:30 comes twice, and the first counts.
        ("Europe/Rome", "2026-10-24T12:00", "02:30", "2026-10-25T00:30"),
        ("Europe/Rome", "2026-10-25T00:30", "02:30", "2026-10-26T01:30"),
        ("Europe/Rome", "2026-10-25T00:45", "02:30", "2026-10-26T01:30"),
        # The same time of day is 23 or 25 hours away.
        ("Europe/Rome", "2026-03-28T08:00", "09:00", "2026-03-29T07:00"),
        ("Europe/Rome", "2026-10-24T07:00", "09:00", "2026-10-25T08:00"),
        ("Asia/Kathmandu", "2026-01-01T00:00", "06:00", "2026-01-01T00:15"),
        # A day that Samoa left out.
        ("Pacific/Apia", "2011-12-30T09:30", "09:00", "2011-12-30T19:00"),
    ],
)
def test_clocks_that_change(zone, now, time, expected):
    assert next_time(utc(now), {"time": time, "timezone": zone}) == utc(expected)


zones = st.sampled_from(
    ["UTC", "Europe/Rome", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe"]
)


@given(
    zones,
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    st.times(),
    st.sets(st.sampled_from(WEEKDAYS)),
)
def test_it_is_the_next_such_time(zone, now, time, weekdays):
    now = now.replace(tzinfo=UTC)
    until = {"time": f"{time:%H:%M}", "timezone": zone, "weekdays": sorted(weekdays)}
    found = next_time(now, until)
    assert found.tzinfo is UTC
    assert timedelta() < found - now <= timedelta(days=8, hours=1)
    local = found.astimezone(ZoneInfo(zone))
    # Skipped times come at most an hour later on the clock.
    shown = local.replace(tzinfo=None)
    meant = shown.replace(hour=time.hour, minute=time.minute, second=0, microsecond=0)
    assert timedelta() <= shown - meant <= timedelta(hours=1)
    assert not weekdays or WEEKDAYS[local.weekday()] in weekdays
