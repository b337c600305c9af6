"""Media between pairs of connected peers: sent on time, received, and measured packet by packet.

Everything is prepared in advance. While it runs there is, every millisecond, one sendmmsg for each burst that is due,
whose video packets the kernel cuts out of one message, and a recvmmsg for each peer now and then; what came in is only
copied aside, 12 bytes and the kernel's time of arrival, and matched with what was sent when the run is over. A loop in
C does this where a compiler is, so that a packet costs the generator less than it costs a server. Latency lies between
the call of sendmmsg and the arrival at the receiver's socket; nothing is subtracted from it.

    traffic = Traffic([(one, other), …], Load())
    await traffic.check_media()                 # every stream arrives, decrypted, at the other side
    outcome = await traffic.run(5.0)            # again and again
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pylibsrtp

from bench.io.exchange import Outcome, Run, Side
from bench.io.packets import Batch, Stream, probe, read_probe, write_batch
from bench.io.peer import MediaPeer
from bench.plans import Kind, Load, seconds_that_fit, timetable

__all__ = ["NoMedia", "Outcome", "Traffic"]

_PROBE_EVERY = 0.1
DEFAULT_MEMORY = 1536 * 2**20


class NoMedia(Exception):
    """Media does not pass between some peers; the text says how many streams are missing."""


class Traffic:
    """See the module's text. The peers' sockets are its own while `run` or `check_media` is going on."""

    def __init__(
        self, pairs: Sequence[tuple[MediaPeer, MediaPeer]], load: Load, *, memory: float = DEFAULT_MEMORY
    ) -> None:
        self.load = load
        self._memory = memory
        self._sides: list[Side] = []
        self.add(pairs)
        self._loop = asyncio.get_running_loop()

    def add(self, pairs: Sequence[tuple[MediaPeer, MediaPeer]]) -> None:
        """Take more pairs in; `check_media` before the next run."""
        for one, other in pairs:
            first, second = Side(one, _streams(one)), Side(other, _streams(other))
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

    def _read_probes(self, side: Side) -> None:
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
            run = Run(sides, batches, load, settle, at_edges, stopping)
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


def _prepare(sides: list[Side], load: Load, seconds: float) -> list[Batch]:
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
