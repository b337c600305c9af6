"""The inbox: the provider's notices, kept before they are acknowledged, then taken as hints to look at an object.

A notice says nothing that we believe but which object to ask for, so order and repetition do not matter: what is asked
for is the object as it is now. https://docs.stripe.com/webhooks#best-practices
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from billing.gateway import (
    Account,
    Dispute,
    Found,
    Gateway,
    GatewayRefused,
    GatewayUnclear,
    Intent,
    NoSuchObject,
    Payout,
)
from billing.io.books import Books
from billing.io.connect import Connect
from billing.io.disputes import Disputes, TooEarly
from billing.io.holds import Holds
from billing.io.money_tables import notices
from billing.io.payout_watch import PayoutWatch
from billing.io.refunds import Refunds
from billing.problems import StalePayment
from store.io.database import Database
from store.io.outbox import Outbox

_AT_ONCE = 100
# While the provider does not answer, asking once a second about each notice would only be in its way.
_REST = timedelta(seconds=5)
_LONGEST_REST = timedelta(minutes=5)
# What cannot be read now, such as a currency that we do not know, is put off and keeps nothing else waiting.
_PUT_OFF = timedelta(minutes=10)
_MOST_PUT_OFF = 500
# A notice about a payment that we never come to know as received is given up; reconciliation lists what it left.
_GIVE_UP = timedelta(days=3)

_log = structlog.get_logger("billing.webhooks")


class Looker:
    """Takes an object as the provider has it to whom it concerns."""

    def __init__(
        self,
        outbox: Outbox,
        holds: Holds,
        books: Books,
        refunds: Refunds,
        disputes: Disputes,
        connect: Connect,
        payouts: PayoutWatch,
    ) -> None:
        self._outbox = outbox
        self._holds = holds
        self._books = books
        self._refunds = refunds
        self._disputes = disputes
        self._connect = connect
        self._payouts = payouts

    async def seen(self, found: Found, at: datetime) -> bool:
        """Settle what was found. Returns False where it is none of ours. Raises `TooEarly`, `GatewayUnclear`."""
        if isinstance(found, Intent):
            await self._books.looked(found)
            async with self._outbox.committing() as tx:
                await self._holds.settle(tx, found, at)
            return True
        if isinstance(found, Account):
            async with self._outbox.committing() as tx:
                await self._connect.seen(tx, found, at)
            return True
        if isinstance(found, Payout):
            await self._payouts.seen(found)
            return True
        if isinstance(found, Dispute):
            return await self._disputes.seen(found, at)
        return await self._refunds.seen(found, at)


class Inbox:
    """The notices of one database."""

    def __init__(self, database: Database, gateway: Gateway, looker: Looker) -> None:
        self._database = database
        self._gateway = gateway
        self._looker = looker
        self._rests_until: datetime | None = None
        self._rest = _REST
        self._put_off: dict[str, datetime] = {}

    async def receive(self, body: bytes, signature: str, *, connect: bool, at: datetime) -> bool:
        """Keep a notice. Returns False when it was kept before. Raises `BadSignature`: it is not the provider's."""
        notice = self._gateway.read_notice(body, signature, connect=connect)
        try:
            async with self._database.transaction() as tx:
                await tx.execute(
                    insert(notices).values(
                        id=notice.id,
                        kind=notice.kind,
                        object=notice.object,
                        account=notice.account,
                        created_at=notice.created_at,
                        received_at=at,
                    )
                )
        except IntegrityError:
            return False
        return True

    async def work(self, at: datetime) -> int:
        """Look at what unhandled notices are about, each object once. Returns how many notices are handled then."""
        if self._rests_until is not None and at < self._rests_until:
            return 0
        self._put_off = {name: until for name, until in self._put_off.items() if until > at}
        waiting = (
            select(notices)
            .where(notices.c.handled_at.is_(None), notices.c.id.not_in(list(self._put_off)))
            .order_by(notices.c.received_at, notices.c.id)
            .limit(_AT_ONCE)
        )
        async with self._database.reading() as tx:
            found = (await tx.execute(waiting)).all()
        about: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        since: dict[tuple[str, str], datetime] = {}
        for row in found:
            about[row.account, row.object].append(row.id)
            since.setdefault((row.account, row.object), row.received_at)
        done = 0
        try:
            for (account, name), ids in about.items():
                handled = await self._handled(account, name, at)
                if handled or at - since[account, name] > _GIVE_UP:
                    done += await self._mark(ids, at)
                elif handled is None:
                    self._put_off |= dict.fromkeys(ids[: _MOST_PUT_OFF - len(self._put_off)], at + _PUT_OFF)
        except (GatewayUnclear, GatewayRefused) as problem:
            self._rests_until = at + self._rest
            self._rest = min(self._rest * 2, _LONGEST_REST)
            _log.info("notices wait", reason=type(problem).__name__)
        else:
            self._rests_until, self._rest = None, _REST
        return done

    async def _handled(self, account: str, name: str, at: datetime) -> bool | None:
        """Return whether the object was looked at; None when it cannot be read, and should be left for a while."""
        try:
            await self._looker.seen(await self._gateway.find(account, name), at)
        except NoSuchObject:
            # Of a kind that we do not follow, or not on that account.
            return True
        except (TooEarly, StalePayment):
            return False
        except (ValueError, TypeError, AttributeError, KeyError) as unread:
            _log.error("notice not understood", error=type(unread).__name__)
            return None
        return True

    async def _mark(self, ids: Sequence[str], at: datetime) -> int:
        async with self._database.transaction() as tx:
            done = await tx.execute(
                update(notices).where(notices.c.id.in_(ids), notices.c.handled_at.is_(None)).values(handled_at=at)
            )
        return done.rowcount
