"""The hash chain over a call's facts: each row's hash covers its own words and the hash of the row before.

    hash = SHA-256(hash of the row before, 32 zero bytes for the first, || the row as canonical JSON)

The canonical JSON is one array in UTF-8 without spaces: kind, call, boot, seq, monotonic_ms, at, leg, seat, heard_ms;
`at` in UTC to the microsecond (2026-11-22T10:00:00.000000+00:00) and null where a kind has no such value. The last
hash, the head, is what a receipt carries: whoever has it can tell whether a fact was changed, removed or put in since.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import msgspec

from billing.fact_row import FactRow

START = bytes(32)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`head` is the last hash, empty without rows. `broken_at`: the first row, from 1, that is not as recorded."""

    rows: int
    head: bytes
    broken_at: int | None

    @property
    def intact(self) -> bool:
        return self.broken_at is None


def canonical(row: FactRow) -> bytes:
    """Return the bytes of a row that its hash covers."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    words = [row.kind, row.call, row.boot, row.seq, row.monotonic_ms, at, row.leg, row.seat, row.heard_ms]
    return msgspec.json.encode(words)


def link(before: bytes, row: FactRow) -> bytes:
    """Return the hash of a row that follows the one with the hash `before`."""
    return hashlib.sha256(before + canonical(row)).digest()


def verify(call: str, rows: Sequence[FactRow]) -> Verdict:
    """Say whether these are all rows of the call as they were recorded, in order."""
    before = START
    broken_at = None
    for number, row in enumerate(rows, 1):
        if row.call != call or row.number != number or row.hash != link(before, row):
            broken_at = number
            break
        before = row.hash
    return Verdict(len(rows), rows[-1].hash if rows else b"", broken_at)
