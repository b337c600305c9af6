"""Calls as billing hears of them: each is noted with the tariff as it was when the call opened."""

from collections.abc import Callable

from billing.io.holds import Holds
from billing.io.invoices import Invoices
from store.bus import Bus
from store.io.database import Database
from store.io.outbox import Outbox


class CallBook:
    """Subscribes to calls and cancelled consultations."""

    def __init__(self, database: Database, outbox: Outbox, invoices: Invoices, holds: Holds) -> None:
        self._database = database
        self._outbox = outbox
        self._invoices = invoices
        self._holds = holds

    def subscribe(self, bus: Bus) -> Callable[[], None]:
        """Hear of calls and cancelled consultations from now on. Returns the function that stops it."""
        raise NotImplementedError
