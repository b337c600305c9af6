"""Monitoring and earnings, read from the tables of money."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.earnings import EARNING, Earnings, Movement, Session, earnings
from billing.io.money_tables import billed_calls, entries, payments, postings
from billing.io.people import ConsultationsOf
from billing.ledger import PostingKind
from billing.money import Money
from billing.monitoring import Filter, MonitoringRow, shown_seconds, states_of
from billing.payment import PaymentState
from billing.payout import PayoutState
from store.ids import PractitionerId
from store.io.database import Database


class Reports:
    """The reports of one database."""

    def __init__(self, database: Database, consultations_of: ConsultationsOf) -> None:
        self._database = database
        self._consultations_of = consultations_of

    async def monitoring(
        self, practitioner: PractitionerId, start: datetime, end: datetime, filters: Collection[Filter] = ()
    ) -> list[MonitoringRow]:
        """Return a practitioner's consultations that began in [start, end), newest first; no filter shows all.

        A patient who did not come may owe something nevertheless: then the moment of the invoice counts.
        """
        begun = _begun(start, end)
        invoiced_at = func.coalesce(payments.c.invoiced_at, payments.c.created_at)
        unmet = (
            (invoiced_at >= start)
            & (invoiced_at < end)
            & (payments.c.state != PaymentState.DRAFT)
            & payments.c.consultation.not_in(select(billed_calls.c.consultation))
        )
        wanted = select(payments).where(
            payments.c.practitioner == practitioner, payments.c.consultation.in_(begun) | unmet
        )
        async with self._database.reading() as tx:
            calls = await self._calls(tx, practitioner, begun)
            paid = {row.consultation: row for row in (await tx.execute(wanted)).all()}
        shown = states_of(filters)
        rows = [_row(name, calls.get(name, ()), paid.get(name)) for name in {*calls, *paid}]
        return sorted((row for row in rows if row.state in shown), key=lambda row: (row.at, row.consultation))[::-1]

    async def earnings(
        self, practitioner: PractitionerId, since: datetime, until: datetime, time_zone: str
    ) -> Earnings:
        """Return what a practitioner earned in [since, until), with the true fees, and the sessions of that time."""
        begun = _begun(since, until)
        lines = (
            select(postings.c.id, postings.c.kind, postings.c.at, payments.c.id.label("payment"))
            .add_columns(payments.c.patient_name, entries.c.account, entries.c.amount, entries.c.currency)
            .join(payments, payments.c.id == postings.c.payment)
            .join(entries, entries.c.posting == postings.c.id)
            .where(
                payments.c.practitioner == practitioner,
                postings.c.kind.in_(sorted(EARNING)),
                postings.c.at >= since,
                postings.c.at < until,
            )
        )
        async with self._database.reading() as tx:
            calls = await self._calls(tx, practitioner, begun)
            booked = (await tx.execute(lines)).all()
        by_posting: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        for line in booked:
            by_posting[line.id].append(line)
        sessions = [
            Session(name, of_it[0].patient, of_it[0].opened_at, _seconds(of_it)) for name, of_it in calls.items()
        ]
        return earnings(map(_movement, by_posting.values()), sessions, time_zone)

    async def _calls(
        self, tx: AsyncConnection, practitioner: PractitionerId, begun: Select[Any]
    ) -> dict[str, Sequence[Row[Any]]]:
        """Return each consultation's calls, in their order, with the patient's name."""
        theirs = self._consultations_of(practitioner).subquery()
        wanted = (
            select(billed_calls, theirs.c.patient)
            .join(theirs, theirs.c.consultation == billed_calls.c.consultation)
            .where(billed_calls.c.consultation.in_(begun))
            .order_by(billed_calls.c.opened_at, billed_calls.c.call)
        )
        calls: defaultdict[str, list[Row[Any]]] = defaultdict(list)
        for row in (await tx.execute(wanted)).all():
            calls[row.consultation].append(row)
        return dict(calls)


def _begun(start: datetime, end: datetime) -> Select[Any]:
    """Return the consultations whose first call opened in [start, end)."""
    first = func.min(billed_calls.c.opened_at)
    return (
        select(billed_calls.c.consultation)
        .group_by(billed_calls.c.consultation)
        .having((first >= start) & (first < end))
    )


def _row(consultation: str, calls: Sequence[Row[Any]], paid: Row[Any] | None) -> MonitoringRow:
    state = PaymentState.NO_PAYMENT if paid is None else PaymentState(paid.state)
    started_at: Any = calls[0].opened_at if calls else None
    at: datetime = started_at if paid is None else started_at or paid.invoiced_at or paid.created_at
    ended = [call.ended_at for call in calls if call.ended_at is not None]
    over = len(ended) == len(calls)
    return MonitoringRow(
        consultation=consultation,
        at=at,
        started_at=started_at,
        ended_at=max(ended) if ended and over else None,
        seconds=_seconds(calls) if ended and over else None,
        patient=paid.patient_name if paid is not None else calls[0].patient,
        state=state,
        payout=PayoutState.NONE if paid is None else PayoutState(paid.payout),
        payment="" if paid is None else paid.id,
        amount=_amount(state, paid),
        refunded=Money(paid.refunded, paid.currency) if paid is not None and paid.refunded else None,
        heads=_heads(paid),
        addressed=paid is None or bool(paid.patient_email),
    )


def _amount(state: PaymentState, paid: Row[Any] | None) -> Money | None:
    if paid is None or state is PaymentState.NO_PAYMENT:
        return None
    minor = paid.entered if state is PaymentState.DRAFT else paid.due
    if minor is not None and paid.paid:
        minor -= paid.given_up
    return None if minor is None else Money(minor, paid.currency)


def _heads(paid: Row[Any] | None) -> tuple[str, ...]:
    if paid is None or not paid.heads:
        return ()
    heads = msgspec.json.decode(paid.heads, type=dict[str, str])
    return tuple(f"{call}:{head}" for call, head in sorted(heads.items()))


def _seconds(calls: Iterable[Row[Any]]) -> int:
    return sum(shown_seconds(call.opened_at, call.ended_at) for call in calls if call.ended_at is not None)


def _movement(lines: Sequence[Row[Any]]) -> Movement:
    """Return what a posting earned, in the currency of the balance: what the practitioner was paid in."""
    head = lines[0]
    sums: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        sums[line.account.partition(":")[0], line.currency] += line.amount
    currency = next(line.currency for line in lines if line.account.startswith("balance:"))
    card_fee, commission = sums["fees", currency], sums["commission", currency]
    platform = sum(line.amount for line in lines if line.account == "balance:platform")
    net = sums["balance", currency] - platform
    return Movement(
        head.at,
        PostingKind(head.kind),
        head.payment,
        head.patient_name,
        currency,
        net + card_fee + commission,
        card_fee,
        commission,
    )
