"""Claims: what a patient is asked to pay after the call, by a link."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from billing import pay_link
from billing.agreement import CardForm, Hold, Payment, Purpose
from billing.hold import FINAL, HoldState
from billing.invoice import fee_of_part
from billing.io import rows
from billing.io.attempts import Attempts, account_of, form_of, waits_for_card
from billing.io.operations import Operations
from billing.io.settings import BillingSettings
from billing.io.settlement import Settlement
from billing.payment import PaymentEvent, PaymentState
from billing.problems import NothingToPay, ProviderSilent, TooSoon, UnknownPayment
from billing.settling import releasable
from store.facts import PaymentChanged
from store.ids import ConsultationId, HoldId, OperationId, PaymentId, Prefix, is_id
from store.io.database import Database
from store.io.outbox import Outbox

_RESENT_AFTER = timedelta(minutes=1)
_ASKED_FOR = frozenset({PaymentState.PENDING, PaymentState.FAILED, PaymentState.UNPAID})
_UNFINISHED = frozenset({HoldState.CREATING, HoldState.UNKNOWN, HoldState.RELEASING})


class Claims:
    """Payments of one database, as far as they are asked for."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        operations: Operations,
        settlement: Settlement,
        attempts: Attempts,
        key: bytes,
        settings: BillingSettings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._operations = operations
        self._settlement = settlement
        self._attempts = attempts
        self._key = key
        self._settings = settings

    async def payment(self, payment: PaymentId) -> Payment:
        """Return the payment. Raises `UnknownPayment`."""
        async with self._database.reading() as tx:
            return await self._known(tx, payment)

    async def payment_of(self, consultation: ConsultationId) -> Payment | None:
        """Return the consultation's payment, None when nobody has agreed to one."""
        async with self._database.reading() as tx:
            return await rows.payment_of(tx, consultation)

    def pay_token(self, payment: PaymentId) -> str:
        """Return the token of the pay link `/pay#TOKEN`: the same each time."""
        return pay_link.derive(self._key, payment)

    async def payment_of_token(self, token: str) -> Payment:
        """Return the payment that the link is for. Raises `UnknownPayment`."""
        try:
            return await self.payment(pay_link.read(self._key, token))
        except pay_link.BadPayLink:
            raise UnknownPayment from None

    async def pay_form(self, payment: PaymentId, at: datetime) -> CardForm:
        """Return the card form of a payment that waits for its patient; the same one as long as it is open.

        Raises `UnknownPayment`, `NothingToPay`, `NoAccount`, `ProviderSilent` or `ProviderRefused`.
        """
        async with self._outbox.committing() as tx:
            claim = await self._claim(tx, payment)
            await account_of(tx, claim.practitioner)
            closing = await self._superseded(tx, claim, at)
        for hold in closing:
            # Who has the older form before them must not pay by it as well.
            if (await self._attempts.press(hold.id)).state not in FINAL:
                raise ProviderSilent
        async with self._outbox.committing() as tx:
            name = await self._charge(tx, await self._claim(tx, payment), at)
        return form_of(await self._attempts.press(name))

    async def _superseded(self, tx: AsyncConnection, claim: Payment, at: datetime) -> list[Hold]:
        """Return the attempts whose form the patient may have seen, and which are not for what is owed now."""
        closing: list[Hold] = []
        for hold in await rows.holds_of(tx, claim.id):
            shown = hold.purpose is Purpose.CHARGE and bool(hold.client_secret) and hold.state not in FINAL
            if shown and not waits_for_card(hold, Purpose.CHARGE, claim.owed):
                await self._settlement.release(tx, hold, at)
                closing.append(hold)
        return closing

    async def _charge(self, tx: AsyncConnection, claim: Payment, at: datetime) -> HoldId:
        """Return the attempt to go on with, a new one if need be."""
        for hold in reversed(await rows.holds_of(tx, claim.id)):
            charge = hold.purpose is Purpose.CHARGE
            if charge and (hold.state is HoldState.CREATING or waits_for_card(hold, Purpose.CHARGE, claim.owed)):
                return hold.id
        fee = fee_of_part(claim.paid, claim.owed, self._settings.rates, claim.currency)
        hold, _ = await self._attempts.create(tx, claim, Purpose.CHARGE, claim.owed, at, fee=fee)
        return hold.id

    async def look_paid(self, payment: PaymentId, at: datetime) -> Payment:
        """Return the payment after asking the provider: called by the page after its card form."""
        async with self._database.reading() as tx:
            await self._known(tx, payment)
            kept = await rows.holds_of(tx, payment)
        for hold in kept:
            await self._look(hold, at)
        return await self.payment(payment)

    async def _look(self, hold: Hold, at: datetime) -> None:
        if hold.state in _UNFINISHED | {HoldState.CAPTURING}:
            await self._attempts.press(hold.id)
        elif hold.purpose is Purpose.CHARGE and hold.state in {HoldState.NEEDS_ACTION, HoldState.DECLINED}:
            await self._attempts.look(hold, at)

    async def resend(self, payment: PaymentId, at: datetime) -> Payment:
        """Ask the patient again, by the same link. Raises `UnknownPayment`, `NothingToPay`, `TooSoon`."""
        async with self._outbox.committing() as tx:
            claim = await self._claim(tx, payment)
            if claim.asked_at is not None and at - claim.asked_at < _RESENT_AFTER:
                raise TooSoon
            if claim.state is not PaymentState.PENDING:
                return await self._settlement.move(tx, claim, PaymentEvent.ASKED, at)
            await self._outbox.add(tx, PaymentChanged(claim.consultation, claim.id, claim.state, at))
            return await rows.change_payment(tx, claim, {"asked_at": at})

    async def cancel(self, payment: PaymentId, at: datetime) -> Payment:
        """Give the claim up. Raises `UnknownPayment`, `NothingToPay` (paid, or never asked for) or `ProviderSilent`.

        The forms that the patient may have before them are closed at the provider first: who has just paid has paid.
        A claim of which a part was paid is paid by that: the rest is given up.
        """
        closing: list[OperationId] = []
        async with self._outbox.committing() as tx:
            await self._claim(tx, payment)
            for hold in await rows.holds_of(tx, payment):
                operation = await self._settlement.release(tx, hold, at)
                closing += [operation] if operation is not None else []
        for operation in closing:
            await self._operations.run(operation)
        async with self._outbox.committing() as tx:
            claim = await self._claim(tx, payment)
            if any(_can_pay(hold) for hold in await rows.holds_of(tx, payment)):
                raise ProviderSilent
            event = PaymentEvent.REST_GIVEN_UP if claim.paid else PaymentEvent.CANCELLED
            return await self._settlement.move(tx, claim, event, at)

    async def overdue(self, payment: PaymentId, at: datetime) -> datetime | None:
        """Note that nobody has paid in time. Returns when to come back, None when there is no more to do."""
        async with self._outbox.committing() as tx:
            claim = await rows.payment(tx, payment, lock=True)
            if claim is None or claim.state not in {PaymentState.PENDING, PaymentState.FAILED} or claim.due_by is None:
                return None
            if claim.due_by > at:
                return claim.due_by
            await self._settlement.move(tx, claim, PaymentEvent.OVERDUE, at)
        return None

    async def _known(self, tx: AsyncConnection, payment: PaymentId, *, lock: bool = False) -> Payment:
        found = await rows.payment(tx, payment, lock=lock) if is_id(payment, Prefix.PAYMENT) else None
        if found is None:
            raise UnknownPayment
        return found

    async def _claim(self, tx: AsyncConnection, payment: PaymentId) -> Payment:
        """Return a payment that waits for its patient, locked. Raises `UnknownPayment` or `NothingToPay`."""
        claim = await self._known(tx, payment, lock=True)
        if claim.state not in _ASKED_FOR:
            raise NothingToPay
        return claim


def _can_pay(hold: Hold) -> bool:
    """Whether the attempt may still lead to a payment: unclear, or a form that was opened in this very moment."""
    return hold.state in _UNFINISHED or (hold.purpose is Purpose.CHARGE and releasable(hold))
