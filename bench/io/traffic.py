"""Media between pairs of connected peers: sent on time, received, and measured packet by packet.

Everything is prepared in advance. While it runs there is, every millisecond, one sendmmsg for each burst that is due
and one recvmmsg for each peer that has received something; what came in is only copied aside, 12 bytes and the kernel's
time of arrival, and matched with what was sent when the run is over. So a packet costs the generator less than it
costs a server. Latency lies between the call of sendmmsg and the arrival at the receiver's socket; nothing is
subtracted from it.

    traffic = Traffic([(one, other), …], Load())
    await traffic.check_media()                 # every stream arrives, decrypted, at the other side
    outcome = await traffic.run(5.0)            # again and again
"""

import asyncio
import select
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pylibsrtp

from bench.io.multimessage import Arena, send, timestamp
from bench.io.packets import Batch, Stream, probe, read_probe, write_batch
from bench.io.peer import MediaPeer
from bench.matching import Arrivals, Measured, Sending, SentStream, measure
from bench.plans import Kind, Load, seconds_that_fit, timetable

# What has not come this long after the last packet was sent is lost.
_PATIENCE = 1.0
_QUIET = 0.2
_PROBE_EVERY = 0.1
# Bursts sent before the receiving sockets are looked at again.
_SENDS_A_PASS = 32
_LOOK_EVERY = 0.1
_TICK = 1_000_000
DEFAULT_MEMORY = 1536 * 2**20


class NoMedia(Exception):
    """Media does not pass between some peers; the text says how many streams are missing."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run. The steady part begins after the settling time and ends with the last packet sent.

    `measured` is what was found of that part; `before` and `after` are what `at_edges` returned at its two edges.
    CPU times in seconds, `lateness` in milliseconds behind the timetable: one figure for each burst.
    """

    measured: Measured
    seconds: float
    generator_cpu: float
    before: Any
    after: Any
    complete: bool

    @property
    def generator_bound(self) -> bool:
        """Whether the generator, not the server, set the pace: late bursts, or no CPU left."""
        late = self.measured.lateness
        return bool(len(late)) and (float(np.percentile(late, 99)) > 5.0 or self.measured.unsent > 0)


@dataclass(slots=True)
class _Side:
    peer: MediaPeer
    streams: dict[Kind, Stream]
    other: "_Side | None" = None


@dataclass(slots=True)
class _Log:
    """What the running loop puts aside."""

    heads: list[Any] = field(default_factory=list)
    lengths: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)


class Traffic:
    """See the module's text. The peers' sockets are its own while `run` or `check_media` is going on."""

    def __init__(
        self, pairs: Sequence[tuple[MediaPeer, MediaPeer]], load: Load, *, memory: float = DEFAULT_MEMORY
    ) -> None:
        self.load = load
        self._memory = memory
        self._sides: list[_Side] = []
        self.add(pairs)
        self._loop = asyncio.get_running_loop()

    def add(self, pairs: Sequence[tuple[MediaPeer, MediaPeer]]) -> None:
        """Take more pairs in; `check_media` before the next run."""
        for one, other in pairs:
            first, second = _Side(one, _streams(one)), _Side(other, _streams(other))
            first.other, second.other = second, first
            self._sides += (first, second)

    def fit(self, seconds: float, *, load: Load | None = None, pairs: int | None = None) -> float:
        """Return for how long a run may be at most, of the `seconds` wished for, with the memory there is."""
        peers = len(self._sides) if pairs is None else 2 * pairs
        return min(seconds, seconds_that_fit(load or self.load, max(1, peers), self._memory))

    # -- does media pass? ------------------------------------------------------------------------------------

    async def check_media(self, within: float = 10.0) -> None:
        """Send single packets until each stream has arrived, decrypted, at the other side. Raises `NoMedia`.

        This also learns under which SSRC and numbers a server passes them on.
        """
        deadline = self._loop.time() + within
        while True:
            missing = [(side, s) for side in self._sides for s in side.streams.values() if s.heard_ssrc is None]
            if not missing:
                return
            if self._loop.time() > deadline:
                raise NoMedia(f"{len(missing)} of {2 * len(self._sides)} streams did not arrive")
            for side, stream in missing:
                side.peer.send(side.peer.protect(probe(stream)))
            await asyncio.sleep(_PROBE_EVERY)
            for side in self._sides:
                self._read_probes(side)

    def _read_probes(self, side: _Side) -> None:
        packets, side.peer.inbox = side.peer.inbox, []
        assert side.other is not None  # noqa: S101 — set for both of a pair
        for packet in packets:
            if len(packet) < 12 or 192 <= packet[1] <= 223:
                continue
            try:
                found = read_probe(side.peer.unprotect(packet))
            except pylibsrtp.Error:
                continue
            if found is None:
                continue
            ssrc, number, heard_ssrc, heard_number = found
            for stream in side.other.streams.values():
                if stream.ssrc == ssrc:
                    stream.heard_ssrc, stream.shift = heard_ssrc, (heard_number - number) & 0xFFFF

    # -- a run -----------------------------------------------------------------------------------------------

    async def run(
        self,
        seconds: float,
        *,
        settle: float = 0.5,
        at_edges: Callable[[], Any] = lambda: None,
        stopping: Callable[[], bool] = lambda: False,
        load: Load | None = None,
        pairs: int | None = None,
    ) -> Outcome:
        """Send for `seconds` and return what came of it. The first `settle` seconds are not counted.

        `at_edges` is called in the sending thread at the edges of the steady part: read CPU times there. `load`
        stands in for the one given at first; only the first `pairs` pairs send, when said, and the others are idle.
        A generator that falls behind hopelessly stops early. Raises `CannotProtect` or `MemoryError`.
        """
        load = load or self.load
        sides = self._sides if pairs is None else self._sides[: 2 * pairs]
        batches = await asyncio.to_thread(_prepare, sides, load, seconds)
        for side in sides:
            side.peer.hold()
        try:
            run = _Run(sides, batches, load, settle, at_edges, stopping)
            # A thread of its own: its CPU time is the generator's.
            outcome: Outcome = await _in_thread(run.go)
        finally:
            for side in sides:
                if side.peer.socket is not None:
                    side.peer.resume()
        return outcome


