"""The books: postings and their entries, added and never changed (triggers of the migration `append_only`)."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.io.money_tables import entries, postings
from billing.ledger import Entry, Posting, PostingKind
from billing.money import Money
from store.ids import PostingId, Prefix
from store.io.database import Database
from store.io.entropy import new_id

_ORDER = {kind: place for place, kind in enumerate(PostingKind)}


def _place(posting: Posting) -> tuple[datetime, int, str]:
    """Return where a posting stands. The provider's times are whole seconds: within one, by what can follow what."""
    return posting.at.replace(microsecond=0), _ORDER[posting.kind], posting.reference


class LedgerBook:
    """The ledger of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def post(self, tx: AsyncConnection, posting: Posting, payment: str | None) -> PostingId | None:
        """Book it within the transaction. Returns None, and changes nothing, when it was booked before.

        The same is what has the same kind and reference, or the same balance transaction of the provider.
        """
        if await _booked(tx, posting):
            return None
        posting_id = PostingId(new_id(Prefix.POSTING))
        try:
            async with tx.begin_nested():
                await tx.execute(
                    insert(postings).values(
                        id=posting_id,
                        kind=posting.kind,
                        reference=posting.reference,
                        gateway_transaction=posting.transaction or None,
                        payment=payment,
                        at=posting.at,
                    )
                )
        except IntegrityError:
            # Another process booked it between our look and our row.
            return None
        await tx.execute(
            insert(entries),
            [
                {
                    "posting": posting_id,
                    "line": line,
                    "account": entry.account,
                    "amount": entry.amount,
                    "currency": entry.currency,
                }
                for line, entry in enumerate(posting.entries)
            ],
        )
        return posting_id

    async def entries_of(self, payment: str) -> tuple[Posting, ...]:
        """Return everything that was booked for a payment, in the order of its happening."""
        wanted = (
            select(postings, entries.c.account, entries.c.amount, entries.c.currency)
            .join(entries, entries.c.posting == postings.c.id)
            .where(postings.c.payment == payment)
            .order_by(postings.c.id, entries.c.line)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        lines: defaultdict[str, list[Entry]] = defaultdict(list)
        for row in rows:
            lines[row.id].append(Entry(row.account, row.amount, row.currency))
        heads = {row.id: row for row in rows}
        found = [
            Posting(PostingKind(row.kind), row.reference, tuple(lines[key]), row.at, row.gateway_transaction or "")
            for key, row in heads.items()
        ]
        return tuple(sorted(found, key=_place))

    async def balance(self, account: str, until: datetime | None = None) -> dict[str, int]:
        """Return the account's balance in each currency, minor units, debit positive; with what happened by `until`."""
        sums = (
            select(entries.c.currency, func.sum(entries.c.amount))
            .where(entries.c.account == account)
            .group_by(entries.c.currency)
        )
        if until is not None:
            sums = sums.join(postings, postings.c.id == entries.c.posting).where(postings.c.at <= until)
        async with self._database.reading() as tx:
            return {currency: int(amount) for currency, amount in (await tx.execute(sums)).all()}

    async def unbalanced(self) -> tuple[tuple[str, Money], ...]:
        """Return the postings whose entries do not sum up to zero in a currency. Nothing, if nobody forged any."""
        sums = (
            select(entries.c.posting, entries.c.currency, func.sum(entries.c.amount).label("rest"))
            .group_by(entries.c.posting, entries.c.currency)
            .having(func.sum(entries.c.amount) != 0)
            .order_by(entries.c.posting)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(sums)).all()
        return tuple((row.posting, Money(int(row.rest), row.currency)) for row in rows)


async def _booked(tx: AsyncConnection, posting: Posting) -> bool:
    same: ColumnElement[bool] = (postings.c.kind == posting.kind) & (postings.c.reference == posting.reference)
    if posting.transaction:
        same = or_(same, postings.c.gateway_transaction == posting.transaction)
    return await tx.scalar(select(postings.c.id).where(same).limit(1)) is not None
