"""What a form's date and time mean: a `datetime-local` field is read in the practitioner's own time zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class BadLocalTime(ValueError):
    """Theirs: not a date and time."""


class NoSuchLocalTime(ValueError):
    """Theirs: the clocks are put forward over this time on that day, so it never comes."""


def zone(name: str) -> ZoneInfo:
    """Return the time zone of that name; UTC when this machine does not know it."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo("UTC")


def read_local(text: str, where: ZoneInfo) -> datetime:
    """Return the aware time, in `where`, of a field such as "2026-03-29T14:30".

    A time that comes twice, when the clocks are put back, is the earlier of the two. Raises `BadLocalTime` for
    anything else than a date and time without an offset, `NoSuchLocalTime` for one that is skipped.
    """
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        raise BadLocalTime("not a date and time") from None
    if naive.tzinfo is not None or "T" not in text:
        raise BadLocalTime("not a local date and time")
    try:
        local = naive.replace(tzinfo=where, fold=0)
        there_and_back = local.astimezone(UTC).astimezone(where)
    except OverflowError:
        raise BadLocalTime("outside the calendar") from None
    if there_and_back.replace(tzinfo=None) != naive:
        raise NoSuchLocalTime("skipped when the clocks are put forward")
    return local
