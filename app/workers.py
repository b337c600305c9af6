"""The media workers of a run folder, looked at from beside the web process."""

import asyncio
import socket
from pathlib import Path

from sfu.control import ReadStatistics, WorkerStatistics
from sfu.engine import EngineUnavailable
from sfu.io.remote import RemoteWorker


def name_of(index: int) -> str:
    """Return the name under which the web process looks for worker `index`."""
    return f"worker-{index}"


def is_running(run_dir: Path, index: int) -> bool:
    """Whether worker `index` answers on its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(run_dir / f"{name_of(index)}.sock"))
        except OSError:
            return False
    return True


async def statistics(run_dir: Path, index: int) -> WorkerStatistics | None:
    """Return the worker's counters, or None when it does not answer."""
    remote = RemoteWorker(lambda _worker, _event: None, lambda _worker: None)
    try:
        await remote.connect(run_dir / f"{name_of(index)}.sock")
        return (await remote.ask(ReadStatistics)).statistics
    except (OSError, EngineUnavailable, TimeoutError):
        return None
    finally:
        await asyncio.shield(remote.close())
