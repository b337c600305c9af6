"""The bus within one process, on pyee."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar, cast

import structlog
from pyee.base import EventEmitter

from store.facts import Fact

F = TypeVar("F", bound=Fact)

_log = structlog.get_logger("store.bus")


class LocalBus:
    """Hands facts to the subscribers of this process, one after the other, in the order of subscription.

    A handler must be quick: the next fact waits for it. Longer work belongs in a queue or a task of its own.
    """

    def __init__(self) -> None:
        self._emitter = EventEmitter()

    def subscribe(self, kind: type[F], handler: Callable[[F], Awaitable[None]]) -> Callable[[], None]:
        """Call `handler` with each fact of that kind from now on. Returns the function that stops it."""

        def listener(fact: Fact, called: list[Awaitable[None]]) -> None:
            called.append(_guarded(cast("F", fact), handler))

        self._emitter.add_listener(kind.__name__, listener)
        subscribed = True

        def stop() -> None:
            nonlocal subscribed
            if subscribed:
                subscribed = False
                self._emitter.remove_listener(kind.__name__, listener)

        return stop

    async def publish(self, fact: Fact) -> None:
        """Hand the fact to every subscriber of its kind; one that raises is logged and stops nobody else."""
        called: list[Coroutine[Any, Any, None]] = []
        self._emitter.emit(type(fact).__name__, fact, called)
        for handling in called:
            await handling


async def _guarded(fact: F, handler: Callable[[F], Awaitable[None]]) -> None:
    try:
        await handler(fact)
    except Exception as error:  # noqa: BLE001  # whatever one subscriber does, the others hear the fact
        # Neither the fact's text nor the error's: both may name people. The place in the code is enough.
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame is not None else ""
        _log.error("subscriber failed", fact=type(fact).__name__, error=type(error).__name__, where=where)
