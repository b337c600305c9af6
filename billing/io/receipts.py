"""Receipts of one database. A number is given in the transaction that needs it: who rolls back leaves no gap."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, Row, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.io.money_tables import coupons, organisations, payments, receipt_series, receipts, refunds
from billing.io.people import IssuerOf
from billing.receipt import NoReceipt, ReceiptBody, ReceiptKind, decoded, encoded, printed_number, series
from billing.tariff import Tariff
from store.facts import ReceiptIssued
from store.ids import ConsultationId, PaymentId, PractitionerId, Prefix, ReceiptId, is_id
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox

# A statement takes so many parameters only.
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Receipt:
    """A numbered receipt, as it was issued."""

    id: ReceiptId
    payment: PaymentId
    practitioner: PractitionerId
    body: ReceiptBody


class Receipts:
    """`vat_note` is printed on each (in France « TVA non applicable, article 261-4-1° du CGI »)."""

    def __init__(self, database: Database, outbox: Outbox, issuer_of: IssuerOf, vat_note: str = "") -> None:
        self._database = database
        self._outbox = outbox
        self._issuer_of = issuer_of
        self._vat_note = vat_note

    async def issue_paid(self, tx: AsyncConnection, payment: PaymentId, at: datetime) -> ReceiptId | None:
        """Return the new receipt of what was paid, numbered within the transaction; None when all of it has one.

        There is a second one only where a part was given back, and so needed a receipt, before the rest was paid.
        """
        row = await _payment(tx, payment)
        wanted = select(receipts.c.body).where(receipts.c.payment == payment, receipts.c.kind == ReceiptKind.RECEIPT)
        before = [decoded(body).paid for body in (await tx.execute(wanted)).scalars()]
        paid = row.paid - sum(before)
        if paid <= 0:
            return None
        body = await self._body(tx, row, ReceiptKind.RECEIPT, paid, at)
        return await self._issue(tx, row, f"{payment}/{len(before) + 1}" if before else payment, body, at)

    async def issue_refund(self, tx: AsyncConnection, refund: str, at: datetime) -> ReceiptId | None:
        """Return the new credit note of a refund, numbered within the transaction; None when it has one."""
        back = (await tx.execute(select(refunds).where(refunds.c.id == refund))).one()
        # Of a claim that is not paid in full, what was paid has no receipt yet.
        await self.issue_paid(tx, back.payment, at)
        row = await _payment(tx, back.payment)
        body = await self._body(tx, row, ReceiptKind.CREDIT_NOTE, back.amount, at)
        original = await tx.scalar(select(receipts.c.body).where(receipts.c.reference == back.payment))
        body = msgspec.structs.replace(body, of=decoded(original).number if original else "", reason=back.reason)
        return await self._issue(tx, row, refund, body, at)

    async def of_payment(self, payment: str) -> tuple[Receipt, ...]:
        """Return a payment's receipt and credit notes, oldest first."""
        return await self._found(receipts.c.payment == payment)

    async def of_payments(self, names: Collection[str]) -> dict[PaymentId, list[Receipt]]:
        """Return each payment's receipt and credit notes, oldest first; a payment without any is not in it."""
        every, found = list(names), defaultdict[PaymentId, list[Receipt]](list)
        for first in range(0, len(every), _BATCH):
            for one in await self._found(receipts.c.payment.in_(every[first : first + _BATCH])):
                found[one.payment].append(one)
        return dict(found)

    async def receipt(self, receipt: str) -> Receipt:
        """Return one receipt. Raises `NoReceipt`."""
        if is_id(receipt, Prefix.RECEIPT) and (found := await self._found(receipts.c.id == receipt)):
            return found[0]
        raise NoReceipt(receipt)

    async def _found(self, condition: ColumnElement[bool]) -> tuple[Receipt, ...]:
        wanted = (
            select(receipts, payments.c.practitioner)
            .join(payments, payments.c.id == receipts.c.payment)
            .where(condition)
            .order_by(receipts.c.issued_at, receipts.c.series, receipts.c.number)
        )
        async with self._database.reading() as tx:
            rows = (await tx.execute(wanted)).all()
        return tuple(
            Receipt(ReceiptId(row.id), PaymentId(row.payment), PractitionerId(row.practitioner), decoded(row.body))
            for row in rows
        )

    async def _body(
        self, tx: AsyncConnection, row: Row[*tuple[object, ...]], kind: ReceiptKind, paid: int, at: datetime
    ) -> ReceiptBody:
        heads: dict[str, str] = msgspec.json.decode(row.heads, type=dict[str, str]) if row.heads else {}
        return ReceiptBody(
            number="",
            kind=kind,
            issued_at=at,
            issuer=await self._issuer_of(tx, PractitionerId(row.practitioner)),
            patient=row.patient_name,
            consultation=row.consultation,
            starts_at=row.starts_at,
            currency=row.currency,
            tariff=msgspec.json.decode(row.tariff, type=Tariff),
            seconds=row.seconds or 0,
            price=row.price or 0,
            covered=row.covered or 0,
            waived=(row.waived or 0) + row.given_up,
            due=(row.due or 0) - row.given_up,
            paid=paid,
            card=row.card,
            organisation=await _organisation(tx, row.coupon) if row.covered else "",
            no_show=row.no_show,
            vat_note=self._vat_note,
            heads=tuple(sorted(heads.items())),
        )

    async def _issue(
        self, tx: AsyncConnection, row: Row[*tuple[object, ...]], reference: str, body: ReceiptBody, at: datetime
    ) -> ReceiptId | None:
        name = series(row.practitioner, at, body.issuer.time_zone)
        last = await _locked(tx, name)
        # Looked up under the series' lock: of two that issue the same receipt the second sees the first's.
        if await tx.scalar(select(receipts.c.id).where(receipts.c.reference == reference)) is not None:
            return None
        number = last + 1
        await tx.execute(update(receipt_series).where(receipt_series.c.series == name).values(last=number))
        receipt = ReceiptId(new_id(Prefix.RECEIPT))
        body = msgspec.structs.replace(body, number=printed_number(name, number))
        await tx.execute(
            insert(receipts).values(
                id=receipt,
                series=name,
                number=number,
                kind=body.kind,
                reference=reference,
                payment=row.id,
                body=encoded(body),
                issued_at=at,
            )
        )
        consultation = ConsultationId(row.consultation)
        await self._outbox.add(tx, ReceiptIssued(consultation, PaymentId(row.id), receipt, at))
        return receipt


async def _locked(tx: AsyncConnection, name: str) -> int:
    """Return the series' last number; no other transaction gets it before this one has ended."""
    wanted = select(receipt_series.c.last).where(receipt_series.c.series == name).with_for_update()
    last: int | None = await tx.scalar(wanted)
    if last is not None:
        return last
    try:
        async with tx.begin_nested():
            await tx.execute(insert(receipt_series).values(series=name, last=0))
    except IntegrityError:
        # Another transaction began the series, and has committed: its row is there to be locked.
        return int((await tx.execute(wanted)).scalar_one())
    return 0


async def _payment(tx: AsyncConnection, payment: str) -> Row[*tuple[object, ...]]:
    return (await tx.execute(select(payments).where(payments.c.id == payment))).one()


async def _organisation(tx: AsyncConnection, coupon: str | None) -> str:
    name = (
        select(organisations.c.name)
        .join(coupons, coupons.c.organisation == organisations.c.id)
        .where(coupons.c.id == coupon)
    )
    return await tx.scalar(name) or ""
