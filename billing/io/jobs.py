"""What happens by itself: unclear operations, amounts that nobody confirmed, holds that lapse, payments overdue."""

from datetime import datetime

from billing.io.holds import Holds
from billing.io.invoices import Invoices
from billing.io.operations import Operations
from store.io.database import Database


class MoneyJobs:
    """Called every second or so; with nothing to do it costs three look-ups by index."""

    def __init__(self, database: Database, operations: Operations, holds: Holds, invoices: Invoices) -> None:
        self._database = database
        self._operations = operations
        self._holds = holds
        self._invoices = invoices

    async def run(self, at: datetime) -> int:
        """Do what is due. Return how many things were done."""
        raise NotImplementedError
