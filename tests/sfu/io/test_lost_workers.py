"""Workers that hang, that do not greet, that are dismissed, and calls that cannot be closed."""

import asyncio
import gc
import os
import signal
import sys
from pathlib import Path

import pytest

from bench.io.ports import free_port
from sfu.engine import EngineUnavailable, WorkerLost
from sfu.io import remote as remote_module
from sfu.io.processes import WorkerSettings
from sfu.io.remote import RemoteWorker
from sfu.io.workers import WorkerPool
from sfu.pulse import PATIENCE
from store.ids import CallId, LegId, Seat

DESCRIPTORS = Path("/proc/self/fd")
CALL, LEG = CallId("cal_1"), LegId("leg_1")


def settings(folder: Path) -> WorkerSettings:
    return WorkerSettings(folder, "127.0.0.1", ("127.0.0.1",), free_port(), 1)


def collector(pool: WorkerPool) -> list[object]:
    events: list[object] = []

    async def collect(event: object) -> None:
        events.append(event)

    pool.subscribe(collect)
    return events


async def until(condition) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_worker_that_never_greets_costs_no_descriptor_a_try(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_module, "_ANSWER_TIMEOUT", 0.02)
    server = await asyncio.start_unix_server(lambda *_: asyncio.sleep(10), str(tmp_path / "w.sock"))
    worker = RemoteWorker(lambda *_: None, lambda _: None)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await worker.connect(tmp_path / "w.sock")
        assert worker._writer.is_closing()
    server.close()


async def test_a_worker_that_hangs_is_ended_and_replaced_and_its_call_stays_closable(tmp_path, monkeypatch):
    monkeypatch.setattr(remote_module, "_ANSWER_TIMEOUT", 1.0)
    pool = WorkerPool(settings(tmp_path))
    events = collector(pool)
    await pool.start()
    await pool.open_leg(CALL, LEG, Seat.PATIENT)
    hung = pool._processes._running[0]
    os.kill(hung.pid, signal.SIGSTOP)
    with pytest.raises(EngineUnavailable):
        await pool.close_call(CALL)
    await until(lambda: any(isinstance(event, WorkerLost) for event in events))
    assert [event.calls for event in events if isinstance(event, WorkerLost)] == [(CALL,)]
    assert hung.poll() == -signal.SIGKILL
    await pool.open_leg(CALL, LegId("leg_2"), Seat.PATIENT)
    await pool.close(stop_workers=True)


def impatient(pool: WorkerPool, grace: float = 0.0) -> WorkerPool:
    """Let workers be judged `grace` seconds after their greeting."""
    pool._watch._grace = lambda _hangs, _now: grace
    return pool


def lost(events: list[object]) -> list[tuple[CallId, ...]]:
    return [event.calls for event in events if isinstance(event, WorkerLost)]


async def test_a_worker_that_stands_still_is_noticed_without_a_command_and_replaced(tmp_path):
    pool = impatient(WorkerPool(settings(tmp_path)))
    events = collector(pool)
    await pool.start()
    await pool.open_leg(CALL, LEG, Seat.PATIENT)
    hung = pool._processes._running[0]
    os.kill(hung.pid, signal.SIGSTOP)
    await until(lambda: lost(events))
    assert lost(events) == [(CALL,)]
    assert hung.poll() == -signal.SIGKILL
    await pool.open_leg(CALL, LegId("leg_2"), Seat.PATIENT)
    assert pool._processes._running[0].poll() is None
    await pool.close(stop_workers=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who is at the other end of a socket")
async def test_a_worker_left_over_from_another_control_side_is_ended_too_when_it_stands_still(tmp_path):
    place = settings(tmp_path)
    before = WorkerPool(place)
    await before.start()
    await before.open_leg(CALL, LEG, Seat.PATIENT)
    await before.close(stop_workers=False)
    hung = before._processes._running[0]
    pool = impatient(WorkerPool(place))
    events = collector(pool)
    await pool.start()
    assert pool._processes._running == {}
    os.kill(hung.pid, signal.SIGSTOP)
    await until(lambda: lost(events))
    assert lost(events) == [(CALL,)]
    assert await asyncio.to_thread(hung.wait, 10) == -signal.SIGKILL
    await pool.open_leg(CALL, LegId("leg_2"), Seat.PATIENT)
    await pool.close(stop_workers=True)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says who is at the other end of a socket")
async def test_a_worker_that_stood_still_before_the_control_side_came_does_not_keep_it_from_starting(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(remote_module, "_ANSWER_TIMEOUT", 1.0)
    place = settings(tmp_path)
    before = WorkerPool(place)
    await before.start()
    await before.close(stop_workers=False)
    hung = before._processes._running[0]
    os.kill(hung.pid, signal.SIGSTOP)
    pool = WorkerPool(place)
    await pool.start()
    assert await asyncio.to_thread(hung.wait, 10) == -signal.SIGKILL
    await pool.open_leg(CALL, LEG, Seat.PATIENT)
    await pool.close(stop_workers=True)


async def test_a_worker_that_is_loading_is_left_alone_and_one_that_answers_stays(tmp_path):
    grace = 3 * PATIENCE
    pool = impatient(WorkerPool(settings(tmp_path)), grace)
    events = collector(pool)
    await pool.start()
    process, remote = pool._processes._running[0], pool._workers[0]
    os.kill(process.pid, signal.SIGSTOP)
    await until(lambda: remote._pulse is not None and remote._pulse._beat_at > remote._pulse.since + 2 * PATIENCE)
    os.kill(process.pid, signal.SIGCONT)
    await until(lambda: remote._pulse._heard_at > remote._pulse.since + grace + 2 * PATIENCE)
    assert (lost(events), process.poll()) == ([], None)
    await pool.open_leg(CALL, LEG, Seat.PATIENT)
    await pool.close(stop_workers=True)


@pytest.mark.skipif(not DESCRIPTORS.exists(), reason="this system does not list descriptors")
async def test_watching_and_killing_keep_no_descriptor(tmp_path):
    pool = impatient(WorkerPool(settings(tmp_path)))
    events = collector(pool)
    await pool.start()
    # What earlier tests of this process left to be collected must not go while this one counts.
    gc.collect()
    before = len(list(DESCRIPTORS.iterdir()))
    for number in range(2):
        os.kill(pool._processes._running[0].pid, (signal.SIGSTOP, signal.SIGKILL)[number])
        await until(lambda number=number: len(lost(events)) == number + 1)
        await until(lambda: pool._workers)
    assert len(list(DESCRIPTORS.iterdir())) <= before
    await pool.close(stop_workers=True)


async def test_a_worker_started_in_place_of_a_dismissed_one_is_watched(tmp_path):
    first = settings(tmp_path)
    before = WorkerPool(first)
    await before.start()
    await before.close(stop_workers=False)
    pool = WorkerPool(WorkerSettings(tmp_path, "127.0.0.1", ("127.0.0.1",), free_port(), 1))
    events = collector(pool)
    await pool.start()
    pool._processes._running[0].kill()
    await until(lambda: any(isinstance(event, WorkerLost) for event in events))
    await pool.close(stop_workers=True)
    await asyncio.to_thread(before._processes._running[0].wait, 10)
