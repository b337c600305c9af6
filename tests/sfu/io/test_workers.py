"""Worker processes through the pool, called by an independent client (aiortc's whole peer connection)."""

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.caller import Caller
from bench.io.ports import free_port
from sfu.engine import BadAnswer, BridgeFull, LegClosed, OfferReady, StaleAnswer, UnknownLeg, WorkerLost
from sfu.io.processes import MediaPortTaken, WorkerSettings
from sfu.io.workers import WorkerPool
from store.facts import BothAlive, LegConnected, LegLost
from store.ids import CallId, LegId, Seat

CALL = CallId("cal_1")
A, B = LegId("leg_a"), LegId("leg_b")


class Table:
    """A pool and the callers that answer its offers."""

    def __init__(self, settings: WorkerSettings) -> None:
        self.pool = WorkerPool(settings)
        self.callers: dict[LegId, Caller] = {}
        self.events = []
        self.pool.subscribe(self._on_event)

    async def _on_event(self, event) -> None:
        self.events.append(event)
        if isinstance(event, OfferReady):
            caller = self.callers.setdefault(event.leg, Caller())
            answer = await caller.answer(event.sdp)
            with contextlib.suppress(StaleAnswer):
                await self.pool.answer(event.leg, event.negotiation, answer)

    def seen(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    async def close(self, *, stop_workers: bool = True) -> None:
        for caller in self.callers.values():
            await caller.close()
        await self.pool.close(stop_workers=stop_workers)


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    return WorkerSettings(tmp_path, "127.0.0.1", ("127.0.0.1",), free_port(), 1)


@pytest.fixture
async def table(settings: WorkerSettings) -> AsyncIterator[Table]:
    table = Table(settings)
    await table.pool.start()
    yield table
    await table.close()


async def test_two_independent_clients_see_and_hear_each_other(table):
    await table.pool.open_leg(CALL, A, Seat.PRACTITIONER)
    await table.pool.open_leg(CALL, B, Seat.PATIENT)
    await table.until(lambda: all(c.received.video > 5 and c.received.audio > 20 for c in table.callers.values()))
    assert {event.leg for event in table.seen(LegConnected)} == {A, B}
    assert table.seen(BothAlive)
    (worker,) = await table.pool.statistics()
    assert {leg.leg for leg in worker.legs} == {A, B}
    assert all(leg.packets_in > 20 and leg.state == "connected" for leg in worker.legs)
    sequences = [event.stamp.seq for event in table.events if hasattr(event, "stamp")]
    assert sequences == sorted(set(sequences))


async def test_dat_12_of_three_hundred_racing_openings_exactly_two_get_a_leg(table):
    async def race(number: int) -> bool:
        seat = Seat.PATIENT if number % 2 else Seat.PRACTITIONER
        try:
            await table.pool.open_leg(CALL, LegId(f"leg_{number}"), seat)
        except BridgeFull:
            return False
        return True

    won = await asyncio.gather(*(race(number) for number in range(300)))
    (worker,) = await table.pool.statistics()
    assert sum(won) == 2
    assert len(worker.legs) == 2
    assert {leg.seat for leg in worker.legs} == {"practitioner", "patient"}
    assert set(table.pool.open_legs()) == {LegId(leg.leg) for leg in worker.legs}


async def test_hanging_up_is_known_at_once_and_frees_the_leg(table):
    await table.pool.open_leg(CALL, A, Seat.PRACTITIONER)
    await table.until(lambda: table.seen(LegConnected))
    await table.callers[A].close()
    await table.until(lambda: table.seen(LegClosed))
    assert table.seen(LegClosed)[0].reason == "hangup"
    assert table.seen(LegLost)
    assert table.pool.open_legs() == {}


async def test_a_returning_control_side_finds_worker_and_legs_again(table, settings):
    await table.pool.open_leg(CALL, A, Seat.PRACTITIONER)
    await table.pool.open_leg(CALL, B, Seat.PATIENT)
    await table.until(lambda: len(table.seen(LegConnected)) == 2)
    await table.pool.close(stop_workers=False)
    before = {leg: caller.received.audio for leg, caller in table.callers.items()}
    await table.until(lambda: all(c.received.audio > before[leg] + 10 for leg, c in table.callers.items()))
    table.pool = WorkerPool(settings)
    table.pool.subscribe(table._on_event)
    await table.pool.start()
    assert table.pool.open_legs() == {A: CALL, B: CALL}
    await table.pool.restart_ice(A)
    await table.pool.close_leg(B)
    await table.until(lambda: len(table.seen(LegClosed)) == 1)


async def test_a_worker_left_over_from_other_settings_makes_room_unless_somebody_talks_on_it(table, settings):
    old = (await table.pool.statistics())[0].boot
    await table.pool.close(stop_workers=False)
    table.pool = WorkerPool(replace(settings, loop="python"))
    await table.pool.start()
    (fresh,) = await table.pool.statistics()
    assert (fresh.boot != old, fresh.loop) == (True, "python")
    await table.pool.open_leg(CALL, A, Seat.PRACTITIONER)
    await table.pool.close(stop_workers=False)
    table.pool = WorkerPool(replace(settings, advertised=("127.0.0.2",)))
    await table.pool.start()
    assert (await table.pool.statistics())[0].boot == fresh.boot
    assert table.pool.open_legs() == {A: CALL}


async def test_a_killed_worker_is_reported_with_its_calls_and_replaced(table, settings):
    await table.pool.open_leg(CALL, A, Seat.PRACTITIONER)
    process = table.pool._processes._running[0]
    os.kill(process.pid, signal.SIGKILL)
    await table.until(lambda: table.seen(WorkerLost))
    assert table.seen(WorkerLost)[0].calls == (CALL,)
    await table.pool.open_leg(CALL, LegId("leg_new"), Seat.PRACTITIONER)
    await table.until(lambda: LegId("leg_new") in table.callers)


async def test_a_taken_media_port_is_named(settings):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", settings.port))
        pool = WorkerPool(settings)
        with pytest.raises(MediaPortTaken) as caught:
            await pool.start()
        assert caught.value.args == (settings.port,)
        await pool.close(stop_workers=True)


async def test_commands_for_what_does_not_exist_are_refused_by_name(table):
    with pytest.raises(UnknownLeg):
        await table.pool.answer(A, 1, "v=0")
    await table.pool.close_leg(A)
    await table.pool.close_call(CALL)
    await table.pool.open_leg(CALL, A, Seat.PATIENT)
    with pytest.raises(BadAnswer):
        await table.pool.answer(A, 1, "v=0")


async def test_the_control_socket_is_for_this_user_only_and_junk_on_it_harms_nobody(table, settings):
    path = settings.run_dir / "worker-0.sock"
    assert path.stat().st_mode & 0o077 == 0
    for junk in (b"\x00\x00\x00\x05junk!", b"\xff\xff\xff\xff", b"\x00"):
        _, writer = await asyncio.open_unix_connection(str(path))
        writer.write(junk)
        await writer.drain()
        writer.close()
    await table.pool.open_leg(CALL, A, Seat.PATIENT)
    assert A in table.pool.open_legs()
