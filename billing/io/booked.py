"""What our books have of the provider's movements: asked by reconciliation, which compares it with the provider's."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import select

from billing import bookkeeping
from billing.io.money_tables import entries, postings
from billing.ledger import Entry
from billing.reconciling import GRACE, Difference, DifferenceKind, shown
from store.io.database import Database

# A statement takes so many parameters only.
_BATCH = 500


class Booked:
    """The provider's movements in the books of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries_of(self, names: Sequence[str]) -> dict[str, list[Entry]]:
        """Return the entries of those of these balance transactions that are booked."""
        found: defaultdict[str, list[Entry]] = defaultdict(list)
        async with self._database.reading() as tx:
            for start in range(0, len(names), _BATCH):
                part = names[start : start + _BATCH]
                wanted = (
                    select(postings.c.gateway_transaction, entries.c.account, entries.c.amount, entries.c.currency)
                    .outerjoin(entries, entries.c.posting == postings.c.id)
                    .where(postings.c.gateway_transaction.in_(part))
                )
                for name, account, amount, currency in (await tx.execute(wanted)).all():
                    found[name] += [Entry(account, amount, currency)] if account is not None else []
        return found

    async def not_theirs(
        self, account: str, theirs: Collection[str], since: datetime, at: datetime
    ) -> dict[Difference, datetime]:
        """Return what is booked on that balance and the provider does not have, with the moment of each."""
        wanted = (
            select(postings.c.gateway_transaction, entries.c.amount, entries.c.currency, postings.c.at)
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
            Difference(account, DifferenceKind.MISSING_TRANSACTION, name, shown(amount, currency), ""): moment
            for name, amount, currency, moment in rows
            if name not in theirs
        }

    async def commissions(self, since: datetime) -> list[tuple[datetime, Entry]]:
        """Return what practitioners' payments have put on the platform's balance."""
        own = bookkeeping.balance_of("")
        wanted = (
            select(postings.c.at, entries.c.amount, entries.c.currency)
            .join(entries, entries.c.posting == postings.c.id)
            .where(entries.c.account == own, postings.c.at >= since, postings.c.payment.is_not(None))
        )
        async with self._database.reading() as tx:
            return [(at, Entry(own, amount, currency)) for at, amount, currency in (await tx.execute(wanted)).all()]
