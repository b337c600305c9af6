"""The provider's balance transactions, fetched outside of any transaction and kept until they are booked."""

from collections import OrderedDict
from collections.abc import Collection
from contextlib import aclosing
from datetime import datetime, timedelta

from billing.gateway import BalanceTransaction, Gateway

# Between our clock and the provider's, and for what was written a moment before we were told.
SKEW = timedelta(hours=1)
# A web process settles one intent within seconds of looking; a thousand leave room for a busy hour.
_KEPT = 1000


class Movements:
    """A small memory of what was fetched: the ledger's transaction must not wait for the network."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: OrderedDict[str, BalanceTransaction] = OrderedDict()

    async def fetch(self, account: str, names: Collection[str], since: datetime) -> None:
        """Remember these transactions, as far as the provider has them since then. Raises `GatewayUnclear`."""
        missing = {name for name in names if name and name not in self._kept}
        if not missing:
            return
        async with aclosing(self._gateway.transactions(account, since - SKEW)) as listed:  # type: ignore[type-var]
            async for transaction in listed:
                if isinstance(transaction, BalanceTransaction) and transaction.id in missing:
                    self.keep(transaction)
                    missing.discard(transaction.id)
                if not missing:
                    return

    def keep(self, transaction: BalanceTransaction) -> None:
        """Remember one that was fetched otherwise."""
        self._kept[transaction.id] = transaction
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def known(self, name: str) -> BalanceTransaction | None:
        """Return the transaction, or None when it was not fetched."""
        return self._kept.get(name)
