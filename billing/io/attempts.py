"""Attempts on a card: made, looked at, and shown as the form in which the patient enters it."""

from datetime import datetime, timedelta

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.agreement import CardForm, Hold, Payment, Purpose
from billing.gateway import AuthoriseCard, Gateway, GatewayRefused, GatewayUnclear, Intent, NoSuchObject, SaveCard
from billing.hold import HoldState
from billing.io import operation_rows, rows
from billing.io.hooks import Hooks
from billing.io.money_tables import accounts, holds
from billing.io.operations import Operations
from billing.io.settlement import Settlement
from billing.operation import OPEN
from billing.problems import NoAccount, ProviderRefused, ProviderSilent
from billing.settling import look_at
from store.facts import HoldChanged
from store.ids import HoldId, OperationId, PractitionerId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox


class Attempts:
    """The holds, kept cards and charges of one database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        gateway: Gateway,
        operations: Operations,
        settlement: Settlement,
        hooks: Hooks,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._gateway = gateway
        self._operations = operations
        self._settlement = settlement
        self._hooks = hooks

    async def create(
        self,
        tx: AsyncConnection,
        payment: Payment,
        purpose: Purpose,
        amount: int,
        at: datetime,
        *,
        off_session: bool = False,
        fee: int = 0,
    ) -> tuple[Hold, OperationId]:
        """Return a new attempt and the operation to run after the commit. `off_session`: with the kept card."""
        last = await tx.scalar(select(func.max(holds.c.created_at)).where(holds.c.payment == payment.id))
        # The order of the attempts is that of their times; a second one of the same moment comes after.
        created_at = at if last is None else max(at, last + timedelta(microseconds=1))
        attempt = Hold(
            id=HoldId(new_id(Prefix.HOLD)),
            payment=payment.id,
            purpose=purpose,
            state=HoldState.CREATING,
            version=0,
            account=payment.account,
            amount=amount,
            currency=payment.currency,
            intent=None,
            client_secret="",
            capture_before=None,
            captured=0,
            fee=0,
            charge_transaction="",
            declined="",
            off_session=off_session,
            look_at=None,
            looks=0,
            created_at=created_at,
            changed_at=at,
        )
        await tx.execute(insert(holds).values(rows.values_of(attempt)))
        await self._outbox.add(tx, HoldChanged(payment.consultation, attempt.id, attempt.state, at))
        return attempt, await self._operations.add(tx, _wanted(payment, attempt, fee), attempt.id, at)

    async def look(self, hold: Hold, at: datetime) -> None:
        """Ask the provider how the attempt stands, and settle that. Raises `ProviderSilent`."""
        if hold.intent is None:
            return
        try:
            found = await self._gateway.find(hold.account, hold.intent)
        except NoSuchObject:
            return
        except (GatewayUnclear, GatewayRefused):
            raise ProviderSilent from None
        if not isinstance(found, Intent):
            return
        await self._hooks.looked(found)
        async with self._outbox.committing() as tx:
            await self._settlement.settle(tx, found, at)

    async def look_again(self, hold: Hold, at: datetime) -> None:
        """Look at an attempt whose time to do so has come, and say when to do so next."""
        async with self._database.transaction() as tx:
            later = look_at(hold, hold.state, hold.capture_before, at)
            await tx.execute(
                update(holds)
                .where(holds.c.id == hold.id, holds.c.look_at == hold.look_at)
                .values(look_at=later, looks=hold.looks + 1)
            )
        await self.look(hold, at)

    async def due(self, at: datetime, limit: int) -> list[Hold]:
        """Return the attempts that are to be looked at."""
        waiting = select(holds.c.id).where(holds.c.look_at <= at).order_by(holds.c.look_at).limit(limit)
        async with self._database.reading() as tx:
            found = [await rows.hold(tx, HoldId(name)) for name in (await tx.execute(waiting)).scalars()]
        return [hold for hold in found if hold is not None]

    async def press(self, hold: HoldId) -> Hold:
        """Return the attempt after running what is under way for it."""
        async with self._database.reading() as tx:
            stored = await operation_rows.of_subject(tx, hold)
        for operation in stored:
            if operation.state in OPEN:
                await self._operations.run(operation.id)
        return await self.now(hold)

    async def now(self, hold: HoldId) -> Hold:
        """Return the attempt as it is now."""
        async with self._database.reading() as tx:
            found = await rows.hold(tx, hold)
        if found is None:
            raise LookupError(hold)
        return found


def form_of(hold: Hold) -> CardForm:
    """Return the form of an attempt that waits for a card. Raises `ProviderSilent` or `ProviderRefused` for another."""
    if hold.intent is None and hold.state is HoldState.DECLINED:
        raise ProviderRefused(hold.declined)
    if hold.state not in {HoldState.NEEDS_ACTION, HoldState.DECLINED} or not hold.client_secret:
        raise ProviderSilent
    return CardForm(hold.id, hold.purpose, hold.client_secret, hold.account, hold.amount, hold.currency)


def waits_for_card(hold: Hold, purpose: Purpose, amount: int) -> bool:
    """Whether the attempt's form can be shown again for the same."""
    if hold.purpose is not purpose or hold.amount != amount or hold.off_session:
        return False
    return hold.state in {HoldState.NEEDS_ACTION, HoldState.DECLINED} and bool(hold.client_secret)


async def account_of(tx: AsyncConnection, practitioner: PractitionerId) -> str:
    """Return the practitioner's account at the provider. Raises `NoAccount` when it cannot charge."""
    row = (await tx.execute(select(accounts).where(accounts.c.practitioner == practitioner))).one_or_none()
    if row is None or not row.can_charge or row.id is None:
        raise NoAccount
    return str(row.id)


def _wanted(payment: Payment, attempt: Hold, fee: int) -> AuthoriseCard | SaveCard:
    if attempt.purpose is Purpose.CARD:
        return SaveCard(attempt.account, attempt.id, payment.customer)
    return AuthoriseCard(
        account=attempt.account,
        reference=attempt.id,
        amount=attempt.amount,
        currency=attempt.currency,
        capture=attempt.purpose is Purpose.CHARGE,
        fee=fee,
        customer=payment.customer,
        payment_method=payment.payment_method if attempt.off_session else "",
    )
