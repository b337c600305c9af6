"""What a web process does by itself with money, as `app.upkeep` has it; it may be killed at any seam."""

import random
from datetime import datetime

from sqlalchemy import func, select

from app.correspondence import Addressee, Claim, Correspondence, Lookups, Printed
from billing.agreement import Payment
from billing.io.fact_log import FactLog
from billing.io.money_tables import gateway_operations, notices
from billing.io.service import Billing
from billing.io.settings import BillingSettings
from billing.money import Money
from billing.operation import OPEN
from billing.payment import PaymentState
from billing.sandbox.io.gateway import SandboxGateway
from notify.io.post import Post
from store.ids import PaymentId, ReceiptId
from store.io.bus import LocalBus
from store.io.outbox import Outbox
from store.io.tables import due_jobs
from store.io.tables import outbox as outbox_table
from tests.billing.crash.clock import Clock
from tests.billing.crash.plan import CONSULTATION, Plan
from tests.billing.crash.provider import Provider
from tests.billing.crash.seams import SeamedDatabase, SeamedGateway, Seams
from tests.billing.practice import KEY, PEOPLE

ASKED_FOR = {PaymentState.PENDING, PaymentState.FAILED, PaymentState.UNPAID}
OWED = {*ASKED_FOR, PaymentState.PROCESSING}
_TURNS = 80


class Stuck(Exception):
    """Tried again and again, and nothing came of it."""


class WebProcess:
    """Billing and the letters on one database, the provider behind its gateway."""

    def __init__(
        self,
        plan: Plan,
        database: SeamedDatabase,
        gateway: SandboxGateway,
        provider: Provider,
        clock: Clock,
        seams: Seams,
    ) -> None:
        self.plan, self.database, self.provider, self.clock, self.seams = plan, database, provider, clock, seams
        bus = LocalBus()
        self.outbox = Outbox(database, bus)
        self.facts = FactLog(database)
        self.billing = Billing(
            database,
            self.outbox,
            SeamedGateway(gateway, seams),  # type: ignore[arg-type]
            self.facts,
            KEY,
            clock,
            BillingSettings(install="crash"),
            PEOPLE,
        )
        self.letters = Correspondence(database, Post(database), Lookups(self._claim, self._printed, _nothing, _nobody))
        self.billing.subscribe(bus)
        self.letters.subscribe(bus)
        # What comes in which order differs from process to process, and is the same in each run of the seed.
        self.chance = random.Random(f"{plan.seed} {clock().isoformat()}")  # noqa: S311

    @property
    def at(self) -> datetime:
        return self.clock()

    async def turn(self) -> None:
        """Do what is due, once."""
        self.seams.doing = "by itself"
        await self.outbox.deliver()
        await self._hear()
        self.seams.doing = "by itself"
        await self.billing.run(self.at)
        await self.letters.run(self.at)
        await self.outbox.deliver()

    async def rest(self) -> None:
        """Let time pass until nothing is left to do. Raises `Stuck`."""
        for _ in range(_TURNS):
            await self.turn()
            if await self._quiet():
                return
            self.clock.wait(seconds=61)
        raise Stuck("never quiet")

    async def payment(self) -> Payment:
        found = await self.billing.invoices.payment_of(CONSULTATION)
        assert found is not None
        return found

    async def _hear(self) -> None:
        """The provider's notices come, several times and in any order; each until we have said that we have it."""
        self.seams.doing = "notice"
        letters = self.provider.ask("letters") * self.plan.copies
        self.chance.shuffle(letters)
        for name, body, signed, connect in letters:
            await self.billing.inbox.receive(body.encode(), signed, connect=connect, at=self.at)
            self.provider.ask("taken", names=[name])

    async def _quiet(self) -> bool:
        counts = (
            select(func.count()).select_from(gateway_operations).where(gateway_operations.c.state.in_(sorted(OPEN))),
            select(func.count()).select_from(notices).where(notices.c.handled_at.is_(None)),
            select(func.count()).select_from(outbox_table).where(~outbox_table.c.delivered),
            select(func.count()).select_from(due_jobs).where(due_jobs.c.due_at <= self.at, due_jobs.c.kind != "letter"),
        )
        async with self.database.reading() as tx:
            return not any([await tx.scalar(count) for count in counts]) and not self.provider.ask("letters")

    # -- what letters have to know ---------------------------------------------------------------------------

    async def _claim(self, payment: PaymentId) -> Claim | None:
        kept = await self.billing.invoices.payment(payment)
        if kept.state not in OWED:
            return None
        return Claim(Addressee(kept.patient_email, "fr", "Dr Martin"), Money(kept.owed, kept.currency), "/pay")

    async def _printed(self, receipt: ReceiptId) -> Printed:
        body = (await self.billing.receipts.receipt(receipt)).body
        refund = body.kind == "credit_note"
        return Printed(Addressee("alex@example.org", "fr", "Dr Martin"), Money(body.paid, body.currency), "/r", refund)


async def _nothing(*_: object) -> None:
    return None


async def _nobody(_: datetime) -> tuple[()]:
    return ()
