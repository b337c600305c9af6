"""Who makes of an operation's answer what it means."""

from datetime import datetime
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.gateway import Answer, Found
from billing.operation import StoredOperation


class Settler(Protocol):
    """Who knows what an answer means. All but `looked` run in the transaction that moves the operation."""

    async def looked(self, found: Found) -> None:
        """Prepare for `found`, outside of any transaction."""
        ...

    async def answered(self, tx: AsyncConnection, stored: StoredOperation, answer: Answer, at: datetime, /) -> None:
        """Take what was carried out; `answer` is what the provider has now."""
        ...

    async def refused(
        self, tx: AsyncConnection, stored: StoredOperation, refusal: str, found: Found | None, at: datetime
    ) -> None:
        """Take a no: it will not be carried out. `found` is what it was about, as it is now."""
        ...

    async def unclear(self, tx: AsyncConnection, stored: StoredOperation, at: datetime) -> None:
        """Note that nobody knows whether it was carried out."""
        ...

    async def again(self, tx: AsyncConnection, stored: StoredOperation, found: Found | None, at: datetime) -> None:
        """Get ready: a look has shown that it was not carried out, and it is about to be sent again."""
        ...
