"""Billing on a real database and a provider in memory, with the steps that tests have in common."""

import itertools
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from billing.agreement import Hold, Payment, When
from billing.gateway import Intent
from billing.io import rows
from billing.io.fact_log import FactLog
from billing.io.money_tables import accounts, gateway_operations, payments
from billing.io.people import People
from billing.io.service import Billing
from billing.io.settings import BillingSettings
from billing.receipt import Issuer
from billing.tariff import Basis, Tariff
from store.facts import BothAlive, CallEnded, CallOpened, Fact, LegConnected, LegLost, MediaFact, Stamp
from store.ids import CallId, ConsultationId, LegId, PractitionerId, Prefix, Seat
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox

PER_MINUTE = Tariff("EUR", Basis.PER_MINUTE, per_minute=200)
FIXED = Tariff("EUR", Basis.FIXED, fixed=8000)
AT_END = Tariff("EUR", Basis.AT_END, cap=10_000)
ACCOUNT = "acct_1"
MINUTES_20 = 1200


class ListeningBus:
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[Fact] = []

    def subscribe(self, kind, handler):
        raise NotImplementedError

    async def publish(self, fact: Fact) -> None:
        self.heard.append(fact)


async def _issuer(tx: AsyncConnection, practitioner: PractitionerId) -> Issuer:
    return Issuer("Dr Claude Martin")


@dataclass
class Till:
    """`gateway` is most often a `GatewayDouble`; `at` is everybody's clock; `process` gives another one on the same."""

    database: Database
    gateway: Any
    at: datetime
    bus: ListeningBus = field(default_factory=ListeningBus)
    practitioner: PractitionerId = field(default_factory=lambda: PractitionerId(new_id(Prefix.PRACTITIONER)))
    key: bytes = b"a key for tests of thirty-two by"

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.database, self.bus)
        self.billing = self.process()
        self.boots = itertools.count(1)

    def process(self) -> Billing:
        """Return billing as another process has it."""
        return Billing(
            self.database,
            self.outbox,
            self.gateway,
            FactLog(self.database),
            self.key,
            lambda: self.at,
            BillingSettings(install="test"),
            People(_issuer, lambda _: select(payments.c.consultation, payments.c.id.label("patient"))),
        )

    @property
    def holds(self):
        return self.billing.holds

    @property
    def invoices(self):
        return self.billing.invoices

    def wait(self, **span: float) -> None:
        self.at += timedelta(**span)

    async def open_account(self, account: str = ACCOUNT, *, can_charge: bool = True) -> None:
        row = {
            "practitioner": self.practitioner,
            "id": account,
            "state": "open",
            "can_charge": can_charge,
            "can_payout": can_charge,
            "missing": "[]",
            "currency": "EUR",
            "created_at": self.at,
        }
        async with self.database.transaction() as tx:
            await tx.execute(insert(accounts).values(row))

    async def priced(
        self,
        tariff: Tariff = PER_MINUTE,
        when: When = When.HOLD,
        *,
        starts_in: timedelta = timedelta(minutes=10),
        planned_seconds: int = MINUTES_20,
        locked: bool = False,
    ) -> ConsultationId:
        consultation = ConsultationId(new_id(Prefix.CONSULTATION))
        starts_at = self.at + starts_in
        await self.billing.prices.set(
            consultation, self.practitioner, tariff, when, starts_at, planned_seconds, self.at, locked=locked
        )
        return consultation

    async def agree(self, consultation: ConsultationId, coupon: str | None = None) -> Payment:
        view = await self.holds.view(consultation, self.at)
        return await self.holds.agree(consultation, "Alex Dupont", "alex@example.org", "fr", coupon, view.most, self.at)

    async def agreed(self, tariff: Tariff = PER_MINUTE, when: When = When.HOLD, **more) -> ConsultationId:
        consultation = await self.priced(tariff, when, **more)
        await self.agree(consultation)
        return consultation

    async def enter_card(self, consultation: ConsultationId, **card) -> Intent | None:
        """Do as the patient does: the form, the card, the page that looks."""
        form = await self.holds.begin(consultation, self.at)
        if form is None:
            return None
        intent = self.intent(form.client_secret)
        self.gateway.enter_card(intent, **card)
        await self.holds.look(consultation, self.at)
        return self.gateway.intents[intent]

    async def held(self, tariff: Tariff = PER_MINUTE, **more) -> ConsultationId:
        consultation = await self.agreed(tariff, **more)
        await self.enter_card(consultation)
        return consultation

    def intent(self, client_secret: str) -> str:
        return client_secret.partition("_secret_")[0]

    async def talk(self, consultation: ConsultationId, seconds: int, *, unheard: int = 0) -> CallId:
        """A call in which both were heard for so long; 0: the patient never came.

        `unheard`: so many of the last facts have not arrived yet.
        """
        call = CallId(new_id(Prefix.CALL))
        await self.billing.calls.opened(CallOpened(call, consultation, self.at))
        if seconds:
            story = self.story(call, seconds)
            await self.billing.facts.append(story[: len(story) - unheard])
        self.wait(seconds=seconds)
        await self.billing.calls.ended(CallEnded(call, consultation, "hung_up", self.at))
        return call

    def story(self, call: CallId, seconds: int) -> list[MediaFact]:
        boot = f"boot{next(self.boots)}{call}"

        def stamp(seq: int, second: int) -> Stamp:
            return Stamp(boot, seq, second * 1000, self.at + timedelta(seconds=second))

        legs = {seat: LegId(f"leg_{seat}") for seat in Seat}
        return [
            LegConnected(call, legs[Seat.PRACTITIONER], Seat.PRACTITIONER, stamp(1, 0)),
            LegConnected(call, legs[Seat.PATIENT], Seat.PATIENT, stamp(2, 0)),
            BothAlive(call, seconds * 1000, stamp(3, seconds)),
            LegLost(call, legs[Seat.PATIENT], Seat.PATIENT, seconds * 1000, stamp(4, seconds)),
            LegLost(call, legs[Seat.PRACTITIONER], Seat.PRACTITIONER, seconds * 1000, stamp(5, seconds)),
        ]

    async def payment(self, consultation: ConsultationId) -> Payment:
        found = await self.invoices.payment_of(consultation)
        assert found is not None
        return found

    async def attempts(self, consultation: ConsultationId) -> list[Hold]:
        payment = await self.payment(consultation)
        async with self.database.reading() as tx:
            return await rows.holds_of(tx, payment.id)

    async def operations(self) -> list[tuple[str, str]]:
        async with self.database.reading() as tx:
            every = select(gateway_operations.c.kind, gateway_operations.c.state).order_by(
                gateway_operations.c.created_at, gateway_operations.c.id
            )
            return [(row.kind, row.state) for row in (await tx.execute(every)).all()]

    async def settle(self, *, turns: int = 40, seconds: float = 30) -> None:
        """Let time pass until nothing is under way."""
        for _ in range(turns):
            await self.billing.jobs.run(self.at)
            self.wait(seconds=seconds)
        await self.outbox.deliver()

    async def facts(self, kind: type[Fact]) -> list[Fact]:
        await self.outbox.deliver()
        return [fact for fact in self.bus.heard if isinstance(fact, kind)]
