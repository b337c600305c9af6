"""What letters have to know of people, payments and consultations: the lookups of `app.correspondence`."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select

from agenda.io.service import Agenda
from agenda.people import Practitioner
from app.correspondence import Addressee, Appointment, Claim, Incomplete, Lookups, Printed
from billing.agreement import Payment
from billing.io.money_tables import accounts
from billing.io.service import Billing
from billing.kyc import banner
from billing.money import Money
from billing.patient_view import PatientState
from billing.payment import PaymentState
from billing.problems import UnknownPayment
from billing.receipt import NoReceipt, ReceiptKind
from lobby.io.service import Lobby
from notify.letters import Language
from store.ids import ConsultationId, PaymentId, PractitionerId, ReceiptId
from store.io.database import Database

# Who has just begun to open an account is in the middle of it: no letter yet.
PATIENCE = timedelta(days=1)
# Nobody has asked practitioners for theirs; it is also what a page begins with.
_PRACTITIONERS_LANGUAGE: Language = "fr"

_OWED = frozenset({PaymentState.PENDING, PaymentState.FAILED, PaymentState.UNPAID})


def lookups(
    database: Database,
    agenda: Agenda,
    billing: Billing,
    lobby: Lobby,
    site: str,
    translate: Callable[[Language, str], str],
) -> Lookups:
    """Return the lookups. `site` is the address that links begin with; `translate` gives a sentence of the pages."""
    directory = _Directory(database, agenda, billing, lobby, site, translate)
    return Lookups(directory.claim, directory.printed, directory.appointment, directory.incomplete)


class _Directory:
    def __init__(
        self,
        database: Database,
        agenda: Agenda,
        billing: Billing,
        lobby: Lobby,
        site: str,
        translate: Callable[[Language, str], str],
    ) -> None:
        self._database = database
        self._agenda = agenda
        self._billing = billing
        self._lobby = lobby
        self._site = site
        self._translate = translate

    async def claim(self, payment: PaymentId) -> Claim | None:
        found = await self._payment(payment)
        if found is None or found.state not in _OWED or not found.owed:
            return None
        addressee = await self._addressee(found)
        return Claim(addressee, Money(found.owed, found.currency), self._pay_page(payment)) if addressee else None

    async def printed(self, receipt: ReceiptId) -> Printed | None:
        try:
            found = await self._billing.receipts.receipt(receipt)
        except NoReceipt:
            return None
        payment = await self._payment(found.payment)
        addressee = await self._addressee(payment) if payment is not None else None
        if addressee is None:
            return None
        # The page of a payment shows its receipts as well, before and after it is paid.
        amount = Money(found.body.paid, found.body.currency)
        refund = found.body.kind is ReceiptKind.CREDIT_NOTE
        return Printed(addressee, amount, self._pay_page(found.payment), refund)

    async def appointment(self, consultation: ConsultationId, at: datetime) -> Appointment | None:
        planned = await self._agenda.consultation(consultation)
        if planned is None or planned.cancelled_at or planned.ended_at or planned.planned_end <= at:
            return None
        if (await self._billing.holds.view(consultation, at)).state is not PatientState.EXPIRED:
            return None
        payment = await self._billing.invoices.payment_of(consultation)
        who = await self._agenda.practitioner(planned.practitioner)
        if payment is None or who is None:
            return None
        token = await self._lobby.invite(consultation, at)
        url = f"{self._site}/join#{token}"
        return Appointment(_addressed(payment, who), url, planned.starts_at, who.time_zone, payment.id)

    async def incomplete(self, at: datetime) -> Sequence[Incomplete]:
        lacking = select(accounts.c.practitioner).where(
            accounts.c.missing != "[]", ~accounts.c.can_payout, accounts.c.created_at <= at - PATIENCE
        )
        async with self._database.reading() as tx:
            names = list((await tx.execute(lacking.order_by(accounts.c.practitioner))).scalars())
        found = [await self._incomplete(PractitionerId(name)) for name in names]
        return [account for account in found if account is not None]

    async def _incomplete(self, practitioner: PractitionerId) -> Incomplete | None:
        who = await self._agenda.practitioner(practitioner)
        account = await self._billing.connect.account_of(practitioner)
        if who is None or account is None:
            return None
        language = _PRACTITIONERS_LANGUAGE
        missing = tuple(
            self._translate(language, item.sentence).format(item=item.item) for item in banner(account.kyc.missing)
        )
        return Incomplete(practitioner, who.email, language, missing, f"{self._site}/payments")

    async def _payment(self, payment: PaymentId) -> Payment | None:
        try:
            return await self._billing.invoices.payment(payment)
        except UnknownPayment:
            return None

    async def _addressee(self, payment: Payment) -> Addressee | None:
        who = await self._agenda.practitioner(payment.practitioner)
        return _addressed(payment, who) if who is not None else None

    def _pay_page(self, payment: PaymentId) -> str:
        return f"{self._site}/pay#{self._billing.invoices.pay_token(payment)}"


def _addressed(payment: Payment, who: Practitioner) -> Addressee:
    language = cast("Language", payment.language if payment.language in {"fr", "en"} else _PRACTITIONERS_LANGUAGE)
    return Addressee(payment.patient_email, language, who.name)
