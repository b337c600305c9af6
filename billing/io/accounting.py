"""Everything that follows the money, joined: the books, receipts, refunds, disputes, payouts, accounts, reports."""

from datetime import datetime

from billing.gateway import Gateway
from billing.io.books import Books
from billing.io.connect import Connect
from billing.io.disputes import Disputes
from billing.io.holds import Holds
from billing.io.hooks import Hooks
from billing.io.ledger_book import LedgerBook
from billing.io.movements import Movements
from billing.io.operations import Operations
from billing.io.payout_watch import PayoutWatch
from billing.io.people import People
from billing.io.receipts import Receipts
from billing.io.reconciliation import Reconciliation
from billing.io.refunds import Refunds
from billing.io.reports import Reports
from billing.io.settings import BillingSettings
from billing.io.webhooks import Inbox, Looker
from store.io.database import Database
from store.io.outbox import Outbox


class Accounting:
    """The services that follow the money, on one database. They listen at `hooks` and to the operations' answers."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        operations: Operations,
        holds: Holds,
        hooks: Hooks,
        people: People,
        settings: BillingSettings,
    ) -> None:
        movements = Movements(gateway)
        self.ledger = LedgerBook(database)
        self.payouts = PayoutWatch(database, gateway)
        self.receipts = Receipts(database, outbox, people.issuer_of, settings.vat_note)
        self.books = Books(database, gateway, self.ledger, self.receipts, self.payouts, movements)
        self.refunds = Refunds(database, outbox, operations, self.books, self.receipts)
        self.connect = Connect(database, outbox, gateway, operations, self.payouts, settings)
        self.reports = Reports(database, people.consultations_of)
        disputes = Disputes(database, outbox, gateway, holds, self.ledger, self.books, movements)
        looker = Looker(outbox, holds, self.books, self.refunds, disputes, self.connect, self.payouts)
        self.inbox = Inbox(database, gateway, looker)
        self.reconciliation = Reconciliation(database, gateway, operations, looker, self.ledger, movements)
        hooks.looked = self.books.looked
        hooks.captured = self.books.captured
        hooks.invoiced = self.books.invoiced
        hooks.given_up = self.books.given_up

    async def run(self, at: datetime) -> int:
        """Do what is due: notices, late postings, payouts, the hourly reconciliation. Returns how much was done."""
        return (
            await self.inbox.work(at)
            + await self.books.run(at)
            + await self.payouts.run(at)
            + await self.reconciliation.tick(at)
        )
