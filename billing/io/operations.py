"""The runner of operations."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.gateway import Gateway, Operation
from billing.operation import OperationState, StoredOperation
from store.ids import OperationId
from store.io.database import Database
from store.io.outbox import Outbox


class Operations:
    """Calls to the payment provider, each committed before it is sent."""

    def __init__(
        self, database: Database, outbox: Outbox, gateway: Gateway, install: str, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._install = install
        self._clock = clock

    async def add(self, tx: AsyncConnection, operation: Operation, subject: str, at: datetime) -> OperationId:
        """Record the operation in the transaction; `run` it after the commit, or `run_due` will."""
        raise NotImplementedError

    async def run(self, operation: OperationId) -> OperationState:
        """Send it, or find out what became of it, and settle the answer. Returns where it stands then."""
        raise NotImplementedError

    async def run_due(self, at: datetime) -> int:
        """Run what is due. Return how many were run."""
        raise NotImplementedError

    async def of(self, subject: str) -> list[StoredOperation]:
        """Return what was asked of the provider about that row, oldest first."""
        raise NotImplementedError
