"""Billing as the rest of the program sees it: its parts, joined."""

from collections.abc import Callable
from datetime import datetime

from billing.gateway import Gateway
from billing.io.coupons import Coupons
from billing.io.fact_log import FactLog
from billing.io.holds import Holds
from billing.io.hooks import Hooks
from billing.io.invoices import Invoices
from billing.io.jobs import MoneyJobs
from billing.io.live import CallBook
from billing.io.operations import Operations
from billing.io.prices import Prices
from billing.io.settings import BillingSettings
from store.bus import Bus
from store.io.database import Database
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
    ) -> None:
        self.gateway = gateway
        self.facts = facts
        self.settings = settings
        self.hooks = Hooks()
        self.prices = Prices(database)
        self.coupons = Coupons(database)
        self.operations = Operations(database, outbox, gateway, settings.install, clock)
        self.holds = Holds(database, outbox, gateway, self.operations, self.hooks, settings)
        self.invoices = Invoices(database, outbox, self.holds, facts, key, settings)
        self.calls = CallBook(database, outbox, self.invoices, self.holds)
        self.jobs = MoneyJobs(database, self.operations, self.holds, self.invoices)

    def subscribe(self, bus: Bus) -> Callable[[], None]:
        """Hear of calls and cancelled consultations from now on. Returns the function that stops it."""
        return self.calls.subscribe(bus)
