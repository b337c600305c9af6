"""The pump for machines without a C compiler: epoll, and one recvmmsg for each socket that has something."""

import select
import time

import numpy as np

from bench.io.multimessage import Arena, send, timestamp
from bench.io.pump import HEAD, Bursts, Came, as_arrivals

# Bursts sent before the receiving sockets are looked at again.
_SENDS_A_PASS = 32
_TICK = 1_000_000


class PythonPump:
    """See `bench.io.pump.Pump`."""

    def __init__(self, bursts: Bursts, start: int, descriptors: list[int]) -> None:
        self._next = 0
        self._start = start
        self._bursts = bursts
        # Numbers of Python's own: one by one they come out of numpy slowly.
        columns = (bursts.due, bursts.descriptors, bursts.headers, bursts.messages)
        self._events = list(zip(*(column.tolist() for column in columns), strict=True))
        self._index = {descriptor: index for index, descriptor in enumerate(descriptors)}
        self._arena = Arena()
        self._owners: list[int] = []
        self._counts: list[int] = []
        self._epoll = select.epoll()
        for descriptor in descriptors:
            timestamp(descriptor)
            self._epoll.register(descriptor, select.EPOLLIN)

    @property
    def next(self) -> int:
        return self._next

    def go(self, until: int) -> None:
        events, start = self._events, self._start
        while self._next < len(events) and not self._arena.full and (now := time.time_ns()) < until:
            self._send_due(now - start)
            self.receive()
            if self._next < len(events) and start + events[self._next][0] > now:
                tick = (time.time_ns() // _TICK + 1) * _TICK
                time.sleep(max(0, min(tick, until) - time.time_ns()) / 1e9)

    def _send_due(self, latest: int) -> None:
        sent_at, taken = self._bursts.sent_at, self._bursts.taken
        for position in range(self._next, min(len(self._events), self._next + _SENDS_A_PASS)):
            due, descriptor, address, count = self._events[position]
            if due > latest:
                break
            sent_at[position] = time.time_ns()
            taken[position] = send(descriptor, address, count)
            self._next = position + 1

    def receive(self) -> bool:
        arena = self._arena
        ready = self._epoll.poll(0.0)
        for descriptor, _ in ready:
            if arena.full:
                break
            self._counts.append(arena.receive(descriptor))
            self._owners.append(self._index[descriptor])
        return bool(ready)

    def take(self) -> Came:
        arena = self._arena
        rows, lengths, times = arena.rows[: arena.used], arena.lengths(), arena.times()
        is_media = (rows[:, 0] >= 128) & (lengths >= HEAD)
        media = as_arrivals(rows[is_media, :HEAD], lengths[is_media], times[is_media])
        owners = np.repeat(self._owners, self._counts)
        others = [
            (int(owners[i]), rows[i, : min(int(lengths[i]), rows.shape[1])].tobytes())
            for i in np.flatnonzero(~is_media)
        ]
        arena.clear()
        self._owners, self._counts = [], []
        return Came(media, others)
