"""Reconciliation: every movement on every account is in the books, or is listed as a difference; and the other way.

What was merely missed (a lost webhook) is made good by asking for the object, as a webhook would have had us do.
"""

from collections.abc import Awaitable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row, insert, select, update

from billing import bookkeeping
from billing.gateway import (
    BalanceTransaction,
    Dispute,
    Gateway,
    GatewayRefused,
    GatewayUnclear,
    NoSuchObject,
    Refund,
    Unreadable,
)
from billing.io.booked import Booked
from billing.io.difference_book import DifferenceBook
from billing.io.disputes import TooEarly
from billing.io.ledger_book import LedgerBook
from billing.io.loose_ends import LooseEnds
from billing.io.money_tables import accounts, holds
from billing.io.movements import Movements
from billing.io.operations import Operations
from billing.io.webhooks import Looker
from billing.problems import StalePayment
from billing.reconciling import (
    GRACE,
    OVERLAP,
    Difference,
    DifferenceKind,
    commissions,
    shown,
    unbooked,
    wrong_amount,
)
from store.io.database import Database
from store.io.due_jobs import DueJobs

RECONCILE = "reconcile"
EVERY = timedelta(hours=1)

_LEASE_SECONDS = 600
# The platform's own account has a row among the practitioners', for the sake of `reconciled_until`.
_PLATFORM: dict[str, object] = {"practitioner": "", "id": "", "state": "platform", "missing": "[]", "currency": ""}
_PLATFORM |= {"can_charge": False, "can_payout": False}

_K = DifferenceKind
_log = structlog.get_logger("billing.reconciliation")


@dataclass(slots=True)
class _Looked:
    """What was found on an account; `until`: how far it was reconciled before.

    `found`: each difference with the moment to be looked at again as long as it stands, None for what our own rows tell
    at any time. `waiting`: the moments of what may be on its way into the books. `theirs`: the ids that were listed.
    """

    until: datetime
    found: dict[Difference, datetime | None] = field(default_factory=dict)
    waiting: list[datetime] = field(default_factory=list)
    theirs: set[str] = field(default_factory=set)


