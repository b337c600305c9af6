"""Calls to the payment provider: stored, sent outside of any transaction, settled in one.

A process that dies between sending and settling leaves the operation SENT; when its lease is over, whoever finds it
asks the provider what became of it. Two processes never work at one operation: a claim is compare-and-swap on `tries`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime

import structlog
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.gateway import (
    Answer,
    Found,
    Gateway,
    GatewayBusy,
    GatewayRefused,
    GatewayUnclear,
    NoSuchObject,
    Operation,
)
from billing.io import operation_rows
from billing.io.looking import kept, what_there_is
from billing.io.money_tables import gateway_operations
from billing.io.settler import Settler
from billing.operation import (
    LEASE,
    OPEN,
    OperationEvent,
    OperationState,
    StoredOperation,
    Verdict,
    encoded,
    key_of,
    kind_of,
    moved,
    needs_new_key,
    pause_after,
    verdict,
)
from store.ids import OperationId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox

# So many are run together: one that waits for a time-out must not hold the others up.
_AT_ONCE = 8

_log = structlog.get_logger("billing.operations")

_E = OperationEvent
_NOBODY = "operation_impossible"


Settling = Callable[[AsyncConnection], Awaitable[None]]


class Operations:
    """The operations of one database. `install` names this installation in the idempotency keys."""

    def __init__(
        self, database: Database, outbox: Outbox, gateway: Gateway, install: str, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._install = install
        self._clock = clock
        self._settlers: dict[str, Settler] = {}
        self._running: dict[OperationId, asyncio.Task[OperationState]] = {}

    def register(self, kinds: Iterable[type[Operation]], settler: Settler) -> None:
        """Let `settler` hear of these kinds of operations. Each kind has one."""
        for kind in kinds:
            self._settlers[kind.__name__] = settler

    async def add(self, tx: AsyncConnection, operation: Operation, subject: str, at: datetime) -> OperationId:
        """Record the operation in the transaction; `run` it after the commit, or `run_due` will."""
        kind = kind_of(operation)
        same = (gateway_operations.c.subject == subject, gateway_operations.c.kind == kind)
        last = await tx.scalar(select(func.max(gateway_operations.c.attempt)).where(*same))
        attempt = (last or 0) + 1
        name = OperationId(new_id(Prefix.OPERATION))
        await tx.execute(
            insert(gateway_operations).values(
                id=name,
                kind=kind,
                subject=subject,
                attempt=attempt,
                key=key_of(self._install, kind, subject, attempt),
                account=getattr(operation, "account", ""),
                body=encoded(operation),
                state=OperationState.READY,
                created_at=at,
                due_at=at,
                tries=0,
            )
        )
        return name

    async def run(self, operation: OperationId) -> OperationState:
        """Send it, or find out what became of it, and settle the answer. Returns where it stands then.

        Who goes away meanwhile takes nothing from it; who asks at the same time waits for the same answer.
        """
        task = self._running.get(operation)
        if task is None:
            task = asyncio.create_task(self._run(operation), name="operation")
            self._running[operation] = task
            task.add_done_callback(lambda done: self._forget(operation, done))
        return await asyncio.shield(task)

    def _forget(self, operation: OperationId, done: asyncio.Task[OperationState]) -> None:
        self._running.pop(operation, None)
        if not done.cancelled() and (error := done.exception()) is not None:
            _log.error("operation failed", error=type(error).__name__)

    async def run_due(self, at: datetime) -> int:
        """Run what is due. Return how many were run."""
        due = (
            select(gateway_operations.c.id)
            .where(gateway_operations.c.state.in_(sorted(OPEN)), gateway_operations.c.due_at <= at)
            .order_by(gateway_operations.c.due_at)
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as tx:
            names = [OperationId(name) for name in (await tx.execute(due)).scalars()]
        await asyncio.gather(*(self.run(name) for name in names), return_exceptions=True)
        return len(names)

    async def close(self) -> None:
        """Wait for what is under way."""
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def of(self, subject: str) -> list[StoredOperation]:
        """Return what was asked of the provider about that row, oldest first."""
        async with self._database.reading() as tx:
            return await operation_rows.of_subject(tx, subject)

    async def of_kind(self, tx: AsyncConnection, subject: str, kind: str) -> list[StoredOperation]:
        """Return the operations of that kind about that row, newest first."""
        return [stored for stored in reversed(await operation_rows.of_subject(tx, subject)) if stored.kind == kind]

    # -- one run ---------------------------------------------------------------------------------------------

    async def _run(self, name: OperationId) -> OperationState:
        claimed = await self._claim(name)
        if claimed is None:
            async with self._database.reading() as tx:
                return (await operation_rows.operation(tx, name)).state
        if claimed.state is OperationState.SENT:
            return await self._send(claimed)
        return await self._find_out(claimed)

    async def _claim(self, name: OperationId) -> StoredOperation | None:
        """Return the operation, ours until its lease is over: SENT to be sent, UNCLEAR to be looked up. Or None."""
        at = self._clock()
        async with self._outbox.committing() as tx:
            stored = await operation_rows.operation(tx, name, lock=True)
            if stored.state not in OPEN or stored.due_at > at:
                return None
            first = stored.state is OperationState.READY
            event = _E.SEND if first else _E.UNCLEAR
            claimed = await operation_rows.change(
                tx,
                stored,
                {
                    "state": moved(stored.state, event),
                    "sent_at": stored.sent_at or at,
                    "due_at": at + LEASE,
                    "tries": stored.tries + 1,
                },
            )
            if claimed is not None and stored.state is OperationState.SENT:
                await self._settler(stored).unclear(tx, stored, at)
        return claimed

    async def _send(self, stored: StoredOperation) -> OperationState:
        settler = self._settler(stored)
        try:
            answer = await self._gateway.perform(stored.operation, stored.key)
            if stored.tries > 1:
                # A key repeats its first answer, which may be old by now: what counts is what the provider has.
                answer = await self._now(stored, answer)
        except GatewayBusy:
            # Nothing was changed by this try; of an earlier one that is not said.
            return await self._postpone(stored, _E.BUSY if stored.tries == 1 else _E.UNCLEAR)
        except (GatewayUnclear, NoSuchObject):
            return await self._postpone(stored, _E.UNCLEAR)
        except GatewayRefused as refusal:
            return await self._was_refused(stored, refusal)
        await settler.looked(answer)
        return await self._finish(
            stored,
            _E.ANSWERED,
            lambda tx: settler.answered(tx, stored, answer, self._clock()),
            answer=kept(answer),
        )

    async def _was_refused(self, stored: StoredOperation, refusal: GatewayRefused) -> OperationState:
        settler, reason = self._settler(stored), refusal.decline or refusal.code
        try:
            found = await what_there_is(self._gateway, stored)
        except (GatewayUnclear, GatewayRefused):
            return await self._postpone(stored, _E.UNCLEAR)
        if found is not None:
            await settler.looked(found)
        return await self._finish(
            stored,
            _E.REFUSED,
            lambda tx: settler.refused(tx, stored, reason, found, self._clock()),
            refusal=reason,
        )

    async def _find_out(self, stored: StoredOperation) -> OperationState:
        settler = self._settler(stored)
        try:
            found = await what_there_is(self._gateway, stored)
        except (GatewayUnclear, GatewayRefused):
            return await self._postpone(stored, _E.UNCLEAR)
        if found is not None:
            await settler.looked(found)
        shown = verdict(stored.operation, found)
        if shown is Verdict.DONE and isinstance(found, Answer):
            return await self._finish(
                stored, _E.FOUND, lambda tx: settler.answered(tx, stored, found, self._clock()), answer=kept(found)
            )
        if shown is Verdict.IMPOSSIBLE:
            return await self._finish(
                stored,
                _E.IMPOSSIBLE,
                lambda tx: settler.refused(tx, stored, _NOBODY, found, self._clock()),
                refusal=_NOBODY,
            )
        return await self._send_again(stored, found)

    async def _send_again(self, stored: StoredOperation, found: Found | None) -> OperationState:
        at = self._clock()
        fresh: OperationId | None = None
        async with self._outbox.committing() as tx:
            event = _E.LOST if needs_new_key(stored, at) else _E.SEND
            claimed = await operation_rows.change(
                tx, stored, {"state": moved(stored.state, event), "due_at": at + LEASE}
            )
            if claimed is None:
                return stored.state
            await self._settler(stored).again(tx, stored, found, at)
            if event is _E.LOST:
                fresh = await self.add(tx, stored.operation, stored.subject, at)
        return await self._send(claimed) if fresh is None else await self.run(fresh)

    async def _postpone(self, stored: StoredOperation, event: OperationEvent) -> OperationState:
        at = self._clock()

        async def unclear(tx: AsyncConnection) -> None:
            if event is _E.UNCLEAR and stored.state is OperationState.SENT:
                await self._settler(stored).unclear(tx, stored, at)

        return await self._finish(stored, event, unclear, due_at=at + pause_after(stored.tries))

    async def _finish(
        self, stored: StoredOperation, event: OperationEvent, settling: Settling, **values: object
    ) -> OperationState:
        """Move the operation and what hangs on it in one transaction, unless another has claimed it meanwhile."""
        at = self._clock()
        state = moved(stored.state, event)
        over = {} if state in OPEN else {"answered_at": at}
        async with self._outbox.committing() as tx:
            if await operation_rows.change(tx, stored, {"state": state, **over, **values}) is None:
                return stored.state
            await settling(tx)
        return state

    # -- looking ---------------------------------------------------------------------------------------------

    async def _now(self, stored: StoredOperation, answer: Answer) -> Answer:
        found = await self._gateway.find(getattr(stored.operation, "account", ""), answer.id)
        return found if isinstance(found, Answer) else answer

    def _settler(self, stored: StoredOperation) -> Settler:
        return self._settlers[stored.kind]
