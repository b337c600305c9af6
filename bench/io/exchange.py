"""One run of traffic: bursts go out when they are due, what comes in is put aside, and both are matched at the end."""

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.io.native_pump import NativePump, native
from bench.io.packets import Batch, Stream
from bench.io.peer import MediaPeer
from bench.io.processes import overruns
from bench.io.pump import Bursts, Pump
from bench.io.python_pump import PythonPump
from bench.matching import Arrivals, Measured, Sending, SentStream, measure
from bench.plans import Kind, Load
from bench.statistics import percentile

# What has not come this long after the last packet was sent is lost.
_PATIENCE = 1.0
_QUIET = 0.2
# Nanoseconds from here on: before the first burst, between two looks at what is going on, and behind the timetable.
_LEAD = 5_000_000
_LOOK_EVERY = 100_000_000
_MOST_BEHIND = 1_000_000_000
_STUN_SUCCESS = b"\x01\x01"
# Milliseconds behind the timetable that one burst in a hundred may be.
_LATE = 5.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. The steady part begins after the settling time and ends with the last packet sent.

    `measured` is what was found of that part; `before` and `after` are what `at_edges` returned at its two edges.
    CPU times in seconds. `overrun` counts datagrams that found the generator's own buffers full.
    """

    measured: Measured
    seconds: float
    generator_cpu: float
    before: Any
    after: Any
    overrun: int
    complete: bool

    @property
    def generator_bound(self) -> bool:
        """Whether the generator, not the server, was the limit: it sent late, or lost what came in or went out."""
        late = percentile(self.measured.lateness, 99) > _LATE
        return late or self.measured.unsent > 0 or self.overrun > 0


@dataclass(slots=True)
class Side:
    """One peer of a pair, and what it sends."""

    peer: MediaPeer
    streams: dict[Kind, Stream]
    other: "Side | None" = None


@dataclass(frozen=True, slots=True)
class _Edge:
    found: Any
    cpu: float
    at: int


def _pump(bursts: Bursts, start: int, descriptors: list[int]) -> Pump:
    library = native()
    if library is None:
        return PythonPump(bursts, start, descriptors)
    return NativePump(library, bursts, start, descriptors)


class Run:
    """One run. Made in the event loop; `go` blocks, and belongs into a thread of its own."""

    def __init__(
        self,
        sides: list[Side],
        batches: list[Batch],
        load: Load,
        settle: float,
        at_edges: Callable[[], Any],
        stopping: Callable[[], bool],
    ) -> None:
        self._sides = sides
        self._load = load
        self._loop = asyncio.get_running_loop()
        self._batches = batches
        self._settle = int(settle * 1e9)
        self._at_edges = at_edges
        self._stopping = stopping
        self._peers = [side.peer for side in sides]
        self._descriptors = [peer.socket.fileno() for peer in self._peers if peer.socket is not None]
        self._came: list[Arrivals] = []
        self._order: Any = None

    def _bursts(self) -> Bursts:
        """Return every burst in order of time."""
        due, descriptors, headers, messages = [], [], [], []
        for batch, number in zip(self._batches, self._descriptors, strict=True):
            counts = batch.messages.counts
            starts = np.cumsum(counts) - counts
            due.append(((batch.timetable.phase + np.arange(len(counts)) * self._load.burst) * 1e9).astype(np.int64))
            descriptors.append(np.full(len(counts), number, np.int32))
            headers.append((batch.headers.ctypes.data + 64 * starts).astype(np.uint64))
            messages.append(counts.astype(np.int32))
        all_due = np.concatenate(due)
        self._order = order = np.argsort(all_due, kind="stable")
        return Bursts(
            due=all_due[order],
            descriptors=np.concatenate(descriptors)[order],
            headers=np.concatenate(headers)[order],
            messages=np.concatenate(messages)[order],
            sent_at=np.zeros(len(order), np.int64),
            taken=np.zeros(len(order), np.int32),
        )

    def go(self) -> Outcome:
        bursts = self._bursts()
        start = time.time_ns() + _LEAD
        pump = _pump(bursts, start, self._descriptors)
        inodes = frozenset(os.fstat(descriptor).st_ino for descriptor in self._descriptors)
        overrun = overruns(inodes)
        first, last, complete = self._send_all(pump, bursts, start)
        self._drain(pump)
        measured = measure(self._sending(bursts, start), self._arrivals(), first.at, last.at)
        return Outcome(
            measured=measured,
            seconds=(last.at - first.at) / 1e9,
            generator_cpu=last.cpu - first.cpu,
            before=first.found,
            after=last.found,
            overrun=overruns(inodes) - overrun,
            complete=complete,
        )

    def _edge(self) -> "_Edge":
        return _Edge(self._at_edges(), time.thread_time(), time.time_ns())

    def _send_all(self, pump: Pump, bursts: Bursts, start: int) -> "tuple[_Edge, _Edge, bool]":
        """Send every burst when it is due, and receive meanwhile.

        Returns the edges of the steady part, and whether everything was sent.
        """
        first: _Edge | None = None
        steady, total = start + self._settle, len(bursts.due)
        most_behind = _MOST_BEHIND + bursts.last // 2
        while pump.next < total:
            now = time.time_ns()
            if first is None and now >= steady:
                first = self._edge()
            # So far behind it will not catch up.
            hopeless = now - start - int(bursts.due[pump.next]) > most_behind
            if hopeless or self._stopping():
                break
            look_at = now + _LOOK_EVERY
            pump.go(look_at if first is not None else min(look_at, steady))
            self._put_aside(pump)
        last = self._edge()
        return first or last, last, pump.next == total

    def _drain(self, pump: Pump) -> None:
        now = time.monotonic()
        deadline, quiet_at = now + _PATIENCE, now + _QUIET
        while (now := time.monotonic()) < deadline and now < quiet_at:
            if pump.receive():
                self._put_aside(pump)
                quiet_at = now + _QUIET
            else:
                time.sleep(0.01)

    def _put_aside(self, pump: Pump) -> None:
        """Keep the headers, and give STUN requests and DTLS to the peers, in the event loop's own thread."""
        came = pump.take()
        self._came.append(came.media)
        for index, data in came.others:
            if data[:2] != _STUN_SUCCESS:
                self._loop.call_soon_threadsafe(self._peers[index].take, data)

    # -- afterwards ------------------------------------------------------------------------------------------

    def _sending(self, bursts: Bursts, start: int) -> Sending:
        """Return what was sent, put back from the order of time to peers and streams."""
        done = bursts.sent_at > 0
        when = bursts.sent_at[done]
        by_peer, taken_by_peer = np.empty_like(bursts.sent_at), np.empty_like(bursts.taken)
        by_peer[self._order], taken_by_peer[self._order] = bursts.sent_at, bursts.taken
        streams: list[SentStream] = []
        reports = [np.empty(0, np.int64)]
        offset = unsent = 0
        for batch, side in zip(self._batches, self._sides, strict=True):
            plan = batch.timetable
            mine = slice(offset, offset + len(plan.counts))
            offset += len(plan.counts)
            asked_at = by_peer[mine][plan.bursts]
            times = np.where(batch.messages.taken(taken_by_peer[mine]), asked_at, 0)
            unsent += int(np.count_nonzero(asked_at) - np.count_nonzero(times))
            reports.append(times[plan.kinds == Kind.RTCP])
            streams += [
                SentStream(
                    stream.heard_ssrc if stream.heard_ssrc is not None else stream.ssrc,
                    batch.first[kind] + stream.shift,
                    times[plan.kinds == kind],
                )
                for kind, stream in side.streams.items()
            ]
        return Sending(streams, np.concatenate(reports), when, when - start - bursts.due[done], unsent)

    def _arrivals(self) -> Arrivals:
        came = self._came or [Arrivals(np.empty((0, 12), np.uint8), np.empty(0, np.uint32), np.empty(0, np.int64))]
        return Arrivals(
            np.concatenate([each.heads for each in came]),
            np.concatenate([each.lengths for each in came]),
            np.concatenate([each.times for each in came]),
        )
