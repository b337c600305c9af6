"""Column types that SQLite and PostgreSQL keep alike."""

from datetime import UTC, datetime

from sqlalchemy import DateTime
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class NaiveTime(ValueError):
    """A time without a zone was about to be stored: it would mean another moment elsewhere."""


class Utc(TypeDecorator[datetime]):
    """A moment: takes aware datetimes only, gives them back in UTC, exact to the microsecond.

    SQLite keeps text of fixed width, so that its order is the order of time.
    A naive datetime raises `NaiveTime`, which SQLAlchemy wraps in `StatementError` (`.orig`).
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.utcoffset() is None:
            raise NaiveTime("a time needs its zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