class Reconciliation:
    """Reconciles one database with the provider. `known`: the differences, for those who clear them up."""

    def __init__(
        self,
        database: Database,
        gateway: Gateway,
        operations: Operations,
        looker: Looker,
        ledger: LedgerBook,
        movements: Movements,
    ) -> None:
        self.known = DifferenceBook(database)
        self._database = database
        self._gateway = gateway
        self._operations = operations
        self._looker = looker
        self._ledger = ledger
        self._movements = movements
        self._booked = Booked(database)
        self._ends = LooseEnds(database, gateway, looker)
        self._jobs = DueJobs(database)
        self._planned = False

    async def run(self, at: datetime, account: str | None = None) -> tuple[Difference, ...]:
        """Return every difference that nobody has accepted, after making good what was missed.

        `account`: of that one only; "" is the platform's. Raises `GatewayUnclear` when the provider does not answer, or
        `GatewayRefused` when an account cannot be read; what the others differ in is kept by then.
        """
        await self._operations.run_due(at)
        looked: dict[str, _Looked] = {}
        readable = True
        async with self._database.reading() as tx:
            rows = (await tx.execute(select(accounts).where(accounts.c.id.is_not(None), accounts.c.id != ""))).all()
        for row in rows:
            if account in {None, row.id}:
                readable &= await self._look(looked, row.id, self._account(row, at))
        if account in {None, ""}:
            readable &= await self._look(looked, "", self._platform(at))
        noted = await self.known.note({one for known in looked.values() for one in known.found}, looked, at)
        await self._reconciled(looked, noted, at)
        if not readable:
            raise GatewayRefused("account_not_readable")
        return noted

    async def tick(self, at: datetime) -> int:
        """Reconcile when the hour has come. Returns how many runs there were."""
        if not self._planned:
            async with self._database.transaction() as tx:
                await self._jobs.schedule(tx, RECONCILE, "hourly", {}, at + EVERY)
            self._planned = True
        done = 0
        for job in await self._jobs.claim(at, _LEASE_SECONDS, 1, (RECONCILE,)):
            try:
                differences = await self.run(at)
            except (GatewayUnclear, GatewayRefused) as problem:
                _log.warning("not reconciled", reason=type(problem).__name__)
            else:
                done += 1
                if differences:
                    _log.warning("differences", count=len(differences))
            await self._jobs.retry(job, at + EVERY)
        return done

    # -- one account -----------------------------------------------------------------------------------------

    async def _look(self, looked: dict[str, _Looked], account: str, looking: Awaitable[_Looked]) -> bool:
        """Note what is found on an account. Returns False for one that cannot be read: it must not stop the others."""
        try:
            looked[account] = await looking
        except (GatewayRefused, ValueError, TypeError, KeyError) as problem:
            reason = problem.code if isinstance(problem, GatewayRefused) else type(problem).__name__
            _log.error("account not reconciled", account=account, reason=reason)
            return False
        return True

    async def _account(self, row: Row[Any], at: datetime) -> _Looked:
        account, looked = row.id, _Looked(row.reconciled_until or row.created_at)
        since = looked.until - OVERLAP
        await self._ends.look(account, since, at)
        listed = await self._listed(account, since, looked)
        booked = await self._booked.entries_of([one.id for one in listed])
        for one in listed:
            if one.id in booked:
                if (wrong := wrong_amount(one, booked[one.id])) is not None:
                    looked.found[wrong] = one.created_at
            elif (difference := await self._missing(one, row.practitioner, at)) is not None:
                if one.created_at <= at - GRACE:
                    looked.found[difference] = one.created_at
                else:
                    looked.waiting.append(one.created_at)
        looked.found |= await self._booked.not_theirs(account, looked.theirs, since, at)
        looked.found |= dict.fromkeys(await self._ends.left(account, at))
        return looked

    async def _listed(self, account: str, since: datetime, looked: _Looked) -> list[BalanceTransaction]:
        """Return the account's movements; what cannot be read of them is a difference."""
        listed = []
        async for one in self._gateway.transactions(account, since):
            looked.theirs.add(one.id)
            if isinstance(one, Unreadable):
                looked.found[Difference(account, _K.UNREADABLE, one.id, "", "")] = one.created_at
            else:
                self._movements.keep(one)
                listed.append(one)
        return listed

    async def _missing(self, one: BalanceTransaction, practitioner: str, at: datetime) -> Difference | None:
        """Book a movement that can be booked by itself or by asking for its object; else return the difference."""
        if one.kind in bookkeeping.PAYOUTS | bookkeeping.PAYOUTS_RETURNED:
            async with self._database.transaction() as tx:
                await self._ledger.post(tx, bookkeeping.payout(practitioner, one), None)
            return None
        if one.kind in bookkeeping.CHARGES:
            async with self._database.reading() as tx:
                ours = await tx.scalar(select(holds.c.id).where(holds.c.charge_transaction == one.id))
            if ours is not None and await self._booked.entries_of([one.id]):
                return None
            # A hold that was captured and not booked is found among the loose ends, under its own name.
            return unbooked(_K.FOREIGN_CHARGE, one) if ours is None else None
        kinds: dict[str, tuple[type[object], DifferenceKind]] = {
            **dict.fromkeys(bookkeeping.DISPUTES, (Dispute, _K.FOREIGN_DISPUTE)),
            **dict.fromkeys(bookkeeping.REFUNDS | bookkeeping.REFUND_FAILURES, (Refund, _K.FOREIGN_REFUND)),
        }
        if one.kind not in kinds:
            return unbooked(_K.UNKNOWN_TRANSACTION, one)
        return await self._asked(one, *kinds[one.kind], at)

    async def _asked(
        self, one: BalanceTransaction, wanted: type[object], foreign: DifferenceKind, at: datetime
    ) -> Difference | None:
        try:
            found = await self._gateway.find(one.account, one.source)
            if not isinstance(found, wanted):
                return unbooked(_K.UNKNOWN_TRANSACTION, one)
            if not await self._looker.seen(found, at):
                return unbooked(foreign, one)
        except NoSuchObject:
            return unbooked(_K.UNKNOWN_TRANSACTION, one)
        except (TooEarly, StalePayment):
            return unbooked(_K.MISSING_POSTING, one)
        if isinstance(found, Refund) and one.kind in bookkeeping.REFUND_FAILURES:
            await self._ends.book_refund_failure(self._ledger, found, one)
        return None if await self._booked.entries_of([one.id]) else unbooked(_K.MISSING_POSTING, one)

    # -- the platform ----------------------------------------------------------------------------------------

    async def _platform(self, at: datetime) -> _Looked:
        async with self._database.transaction() as tx:
            row = (await tx.execute(select(accounts).where(accounts.c.id == ""))).one_or_none()
            if row is None:
                first = await tx.scalar(select(accounts.c.created_at).order_by(accounts.c.created_at).limit(1))
                await tx.execute(insert(accounts).values(_PLATFORM | {"created_at": first or at}))
        looked = _Looked(((row.reconciled_until or row.created_at) if row else first) or at)
        since = looked.until - OVERLAP
        await self._ends.payouts("", since, at)
        looked.found |= dict.fromkeys(await self._ends.everywhere(at))
        looked.found |= {
            Difference("", _K.UNBALANCED, name, shown(rest.minor, rest.currency), ""): None
            for name, rest in await self._ledger.unbalanced()
        }
        fees = []
        for one in await self._listed("", since, looked):
            if one.kind in bookkeeping.PLATFORM_FEES:
                fees.append(one)
            elif not await self._booked.entries_of([one.id]) and (missing := await self._missing(one, "", at)):
                looked.found[missing] = one.created_at
        looked.found |= commissions(await self._booked.commissions(since), fees, since, at)
        return looked

    # -- how far it has come ---------------------------------------------------------------------------------

    async def _reconciled(self, looked: Mapping[str, _Looked], standing: Collection[Difference], at: datetime) -> None:
        """Note until when all is explained: what is not is looked at again next time, however long that takes."""
        async with self._database.transaction() as tx:
            for account, one in looked.items():
                unexplained = [moment for found, moment in one.found.items() if moment and found in standing]
                until = max(one.until, min([at, *one.waiting, *unexplained]))
                await tx.execute(update(accounts).where(accounts.c.id == account).values(reconciled_until=until))
