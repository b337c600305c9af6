"""Reconciliation: every movement on every account is in the books, or is listed as a difference; and the other way.

What was merely missed (a lost webhook) is made good by asking for the object, as a webhook would have had us do.
"""

from collections import defaultdict
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, select, update

from billing import bookkeeping
from billing.gateway import (
    BalanceTransaction,
    Dispute,
    Gateway,
    GatewayRefused,
    GatewayUnclear,
    NoSuchObject,
    Refund,
)
from billing.io.difference_book import DifferenceBook
from billing.io.disputes import TooEarly
from billing.io.ledger_book import LedgerBook
from billing.io.loose_ends import LooseEnds
from billing.io.money_tables import accounts, entries, holds, postings
from billing.io.movements import Movements
from billing.io.operations import Operations
from billing.io.webhooks import Looker
from billing.ledger import Entry
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
_PARAMETERS = 500
# The platform's own account has a row among the practitioners', for the sake of `reconciled_until`.
_PLATFORM: dict[str, object] = {"practitioner": "", "id": "", "state": "platform", "missing": "[]", "currency": ""}
_PLATFORM |= {"can_charge": False, "can_payout": False}

_K = DifferenceKind
_log = structlog.get_logger("billing.reconciliation")


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
        self._ends = LooseEnds(database, gateway, looker)
        self._jobs = DueJobs(database)
        self._planned = False

    async def run(self, at: datetime, account: str | None = None) -> tuple[Difference, ...]:
        """Return every difference that nobody has accepted, after making good what was missed.

        `account`: of that one only; "" is the platform's. Raises `GatewayUnclear` when the provider does not answer, or
        `GatewayRefused` when an account cannot be read; what the others differ in is kept by then.
        """
        await self._operations.run_due(at)
        found: set[Difference] = set()
        looked_at: set[str] = set()
        readable = True
        async with self._database.reading() as tx:
            rows = (await tx.execute(select(accounts).where(accounts.c.id.is_not(None), accounts.c.id != ""))).all()
        for row in rows:
            if account in {None, row.id}:
                since = (row.reconciled_until or row.created_at) - OVERLAP
                differences = await self._readable(row.id, row.practitioner, since, at)
                if differences is None:
                    readable = False
                else:
                    found |= differences
                    looked_at.add(row.id)
        if account in {None, ""}:
            found |= await self._platform(at)
            looked_at.add("")
        noted = await self.known.note(found, looked_at, at)
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

    async def _readable(self, account: str, practitioner: str, since: datetime, at: datetime) -> set[Difference] | None:
        """Return an account's differences; None for one that cannot be read: it must not keep the others from it."""
        try:
            return await self._account(account, practitioner, since, at)
        except (GatewayRefused, ValueError, KeyError) as problem:
            reason = problem.code if isinstance(problem, GatewayRefused) else type(problem).__name__
            _log.error("account not reconciled", account=account, reason=reason)
            return None

    async def _account(self, account: str, practitioner: str, since: datetime, at: datetime) -> set[Difference]:
        await self._ends.look(account, since, at)
        listed = await self._listed(account, since)
        booked = await self._booked([one.id for one in listed])
        found: set[Difference] = set()
        unclear: list[datetime] = []
        for one in listed:
            if one.id in booked:
                found |= _one(wrong_amount(one, booked[one.id]))
            elif (difference := await self._missing(one, practitioner, at)) is not None:
                unclear.append(one.created_at)
                if one.created_at <= at - GRACE:
                    found.add(difference)
        found |= await self._not_theirs(account, {one.id for one in listed}, since, at)
        found |= await self._ends.left(account, at)
        # What is not explained is looked at again next time, however long that takes.
        await self._reconciled(account, min([at, *unclear]))
        return found

    async def _listed(self, account: str, since: datetime) -> list[BalanceTransaction]:
        listed = [one async for one in self._gateway.transactions(account, since)]
        for one in listed:
            self._movements.keep(one)
        return listed

    async def _booked(self, names: list[str]) -> dict[str, list[Entry]]:
        """Return the entries of those of these transactions that are booked."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        async with self._database.reading() as tx:
            for start in range(0, len(names), _PARAMETERS):
                part = names[start : start + _PARAMETERS]
                wanted = (
                    select(postings.c.gateway_transaction, entries.c.account, entries.c.amount, entries.c.currency)
                    .outerjoin(entries, entries.c.posting == postings.c.id)
                    .where(postings.c.gateway_transaction.in_(part))
                )
                for name, account, amount, currency in (await tx.execute(wanted)).all():
                    found[name] += [Entry(account, amount, currency)] if account is not None else []
        return found

    async def _missing(self, one: BalanceTransaction, practitioner: str, at: datetime) -> Difference | None:
        """Book a movement that can be booked by itself or by asking for its object; else return the difference."""
        if one.kind in bookkeeping.PAYOUTS | bookkeeping.PAYOUTS_RETURNED:
            async with self._database.transaction() as tx:
                await self._ledger.post(tx, bookkeeping.payout(practitioner, one), None)
            return None
        if one.kind in bookkeeping.CHARGES:
            async with self._database.reading() as tx:
                ours = await tx.scalar(select(holds.c.id).where(holds.c.charge_transaction == one.id))
            if ours is not None and await self._booked([one.id]):
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
        return None if await self._booked([one.id]) else unbooked(_K.MISSING_POSTING, one)

    async def _not_theirs(self, account: str, theirs: set[str], since: datetime, at: datetime) -> set[Difference]:
        """Return what we booked on that balance and the provider does not have."""
        wanted = (
            select(postings.c.gateway_transaction, entries.c.amount, entries.c.currency)
            .join(entries, entries.c.posting == postings.c.id)
            .where(
                entries.c.account == bookkeeping.balance_of(account),
                postings.c.at >= since + GRACE,
                postings.c.at <= at - GRACE,
                postings.c.gateway_transaction.is_not(None),
            )
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return {
            Difference(account, _K.MISSING_TRANSACTION, name, shown(amount, currency), "")
            for name, amount, currency in rows
            if name not in theirs
        }

    async def _reconciled(self, account: str, until: datetime) -> None:
        async with self._database.transaction() as tx:
            await tx.execute(update(accounts).where(accounts.c.id == account).values(reconciled_until=until))

    # -- the platform ----------------------------------------------------------------------------------------

    async def _platform(self, at: datetime) -> set[Difference]:
        async with self._database.transaction() as tx:
            row = (await tx.execute(select(accounts).where(accounts.c.id == ""))).one_or_none()
            if row is None:
                first = await tx.scalar(select(accounts.c.created_at).order_by(accounts.c.created_at).limit(1))
                await tx.execute(insert(accounts).values(_PLATFORM | {"created_at": first or at}))
        since = ((row.reconciled_until or row.created_at) if row else first or at) - OVERLAP
        await self._ends.payouts("", since, at)
        found = set(await self._ends.everywhere(at))
        found |= {
            Difference("", _K.UNBALANCED, name, shown(rest.minor, rest.currency), "")
            for name, rest in await self._ledger.unbalanced()
        }
        fees = []
        for one in await self._listed("", since):
            if one.kind in bookkeeping.PLATFORM_FEES:
                fees.append(one)
            elif not await self._booked([one.id]) and (missing := await self._missing(one, "", at)) is not None:
                found.add(missing)
        found |= set(commissions(await self._commissions(since), fees, since, at))
        await self._reconciled("", at)
        return found

    async def _commissions(self, since: datetime) -> list[tuple[datetime, Entry]]:
        """Return what practitioners' payments have put on the platform's balance."""
        own = bookkeeping.balance_of("")
        wanted = (
            select(postings.c.at, entries.c.amount, entries.c.currency)
            .join(entries, entries.c.posting == postings.c.id)
            .where(entries.c.account == own, postings.c.at >= since, postings.c.payment.is_not(None))
        )
        async with self._database.reading() as tx:
            return [(at, Entry(own, amount, currency)) for at, amount, currency in (await tx.execute(wanted)).all()]


def _one(difference: Difference | None) -> set[Difference]:
    return set() if difference is None else {difference}
