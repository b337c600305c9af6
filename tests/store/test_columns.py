"""The UTC column."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from store.io.columns import NaiveTime, Utc

ZONES = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
# A day from the ends of the calendar, so that the moment exists in UTC too.
MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=ZONES)  # noqa: DTZ001  # hypothesis adds zones

table = sa.Table("moments", sa.MetaData(), sa.Column("at", Utc))


@pytest.fixture(scope="module")
def connection() -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        table.create(connection)
        yield connection
    engine.dispose()


@given(moment=MOMENTS)
def test_any_aware_time_comes_back_as_the_same_moment_in_utc(connection: sa.Connection, moment: datetime):
    connection.execute(sa.delete(table))
    connection.execute(sa.insert(table).values(at=moment))
    kept = connection.execute(sa.select(table.c.at)).scalar_one()
    assert kept == moment
    assert kept.tzinfo is UTC
    assert connection.execute(sa.select(sa.func.count()).where(table.c.at == moment)).scalar_one() == 1


@given(one=MOMENTS, other=MOMENTS)
def test_the_database_orders_times_as_they_follow_each_other(connection: sa.Connection, one: datetime, other: datetime):
    connection.execute(sa.delete(table))
    connection.execute(sa.insert(table).values(at=one))
    earlier = connection.execute(sa.select(sa.func.count()).where(table.c.at < other)).scalar_one() == 1
    assert earlier == (one < other)


@given(moment=st.datetimes())
def test_a_naive_time_is_refused(connection: sa.Connection, moment: datetime):
    with pytest.raises(sa.exc.StatementError) as caught:
        connection.execute(sa.insert(table).values(at=moment))
    assert isinstance(caught.value.orig, NaiveTime)


def test_nothing_stays_nothing(connection: sa.Connection):
    connection.execute(sa.delete(table))
    connection.execute(sa.insert(table).values(at=None))
    assert connection.execute(sa.select(table.c.at)).scalar_one() is None
