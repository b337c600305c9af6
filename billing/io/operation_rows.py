"""Operations as rows."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.io.money_tables import gateway_operations
from billing.operation import InvalidOperation, OperationState, StoredOperation, decoded
from store.ids import OperationId


async def operation(tx: AsyncConnection, name: OperationId, *, lock: bool = False) -> StoredOperation:
    """Return the operation. Raises `InvalidOperation` when there is none."""
    found = select(gateway_operations).where(gateway_operations.c.id == name)
    row = (await tx.execute(found.with_for_update() if lock else found)).one_or_none()
    if row is None:
        raise InvalidOperation(name)
    return _stored(row)


async def of_subject(tx: AsyncConnection, subject: str) -> list[StoredOperation]:
    """Return what was asked of the provider about that row, oldest first."""
    every = (
        select(gateway_operations)
        .where(gateway_operations.c.subject == subject)
        .order_by(gateway_operations.c.created_at, gateway_operations.c.attempt)
    )
    return [_stored(row) for row in (await tx.execute(every)).all()]


async def change(tx: AsyncConnection, before: StoredOperation, values: Mapping[str, object]) -> StoredOperation | None:
    """Return the operation with the new values; None when it is not as seen any more: another has claimed it."""
    as_seen = (
        gateway_operations.c.id == before.id,
        gateway_operations.c.state == before.state,
        gateway_operations.c.tries == before.tries,
    )
    done = await tx.execute(update(gateway_operations).where(*as_seen).values(values))
    return await operation(tx, before.id) if done.rowcount == 1 else None


def _stored(row: Row[Any]) -> StoredOperation:
    return StoredOperation(
        id=row.id,
        kind=row.kind,
        subject=row.subject,
        attempt=row.attempt,
        key=row.key,
        operation=decoded(row.kind, row.body),
        state=OperationState(row.state),
        refusal=row.refusal or "",
        created_at=row.created_at,
        sent_at=row.sent_at,
        due_at=row.due_at,
        tries=row.tries,
    )