def _streams(peer: MediaPeer) -> dict[Kind, Stream]:
    return {
        Kind.VIDEO: Stream(Kind.VIDEO, peer.streams.video),
        Kind.AUDIO: Stream(Kind.AUDIO, peer.streams.audio),
    }


def _prepare(sides: list[_Side], load: Load, seconds: float) -> list[Batch]:
    batches = []
    for index, side in enumerate(sides):
        assert side.other is not None  # noqa: S101 — set for both of a pair
        plan = timetable(load, seconds, index)
        batches.append(write_batch(side.peer, side.streams, side.other.streams, load, plan))
    return batches


async def _in_thread(work: Callable[[], Any]) -> Any:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def body() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 — it belongs to whoever awaits
            loop.call_soon_threadsafe(future.set_exception, error)
        else:
            loop.call_soon_threadsafe(future.set_result, result)

    thread = threading.Thread(target=body, name="traffic", daemon=True)
    thread.start()
    return await asyncio.shield(future)


class _Run:
    """One run's state, used by one thread."""

    def __init__(
        self,
        sides: list[_Side],
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
        sent_at = [0] * len(events)
        taken = [0] * len(events)
        clock = time.time_ns
        arena, epoll = self._arena, select.epoll()
        for descriptor in self._descriptors:
            epoll.register(descriptor, select.EPOLLIN)
        for peer in self._peers:
            if peer.socket is not None:
                timestamp(peer.socket)
        arena.clear()
        start = clock() + 5_000_000
        steady = start + int(self._settle * 1e9)
        before: Any = None
        cpu_before, steady_from = 0.0, 0
        position, total = 0, len(events)
        look_at, tick, stopped = 0, start, False
        give_up = int((1.0 + events[-1][0] / 2e9) * 1e9) if events else 0
        try:
            while position < total:
                now = clock()
                if not steady_from and now >= steady:
                    before, cpu_before, steady_from = self._at_edges(), time.thread_time(), clock()
                if now >= look_at:
                    look_at = now + int(_LOOK_EVERY * 1e9)
                    self._put_aside()
                    stopped = self._stopping()
                    if stopped:
                        break
                until = min(total, position + _SENDS_A_PASS)
                while position < until:
                    due, descriptor, address, count = events[position]
                    if start + due > now:
                        break
                    sent_at[position] = now = clock()
                    taken[position] = send(descriptor, address, count)
                    position += 1
                if now - start - events[min(position, total - 1)][0] > give_up:
                    break
                self._receive(epoll, 0.0)
                if position < total and start + events[position][0] > now:
                    tick += _TICK * (1 + max(0, now - tick) // _TICK)
                    time.sleep(max(0, tick - clock()) / 1e9)
            after, cpu_after, steady_to = self._at_edges(), time.thread_time(), clock()
            self._drain(epoll)
        finally:
            epoll.close()
        sending = self._sending(start, events, sent_at, taken)
        if not steady_from:
            before, steady_from, cpu_before = after, steady_to, cpu_after
        measured = measure(sending, self._arrivals(), steady_from, steady_to)
        return Outcome(
            measured=measured,
            seconds=(steady_to - steady_from) / 1e9,
            generator_cpu=cpu_after - cpu_before,
            before=before,
            after=after,
            complete=not stopped,
        )

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

    def _sending(
        self, start: int, events: list[tuple[int, int, int, int]], sent_at: list[int], taken: list[int]
    ) -> Sending:
        """Return what was sent, put back from the order of time to peers and streams."""
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
