"""Practitioners' accounts at the payment provider: made, completed by them, looked at (MMP-48 to MMP-51)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.gateway import Account, Answer, CreateAccount, Found, Gateway
from billing.io.money_tables import accounts
from billing.io.operations import Operations
from billing.io.payout_watch import PayoutWatch, Transfer
from billing.io.settings import BillingSettings
from billing.kyc import Kyc
from billing.operation import StoredOperation
from billing.problems import NoAccount, ProviderRefused, ProviderSilent
from store.ids import OperationId, PractitionerId
from store.io.database import Database
from store.io.outbox import Outbox

CREATING = "creating"
CONNECTED = "connected"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class ConnectedAccount:
    """A practitioner's account. `id` is "" until the provider has made it; `state` creating, connected or refused."""

    practitioner: PractitionerId
    id: str
    state: str
    kyc: Kyc
    currency: str
    created_at: datetime
    seen_at: datetime | None


class Connect:
    """The accounts of one database; hears of the answers to `CreateAccount`."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        operations: Operations,
        payouts: PayoutWatch,
        settings: BillingSettings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._operations = operations
        self._payouts = payouts
        self._settings = settings
        operations.register((CreateAccount,), self)

    async def account_of(self, practitioner: PractitionerId) -> ConnectedAccount | None:
        """Return the practitioner's account as we last saw it, or None."""
        async with self._database.reading() as tx:
            row = (await tx.execute(_of(practitioner))).one_or_none()
        return _account(row) if row else None

    async def begin(self, practitioner: PractitionerId, email: str, country: str, at: datetime) -> ConnectedAccount:
        """Return the practitioner's account, made now if there was none. `country`: ISO 3166-1 alpha-2, "" for ours.

        Raises `ProviderSilent` (it goes on by itself) or `ProviderRefused`.
        """
        operation = await self._asked(practitioner, email, country or self._settings.country, at)
        if operation is not None:
            await self._operations.run(operation)
        account = await self.account_of(practitioner)
        if account is None or account.state == CREATING:
            raise ProviderSilent
        if account.state == REFUSED:
            asked = await self._operations.of(practitioner)
            raise ProviderRefused(asked[-1].refusal if asked else "")
        return account

    async def onboarding_url(self, practitioner: PractitionerId, return_url: str, refresh_url: str) -> str:
        """Return a one-time link on which the practitioner gives what is missing. Raises `NoAccount`."""
        return await self._gateway.onboarding_url(await self._connected(practitioner), return_url, refresh_url)

    async def dashboard_url(self, practitioner: PractitionerId) -> str:
        """Return where the practitioner sees the account at the provider. Raises `NoAccount`."""
        return self._gateway.dashboard_url(await self._connected(practitioner))

    async def transfers(self, practitioner: PractitionerId) -> tuple[Transfer, ...]:
        """Return the payouts to the practitioner's bank, newest first; none without an account."""
        account = await self.account_of(practitioner)
        return await self._payouts.transfers(account.id) if account is not None and account.id else ()

    async def look(self, practitioner: PractitionerId, at: datetime) -> ConnectedAccount | None:
        """Return the account after asking the provider; None when there is none. Raises `GatewayUnclear`."""
        account = await self.account_of(practitioner)
        if account is None or not account.id:
            return account
        found = await self._gateway.find(account.id, account.id)
        if isinstance(found, Account):
            async with self._outbox.committing() as tx:
                await self.seen(tx, found, at)
        return await self.account_of(practitioner)

    async def seen(self, tx: AsyncConnection, found: Account, at: datetime) -> None:
        """Note what the provider has, within the transaction. Another's account changes nothing."""
        await tx.execute(
            update(accounts)
            .where(accounts.c.practitioner == found.reference, (accounts.c.id == found.id) | accounts.c.id.is_(None))
            .values(
                id=found.id,
                state=CONNECTED,
                can_charge=found.can_charge,
                can_payout=found.can_payout,
                missing=msgspec.json.encode(found.missing).decode(),
                deadline=found.deadline,
                currency=found.currency or self._settings.currency,
                seen_at=at,
            )
        )

    # -- answers to operations -------------------------------------------------------------------------------

    async def looked(self, found: Found) -> None:
        """Nothing to prepare."""

    async def answered(
        self,
        tx: AsyncConnection,
        stored: StoredOperation,  # noqa: ARG002 — the protocol has it
        answer: Answer,
        at: datetime,
        /,
    ) -> None:
        """Note the account that was made."""
        if isinstance(answer, Account):
            await self.seen(tx, answer, at)

    async def refused(
        self,
        tx: AsyncConnection,
        stored: StoredOperation,
        refusal: str,  # noqa: ARG002 — the protocol has it
        found: Found | None,  # noqa: ARG002 — the protocol has it
        at: datetime,  # noqa: ARG002 — the protocol has it
    ) -> None:
        """Note that none was made; `begin` may ask again."""
        waiting = update(accounts).where(accounts.c.practitioner == stored.subject, accounts.c.id.is_(None))
        await tx.execute(waiting.values(state=REFUSED))

    async def unclear(self, tx: AsyncConnection, stored: StoredOperation, at: datetime) -> None:
        """Nothing to note: CREATING says it."""

    async def again(self, tx: AsyncConnection, stored: StoredOperation, found: Found | None, at: datetime) -> None:
        """Nothing to get ready."""

    # -- parts -----------------------------------------------------------------------------------------------

    async def _asked(self, practitioner: PractitionerId, email: str, country: str, at: datetime) -> OperationId | None:
        """Return the operation that makes the account, None when it is made or being made already."""
        row = {
            "practitioner": practitioner,
            "state": CREATING,
            "can_charge": False,
            "can_payout": False,
            "missing": "[]",
            "currency": self._settings.currency,
            "created_at": at,
        }
        async with self._outbox.committing() as tx:
            try:
                async with tx.begin_nested():
                    await tx.execute(insert(accounts).values(row))
            except IntegrityError:
                retried = update(accounts).where(accounts.c.practitioner == practitioner, accounts.c.state == REFUSED)
                if (await tx.execute(retried.values(state=CREATING))).rowcount == 0:
                    return None
            wanted = CreateAccount(practitioner, email, country, self._settings.currency)
            return await self._operations.add(tx, wanted, practitioner, at)

    async def _connected(self, practitioner: PractitionerId) -> str:
        account = await self.account_of(practitioner)
        if account is None or not account.id:
            raise NoAccount
        return account.id


def _of(practitioner: PractitionerId) -> Any:
    return select(accounts).where(accounts.c.practitioner == practitioner)


def _account(row: Row[Any]) -> ConnectedAccount:
    missing = msgspec.json.decode(row.missing, type=tuple[str, ...])
    return ConnectedAccount(
        PractitionerId(row.practitioner),
        row.id or "",
        row.state,
        Kyc(row.can_charge, row.can_payout, missing, row.deadline),
        row.currency,
        row.created_at,
        row.seen_at,
    )
