"""Finding a payment for an administrator: by its receipt's number, by an id, or among the newest."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, exists, func, select

from billing.aftermath import AT_THE_BANK, COUNTED
from billing.io.money_tables import disputes, payments, receipts, refunds
from billing.money import Money
from billing.payment import PaymentState
from store.ids import ConsultationId, PaymentId, PractitionerId
from store.io.database import Database

MOST_FOUND = 100


@dataclass(frozen=True, slots=True)
class FoundPayment:
    """A payment as an administrator sees it: what it is about medically is not their business.

    `given_back`: what was refunded, with the refunds that are under way. `at_the_bank`: the patient's bank has the
    money, or may take it.
    """

    id: PaymentId
    consultation: ConsultationId
    practitioner: PractitionerId
    patient: str
    state: PaymentState
    paid: Money
    refunded: Money
    given_back: Money
    at_the_bank: bool
    created_at: datetime

    @property
    def refundable(self) -> Money:
        """What may still be given back."""
        return Money(0, self.paid.currency) if self.at_the_bank else self.paid - self.given_back


class PaymentSearch:
    """The payments of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, text: str) -> list[FoundPayment]:
        """Return the payments with that receipt number or id, or the newest 100 for an empty text; newest first."""
        words = text.strip()
        given_back = (
            select(func.coalesce(func.sum(refunds.c.amount), 0))
            .where(refunds.c.payment == payments.c.id, refunds.c.state.in_(sorted(COUNTED)))
            .scalar_subquery()
        )
        at_the_bank = exists().where(disputes.c.payment == payments.c.id, disputes.c.state.in_(sorted(AT_THE_BANK)))
        wanted = select(payments, given_back.label("given_back"), at_the_bank.label("at_the_bank"))
        wanted = wanted.order_by(payments.c.created_at.desc(), payments.c.id).limit(MOST_FOUND)
        if words:
            series, _, digits = words.rpartition("-")
            number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 10 else -1
            of_receipt = select(receipts.c.payment).where(receipts.c.series == series, receipts.c.number == number)
            wanted = wanted.where(
                (payments.c.id == words) | (payments.c.consultation == words) | payments.c.id.in_(of_receipt)
            )
        async with self._database.reading() as tx:
            return [_found(row) for row in (await tx.execute(wanted)).all()]


def _found(row: Row[Any]) -> FoundPayment:
    return FoundPayment(
        id=row.id,
        consultation=row.consultation,
        practitioner=row.practitioner,
        patient=row.patient_name,
        state=PaymentState(row.state),
        paid=Money(row.paid, row.currency),
        refunded=Money(row.refunded, row.currency),
        given_back=Money(int(row.given_back), row.currency),
        at_the_bank=bool(row.at_the_bank),
        created_at=row.created_at,
    )
