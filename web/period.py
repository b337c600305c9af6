"""A period of days as a form sends it, in the practitioner's time zone."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from web.problems import Refused

DEFAULT_DAYS = 30
# Ten years of consultations on one page help nobody, and cost the server.
LONGEST_DAYS = 3660


@dataclass(frozen=True, slots=True)
class Period:
    """From the first day's beginning to the last day's end, where `where` is."""

    first: date
    last: date
    where: ZoneInfo

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.first, time(), self.where)

    @property
    def ends(self) -> datetime:
        return datetime.combine(self.last + timedelta(days=1), time(), self.where)


def read_period(first: str, last: str, where: ZoneInfo, at: datetime, days: int = DEFAULT_DAYS) -> Period:
    """Return the period of two days like "2026-03-01"; without them the last `days` until today. Raises `Refused`."""
    today = at.astimezone(where).date()
    ends = _day(last) if last else today
    begins = _day(first) if first else min(ends, today) - timedelta(days=days - 1)
    if not timedelta(0) <= ends - begins <= timedelta(days=LONGEST_DAYS):
        raise Refused("bad_period")
    return Period(begins, ends, where)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Refused("bad_period") from None
    if not 2000 <= day.year <= 2200:
        raise Refused("bad_period")
    return day
