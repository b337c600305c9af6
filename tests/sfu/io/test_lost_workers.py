"""Workers that hang, that do not greet, that are dismissed, and calls that cannot be closed."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from bench.io.ports import free_port
from sfu.engine import EngineUnavailable, WorkerLost
from sfu.io import remote as remote_module
from sfu.io.processes import WorkerSettings
from sfu.io.remote import RemoteWorker
from sfu.io.workers import WorkerPool
from store.ids import CallId, LegId, Seat

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
