"""Invoices: from the reading during the call to the payment."""

from datetime import datetime

from billing.agreement import CardForm, Payment, Timeline
from billing.invoice import Reading
from billing.io.fact_log import FactLog
from billing.io.holds import Holds
from billing.io.settings import BillingSettings
from billing.tariff import Quote
from store.ids import ConsultationId, PaymentId
from store.io.database import Database
from store.io.outbox import Outbox


class Invoices:
    """Payments of one database."""

    def __init__(
        self,
        database: Database,
        outbox: Outbox,
        holds: Holds,
        facts: FactLog,
        key: bytes,
        settings: BillingSettings,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._holds = holds
        self._facts = facts
        self._key = key
        self._settings = settings

    async def payment(self, payment: PaymentId) -> Payment:
        """Return the payment. Raises `UnknownPayment`."""
        raise NotImplementedError

    async def payment_of(self, consultation: ConsultationId) -> Payment | None:
        """Return the consultation's payment, None when nobody has agreed to one."""
        raise NotImplementedError

    def pay_token(self, payment: PaymentId) -> str:
        """Return the token of the pay link `/pay#TOKEN`: the same each time."""
        raise NotImplementedError

    async def payment_of_token(self, token: str) -> Payment:
        """Return the payment that the link is for. Raises `UnknownPayment`."""
        raise NotImplementedError

    async def reading(self, consultation: ConsultationId, at: datetime) -> Reading | None:
        """Return what the calls come to so far; None for a consultation that is free."""
        raise NotImplementedError

    async def enter(self, consultation: ConsultationId, amount: int | None, at: datetime) -> Reading:
        """Note the amount (minor units) that is to be charged instead of the metered one; None takes it back.

        Raises `PriceMissing`, `NotAgreed`, `BadAmount`, `AmountOverHolds`, `AlreadyInvoiced`, `PriceLocked`.
        """
        raise NotImplementedError

    async def confirm(self, consultation: ConsultationId, amount: int | None, at: datetime) -> Payment:
        """Freeze the amount (None: the entered or metered one) and take it: from the holds, else by a pay link.

        Raises what `enter` raises, `CallRunning`, or `NotAgreed`.
        """
        raise NotImplementedError

    async def no_show(
        self,
        consultation: ConsultationId,
        charge: bool,
        at: datetime,
        timeline: Timeline | None = None,
        amount: int | None = None,
    ) -> Payment:
        """Charge a patient who did not come, or let it be. `amount`: less than the planned price.

        Raises `NotANoShow`, `NotAgreed`, `AlreadyInvoiced`, `BadAmount`, `AmountOverHolds`.
        """
        raise NotImplementedError

    async def timeline(self, consultation: ConsultationId) -> Timeline | None:
        """Return what was kept with a no-show."""
        raise NotImplementedError

    async def pay_form(self, payment: PaymentId, at: datetime) -> CardForm:
        """Return the card form of a payment that waits for its patient; the same one as long as it is open.

        Raises `UnknownPayment`, `NothingToPay`, `NoAccount`, `ProviderSilent` or `ProviderRefused`.
        """
        raise NotImplementedError

    async def look_paid(self, payment: PaymentId, at: datetime) -> Payment:
        """Return the payment after asking the provider: called by the page after its card form."""
        raise NotImplementedError

    async def resend(self, payment: PaymentId, at: datetime) -> Payment:
        """Ask the patient again, by the same link. Raises `UnknownPayment`, `NothingToPay`, `TooSoon`."""
        raise NotImplementedError

    async def cancel(self, payment: PaymentId, at: datetime) -> Payment:
        """Give the claim up. Raises `UnknownPayment`, `NothingToPay` (paid, or never asked for) or `ProviderSilent`."""
        raise NotImplementedError

    async def recompute(self, payment: PaymentId) -> Quote:
        """Return the amount anew from the facts and the frozen tariff: what was invoiced, or something is wrong."""
        raise NotImplementedError
