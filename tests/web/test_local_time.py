from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.local_time import BadLocalTime, NoSuchLocalTime, read_local, zone

PARIS = zone("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-15T14:30", datetime(2026, 1, 15, 13, 30, tzinfo=UTC)),
        ("2026-07-15T14:30", datetime(2026, 7, 15, 12, 30, tzinfo=UTC)),
        ("2026-07-15T14:30:20", datetime(2026, 7, 15, 12, 30, 20, tzinfo=UTC)),
        ("2026-03-29T01:59", datetime(2026, 3, 29, 0, 59, tzinfo=UTC)),
        ("2026-03-29T03:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_local_time_is_read_in_the_practitioners_zone(text, utc):
    assert read_local(text, PARIS) == utc


@pytest.mark.parametrize("text", ["2026-03-29T02:00", "2026-03-29T02:30", "2026-03-29T02:59:59"])
def test_a_time_that_the_clocks_skip_is_refused(text):
    with pytest.raises(NoSuchLocalTime):
        read_local(text, PARIS)


def test_a_time_that_comes_twice_is_the_earlier_one():
    assert read_local("2026-10-25T02:30", PARIS).astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "2026-02-30T10:00", "2026-02-03", "2026-02-03T10:00Z", "2026-02-03T10:00+01:00", "T10:00"]
)
def test_what_is_no_local_date_and_time_is_refused(text):
    with pytest.raises(BadLocalTime):
        read_local(text, PARIS)


@pytest.mark.parametrize("text", ["0001-01-01T00:00", "9999-12-31T23:59"])
@pytest.mark.parametrize("name", ["Pacific/Kiritimati", "America/Los_Angeles", "UTC"])
def test_the_ends_of_the_calendar_crash_nothing(text, name):
    with suppress(BadLocalTime, NoSuchLocalTime):
        read_local(text, zone(name))


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text):
    with suppress(BadLocalTime, NoSuchLocalTime):
        assert read_local(text, PARIS).utcoffset() is not None


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2037, 1, 1)))  # noqa: DTZ001 (local on purpose)
def test_every_time_but_the_skipped_hour_reads_back_as_it_was_typed(typed):
    try:
        local = read_local(typed.isoformat(timespec="microseconds"), PARIS)
    except NoSuchLocalTime:
        assert (typed.month, typed.hour) == (3, 2)
    else:
        assert local.replace(tzinfo=None) == typed
        assert local.utcoffset() in {timedelta(hours=1), timedelta(hours=2)}


def test_a_zone_that_this_machine_does_not_know_is_utc():
    assert [zone(name).key for name in ("Mars/Olympus", "../etc/passwd", "")] == ["UTC"] * 3
