"""A worker whose log cannot be written: calls go on."""

import asyncio
import subprocess
from pathlib import Path

import pytest

from bench.io.ports import free_port
from sfu.io.processes import WorkerSettings, worker_command
from sfu.io.workers import WorkerPool
from store.ids import CallId, LegId, Seat

FULL = Path("/dev/full")


def start(settings: WorkerSettings) -> subprocess.Popen[bytes]:
    with FULL.open("w") as full:
        return subprocess.Popen(worker_command(settings, 0), stdin=subprocess.DEVNULL, stdout=full, stderr=full)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
async def test_a_full_disk_ends_no_call(tmp_path):
    settings = WorkerSettings(tmp_path, "127.0.0.1", ("127.0.0.1",), free_port(), 1)
    process = start(settings)
    pool = WorkerPool(settings, own=False)
    await pool.start()
    await pool.open_leg(CallId("cal_1"), LegId("leg_1"), Seat.PATIENT)
    await pool.close_leg(LegId("leg_1"))
    await pool.open_leg(CallId("cal_2"), LegId("leg_2"), Seat.PATIENT)
    assert process.poll() is None
    await pool.close(stop_workers=True)
    assert await asyncio.to_thread(process.wait, 10) == 0
