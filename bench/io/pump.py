"""What moves a run's datagrams: bursts out when they are due, and what comes in noted. There are two, one in C."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from bench.matching import Arrivals

HEAD = 12


@dataclass(slots=True)
class Bursts:
    """Every burst of a run in order of time, and what became of it. Times in nanoseconds of `time.time_ns`.

    `due` counts from the start; `headers` are the addresses of first `struct mmsghdr`s, `messages` how many there are.
    `sent_at` is 0 for never, `taken` is how many messages the kernel took.
    """

    due: npt.NDArray[np.int64]
    descriptors: npt.NDArray[np.int32]
    headers: npt.NDArray[np.uint64]
    messages: npt.NDArray[np.int32]
    sent_at: npt.NDArray[np.int64]
    taken: npt.NDArray[np.int32]

    @property
    def last(self) -> int:
        """When the last burst is due."""
        return int(self.due[-1]) if len(self.due) else 0


@dataclass(frozen=True, slots=True)
class Came:
    """What has come in: RTP and RTCP, and the other datagrams with the index of their socket."""

    media: Arrivals
    others: list[tuple[int, bytes]]


class Pump(Protocol):
    """Made with bursts, a start (nanoseconds), and the descriptors of all sockets; used by one thread at a time."""

    @property
    def next(self) -> int:
        """Return how many bursts have been sent, or tried."""
        ...

    def go(self, until: int) -> None:
        """Send what is due and receive, until that time or earlier; call `take` and go on until all are sent."""
        ...

    def receive(self) -> bool:
        """Receive what is there, without sending. Returns whether anything was."""
        ...

    def take(self) -> Came:
        """Return what came since the last time."""
        ...


def as_arrivals(heads: Any, lengths: Any, times: Any) -> Arrivals:
    """Return copies of what a pump is going to write over."""
    return Arrivals(heads.copy(), lengths.astype(np.uint32), times.astype(np.int64))
