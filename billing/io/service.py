"""Billing as the rest of the program sees it: its parts, joined."""

from collections.abc import Callable
from datetime import datetime

from billing.gateway import Gateway
from billing.io.accounting import Accounting
from billing.io.attempts import Attempts
from billing.io.coupons import Coupons
from billing.io.fact_log import FactLog
from billing.io.holds import Holds
from billing.io.hooks import Hooks
from billing.io.invoices import Invoices
from billing.io.jobs import MoneyJobs
from billing.io.live import CallBook
from billing.io.metering import Metering
from billing.io.operations import Operations
from billing.io.people import People
from billing.io.prices import Prices
from billing.io.settings import BillingSettings
from billing.io.settlement import Settlement
from store.bus import Bus
from store.io.database import Database
from store.io.due_jobs import DueJobs
from store.io.outbox import Outbox


class Billing:
    """The services on one database. `key` signs pay links: at least 32 random bytes that live outside the database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        facts: FactLog,
        key: bytes,
        clock: Callable[[], datetime],
        settings: BillingSettings,
        people: People,
    ) -> None:
        jobs = DueJobs(database)
        self.gateway = gateway
        self.facts = facts
        self.settings = settings
        self.hooks = Hooks()
        self.prices = Prices(database)
        self.coupons = Coupons(database)
        self.operations = Operations(database, outbox, gateway, settings.install, clock)
        settlement = Settlement(outbox, jobs, self.operations, self.hooks, settings)
        attempts = Attempts(database, outbox, gateway, self.operations, settlement, self.hooks)
        self.metering = Metering(database, facts)
        self.holds = Holds(database, outbox, self.operations, settlement, attempts)
        self.invoices = Invoices(
            database,
            outbox,
            self.operations,
            settlement,
            attempts,
            self.metering,
            self.hooks,
            key,
            settings,
        )
        self.calls = CallBook(database, outbox, jobs, self.invoices)
        self.jobs = MoneyJobs(jobs, self.operations, attempts, self.invoices)
        self.accounting = Accounting(
            database, outbox, gateway, self.operations, self.holds, self.hooks, people, settings
        )
        self.ledger = self.accounting.ledger
        self.receipts = self.accounting.receipts
        self.refunds = self.accounting.refunds
        self.connect = self.accounting.connect
        self.reports = self.accounting.reports
        self.inbox = self.accounting.inbox
        self.reconciliation = self.accounting.reconciliation

    async def run(self, at: datetime) -> int:
        """Do everything that is due. Returns how many things were done. Called every second or so."""
        return await self.calls.catch_up(at) + await self.jobs.run(at) + await self.accounting.run(at)

    def subscribe(self, bus: Bus) -> Callable[[], None]:
        """Hear of calls and cancelled consultations from now on. Returns the function that stops it."""
        return self.calls.subscribe(bus)
