"""One run of traffic: bursts go out when they are due, what comes in is put aside, and both are matched at the end."""

import asyncio
import contextlib
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.io.multimessage import Arena, send, timestamp
from bench.io.packets import Batch, Stream
from bench.io.peer import MediaPeer
from bench.io.processes import overruns
from bench.matching import Arrivals, Measured, Sending, SentStream, measure
from bench.plans import Kind, Load
from bench.statistics import percentile

# What has not come this long after the last packet was sent is lost.
_PATIENCE = 1.0
_QUIET = 0.2
# Bursts sent before the receiving sockets are looked at again.
_SENDS_A_PASS = 32
_LOOK_EVERY = 100_000_000
_TICK = 1_000_000
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


@dataclass(slots=True)
class _Log:
    """What the running loop puts aside."""

    heads: list[Any] = field(default_factory=list)
    lengths: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Edge:
    found: Any
    cpu: float
    at: int


class _Pace:
    """Every burst of a run in order of time, and how far the sending has come. Times in nanoseconds."""

    def __init__(self, events: list[tuple[int, int, int, int]], *, start: int, settle: float) -> None:
        self.events = events
        self.start = start
        self.steady = start + int(settle * 1e9)
        self.sent_at = [0] * len(events)
        self.taken = [0] * len(events)
        self.stopped = False
        self._position = 0
        self._most_behind = 1_000_000_000 + (events[-1][0] // 2 if events else 0)

    @property
    def finished(self) -> bool:
        return self._position == len(self.events)

    def send_due(self, now: int) -> None:
        """Send the bursts that are due, some at a time, so that receiving is not forgotten."""
        position, events, latest = self._position, self.events, now - self.start
        until = min(len(events), position + _SENDS_A_PASS)
        while position < until:
            due, descriptor, address, count = events[position]
            if due > latest:
                break
            self.sent_at[position] = time.time_ns()
            self.taken[position] = send(descriptor, address, count)
            position += 1
        self._position = position

    def early(self, now: int) -> bool:
        """Whether nothing is due yet."""
        return not self.finished and self.start + self.events[self._position][0] > now

    def hopeless(self, now: int) -> bool:
        """Whether the sending is so far behind that it will not catch up."""
        return now - self.start - self.events[self._position][0] > self._most_behind


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
        self._settle = settle
        self._at_edges = at_edges
        self._stopping = stopping
        self._peers = [side.peer for side in sides]
        self._descriptors = [peer.socket.fileno() for peer in self._peers if peer.socket is not None]
        self._arena = Arena()
        self._by_descriptor = dict(zip(self._descriptors, self._peers, strict=True))
        self._log = _Log()
        self._order: Any = None

    def _events(self) -> list[tuple[int, int, int, int]]:
        """Return every burst as (nanoseconds after the start, descriptor, address, count), in order of time."""
        due, descriptor, address, count = [], [], [], []
        burst = self._load.burst
        for batch, number in zip(self._batches, self._descriptors, strict=True):
            counts = batch.timetable.counts
            starts = np.cumsum(counts) - counts
            due.append(((batch.timetable.phase + np.arange(len(counts)) * burst) * 1e9).astype(np.int64))
            descriptor.append(np.full(len(counts), number))
            address.append(batch.headers.ctypes.data + 64 * starts)
            count.append(counts)
        all_due = np.concatenate(due)
        self._order = np.argsort(all_due, kind="stable")
        columns = (all_due, np.concatenate(descriptor), np.concatenate(address), np.concatenate(count))
        return list(zip(*(column[self._order].tolist() for column in columns), strict=True))

    def go(self) -> Outcome:
        events = self._events()
        pace = _Pace(events, start=time.time_ns() + 5_000_000, settle=self._settle)
        inodes = frozenset(os.fstat(descriptor).st_ino for descriptor in self._descriptors)
        overrun = overruns(inodes)
        with contextlib.closing(select.epoll()) as epoll:
            for peer, descriptor in zip(self._peers, self._descriptors, strict=True):
                if peer.socket is not None:
                    timestamp(peer.socket)
                epoll.register(descriptor, select.EPOLLIN)
            first, last = self._send_all(pace, epoll)
            self._drain(epoll)
        measured = measure(self._sending(pace), self._arrivals(), first.at, last.at)
        return Outcome(
            measured=measured,
            seconds=(last.at - first.at) / 1e9,
            generator_cpu=last.cpu - first.cpu,
            before=first.found,
            after=last.found,
            overrun=overruns(inodes) - overrun,
            complete=not pace.stopped,
        )

    def _edge(self) -> "_Edge":
        return _Edge(self._at_edges(), time.thread_time(), time.time_ns())

    def _send_all(self, pace: "_Pace", epoll: select.epoll) -> "tuple[_Edge, _Edge]":
        """Send every burst when it is due, and receive meanwhile. Returns the edges of the steady part."""
        first: _Edge | None = None
        look_at, tick = 0, pace.start
        while not pace.finished:
            now = time.time_ns()
            if first is None and now >= pace.steady:
                first = self._edge()
            if now >= look_at:
                look_at = now + _LOOK_EVERY
                self._put_aside()
                pace.stopped = self._stopping()
                if pace.stopped or pace.hopeless(now):
                    break
            pace.send_due(now)
            self._receive(epoll, 0.0)
            if pace.early(now):
                tick += _TICK * (1 + max(0, now - tick) // _TICK)
                time.sleep(max(0, tick - time.time_ns()) / 1e9)
        last = self._edge()
        return first or last, last

    def _receive(self, epoll: select.epoll, wait: float) -> bool:
        """Take what has come. Returns whether anything had."""
        arena, log = self._arena, self._log
        ready = epoll.poll(wait)
        for descriptor, _ in ready:
            if arena.full:
                self._put_aside()
            count = arena.receive(descriptor)
            log.owners.append(descriptor)
            log.counts.append(count)
        return bool(ready)

    def _drain(self, epoll: select.epoll) -> None:
        now = time.monotonic()
        deadline, quiet_at = now + _PATIENCE, now + _QUIET
        while (now := time.monotonic()) < deadline and now < quiet_at:
            if self._receive(epoll, 0.02):
                quiet_at = now + _QUIET
        self._put_aside()

    def _put_aside(self) -> None:
        """Empty the arena: headers to the log, and what is neither RTP nor RTCP back to the peers."""
        arena = self._arena
        if not arena.used:
            return
        rows = arena.rows[: arena.used]
        lengths = arena.lengths()
        self._log.heads.append(rows[:, :12].copy())
        self._log.lengths.append(lengths)
        self._log.times.append(arena.times())
        requests = np.flatnonzero((rows[:, 0] < 64) & ~((rows[:, 0] == 1) & (rows[:, 1] == 1)))
        if len(requests):
            self._hand_back(rows, lengths, requests)
        arena.clear()

    def _hand_back(self, rows: Any, lengths: Any, which: Any) -> None:
        """Give STUN requests and DTLS to the peers they came to, in the event loop's own thread."""
        log = self._log
        owners = np.repeat(log.owners, log.counts)[-len(rows) :]
        for index in which:
            data = bytes(rows[index, : min(lengths[index], rows.shape[1])])
            peer = self._by_descriptor[int(owners[index])]
            self._loop.call_soon_threadsafe(peer.take, data)

    # -- afterwards ------------------------------------------------------------------------------------------

    def _sending(self, pace: _Pace) -> Sending:
        """Return what was sent, put back from the order of time to peers and streams."""
        events, sent_at, taken, start = pace.events, pace.sent_at, pace.taken, pace.start
        due = np.fromiter((event[0] for event in events), np.int64, len(events))
        when = np.asarray(sent_at, np.int64)
        done = when > 0
        by_peer, taken_by_peer = np.empty_like(when), np.empty_like(when)
        by_peer[self._order], taken_by_peer[self._order] = when, taken
        streams: list[SentStream] = []
        reports = [np.empty(0, np.int64)]
        offset = 0
        for batch, side in zip(self._batches, self._sides, strict=True):
            plan = batch.timetable
            mine = slice(offset, offset + len(plan.counts))
            offset += len(plan.counts)
            within = np.arange(len(plan.kinds)) - (np.cumsum(plan.counts) - plan.counts)[plan.bursts]
            times = np.where(within < taken_by_peer[mine][plan.bursts], by_peer[mine][plan.bursts], 0)
            reports.append(times[plan.kinds == Kind.RTCP])
            streams += [
                SentStream(
                    stream.heard_ssrc if stream.heard_ssrc is not None else stream.ssrc,
                    batch.first[kind] + stream.shift,
                    times[plan.kinds == kind],
                )
                for kind, stream in side.streams.items()
            ]
        asked = sum(event[3] for event, at in zip(events, sent_at, strict=True) if at)
        return Sending(streams, np.concatenate(reports), when[done], when[done] - start - due[done], asked - sum(taken))

    def _arrivals(self) -> Arrivals:
        log = self._log
        if not log.heads:
            return Arrivals(np.empty((0, 12), np.uint8), np.empty(0, np.uint32), np.empty(0, np.int64))
        return Arrivals(np.concatenate(log.heads), np.concatenate(log.lengths), np.concatenate(log.times))
