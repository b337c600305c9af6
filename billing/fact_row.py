"""A media fact as it is kept: flat, so that every word of it can be hashed and looked at without this program."""

from dataclasses import dataclass
from datetime import datetime

from store.facts import BothAlive, LegConnected, LegLost, MediaFact, MeterPaused, MeterResumed, Stamp
from store.ids import CallId, LegId, Seat


class NotAFact(ValueError):
    """A row says what no worker says; the argument is its number."""


@dataclass(frozen=True, slots=True)
class FactRow:
    """`number` counts a call's rows from 1 in the order of their arrival. `hash` binds it to all before it.

    `heard_ms` is the `last_heard_ms` of a `LegLost` and the `heard_ms` of a `BothAlive`. See `billing.chain`.
    """

    call: str
    number: int
    boot: str
    seq: int
    kind: str
    leg: str | None
    seat: str | None
    heard_ms: int | None
    monotonic_ms: int
    at: datetime
    hash: bytes


def row_of(fact: MediaFact, number: int, hash_: bytes = b"") -> FactRow:
    """Return the fact as a row."""
    leg = seat = heard_ms = None
    match fact:
        case LegConnected():
            leg, seat = fact.leg, fact.seat.value
        case LegLost():
            leg, seat, heard_ms = fact.leg, fact.seat.value, fact.last_heard_ms
        case BothAlive():
            heard_ms = fact.heard_ms
        case MeterPaused() | MeterResumed():
            pass
    stamp = fact.stamp
    return FactRow(
        call=fact.call,
        number=number,
        boot=stamp.boot,
        seq=stamp.seq,
        kind=type(fact).__name__,
        leg=leg,
        seat=seat,
        heard_ms=heard_ms,
        monotonic_ms=stamp.monotonic_ms,
        at=stamp.at,
        hash=hash_,
    )


def fact_of(row: FactRow) -> MediaFact:
    """Return the row as a fact. Raises `NotAFact`."""
    call, stamp = CallId(row.call), Stamp(row.boot, row.seq, row.monotonic_ms, row.at)
    try:
        match row:
            case FactRow(kind="LegConnected", leg=str(leg), seat=str(seat)):
                return LegConnected(call, LegId(leg), Seat(seat), stamp)
            case FactRow(kind="LegLost", leg=str(leg), seat=str(seat), heard_ms=int(heard)):
                return LegLost(call, LegId(leg), Seat(seat), heard, stamp)
            case FactRow(kind="BothAlive", heard_ms=int(heard)):
                return BothAlive(call, heard, stamp)
            case FactRow(kind="MeterPaused"):
                return MeterPaused(call, stamp)
            case FactRow(kind="MeterResumed"):
                return MeterResumed(call, stamp)
    except ValueError as error:
        raise NotAFact(row.number) from error
    raise NotAFact(row.number)
