"""Where the books listen: what is called in the transaction in which money moves."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from billing.agreement import Hold, Payment
from billing.gateway import Intent

Looked = Callable[[Intent], Awaitable[None]]
Captured = Callable[[AsyncConnection, Payment, Hold, Intent, datetime], Awaitable[None]]
Invoiced = Callable[[AsyncConnection, Payment, datetime], Awaitable[None]]
GivenUp = Callable[[AsyncConnection, Payment, int, str, datetime], Awaitable[None]]


async def _no_look(_intent: Intent) -> None: ...


async def _no_capture(_tx: AsyncConnection, _payment: Payment, _hold: Hold, _intent: Intent, _at: datetime) -> None: ...


async def _no_invoice(_tx: AsyncConnection, _payment: Payment, _at: datetime) -> None: ...


async def _nothing_given_up(
    _tx: AsyncConnection, _payment: Payment, _amount: int, _reference: str, _at: datetime
) -> None: ...


@dataclass(slots=True)
class Hooks:
    """`looked` runs outside of any transaction, before an intent is settled: time to fetch its balance transaction.

    `captured` runs in the transaction that makes the hold CAPTURED, with payment and hold as they are after it (the
    payment is PAID when that was the last part); `invoiced` in the one that confirms the amount; `given_up` in the one
    that lets go of so much of the claim, or of a negative amount when what was given up was paid after all.
    """

    looked: Looked = _no_look
    captured: Captured = _no_capture
    invoiced: Invoiced = _no_invoice
    given_up: GivenUp = _nothing_given_up
