"""Work beside the requests. Each piece is a task that is awaited when the background is closed."""

import asyncio
from collections.abc import Coroutine

import structlog

_log = structlog.get_logger("signalling")


def report(event: str, error: BaseException) -> None:
    """Log a failure of ours: its kind and place only, as its text may name people."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame is not None else ""
    _log.error(event, error=type(error).__name__, where=where)


class Background:
    """One that fails is logged and stops nothing else."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self, work: Coroutine[object, object, None], name: str) -> None:
        """Do it beside everything else; not at all once closed."""
        if self._closed:
            work.close()
            return
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    async def close(self) -> None:
        """Cancel what is under way and wait until it has ended."""
        self._closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            report("background task failed", error)
