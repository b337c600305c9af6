"""A time that every fork shares and any of them moves on: it stands still while nobody does."""

import mmap
import struct
from datetime import datetime, timedelta

from tests.billing.crash.plan import BEGINNING


class Clock:
    """`clock()` is now; the time is kept in shared memory, so that it outlives who is killed."""

    def __init__(self) -> None:
        self._kept = mmap.mmap(-1, 8)
        self.begin()

    def __call__(self) -> datetime:
        return BEGINNING + timedelta(seconds=struct.unpack("d", self._kept[:8])[0])

    def begin(self) -> None:
        self._set(BEGINNING)

    def wait(self, **span: float) -> None:
        self._set(self() + timedelta(**span))

    def until(self, at: datetime) -> None:
        self._set(max(at, self()))

    def _set(self, at: datetime) -> None:
        self._kept[:8] = struct.pack("d", (at - BEGINNING).total_seconds())
