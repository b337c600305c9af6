"""A practice that is paid: billing on a database, the sandbox as its provider, and a clock that tests set."""

import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import msgspec
from sqlalchemy import literal, select

from billing.agreement import Payment, When
from billing.io.fact_log import FactLog
from billing.io.people import People
from billing.io.service import Billing
from billing.io.settings import BillingSettings
from billing.receipt import Issuer
from billing.sandbox import disputes, records
from billing.sandbox.io.server import Sandbox
from billing.sandbox.io.webhooks import signature
from billing.sandbox.records import Event
from billing.sandbox.shapes import shown
from billing.tariff import Basis, Tariff
from store.bus import Bus
from store.facts import CallEnded, CallOpened, LegConnected, LegLost, Stamp
from store.ids import CallId, ConsultationId, LegId, PaymentId, PractitionerId, Prefix, Seat
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.entropy import new_id
from store.io.outbox import Outbox

KEY = b"a key for tests of thirty-two by"
VISA = "4242424242424242"
DISPUTED = "4000000000000259"


async def _issuer_of(_tx, practitioner: str) -> Issuer:
    return Issuer(f"Dr {practitioner}", time_zone="Europe/Paris")


def _consultations_of(practitioner: str):
    return select(literal("con_").label("consultation"), literal(practitioner).label("patient"))


PEOPLE = People(_issuer_of, _consultations_of)


class Clock:
    """Time stands still until a test moves it."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at


class Practice:
    """One practitioner with an account. What the patient and the bank do is done in the sandbox."""

    def __init__(self, database: Database, sandbox: Sandbox, clock: Clock, bus: Bus | None = None) -> None:
        self.database = database
        self.sandbox = sandbox
        self.clock = clock
        self.outbox = Outbox(database, bus or LocalBus())
        self.gateway = sandbox.gateway()
        self.billing = Billing(
            database,
            self.outbox,
            self.gateway,
            FactLog(database),
            KEY,
            clock,
            BillingSettings(install="test", vat_note="TVA non applicable"),
            PEOPLE,
        )
        self.practitioner = PractitionerId("pra_AAAAAAAAAAAAAAAAAAAAAA")

    async def close(self) -> None:
        await self.outbox.deliver()
        await self.gateway.close()

    @property
    def at(self) -> datetime:
        return self.clock.at

    async def connect(self) -> str:
        account = await self.billing.connect.begin(self.practitioner, "camille@example.org", "FR", self.at)
        return account.id

    async def agreed(self, fixed: int = 10000, when: When = When.HOLD, currency: str = "EUR") -> Payment:
        """A patient has agreed to the price of a consultation that begins now."""
        consultation = ConsultationId(new_id(Prefix.CONSULTATION))
        tariff = Tariff(currency, Basis.FIXED, fixed=fixed)
        begins = self.at + timedelta(minutes=5)
        await self.billing.prices.set(consultation, self.practitioner, tariff, when, begins, 1800, self.at)
        return await self.billing.holds.agree(
            consultation, "Alex Dupont", "alex@example.org", "fr", None, fixed, self.at
        )

    async def held(self, fixed: int = 10000, card: str = VISA) -> Payment:
        payment = await self.agreed(fixed)
        form = await self.billing.holds.begin(payment.consultation, self.at)
        self.enter(form.client_secret, card)
        await self.billing.holds.look(payment.consultation, self.at)
        await self.meet(payment.consultation)
        return payment

    async def meet(self, consultation: ConsultationId) -> None:
        """Both are connected for a moment: what is held may be captured."""
        call = CallId(new_id(Prefix.CALL))
        await self.billing.calls.opened(CallOpened(call, consultation, self.at))
        boot = f"boot of {call}"
        came = [
            LegConnected(call, LegId(f"leg_{seat}"), seat, Stamp(boot, seq, 0, self.at))
            for seq, seat in enumerate(Seat, 1)
        ]
        went = [
            LegLost(call, LegId(f"leg_{seat}"), seat, 1, Stamp(boot, seq, 1, self.at))
            for seq, seat in enumerate(Seat, 3)
        ]
        await self.billing.facts.append([*came, *went])
        await self.billing.calls.ended(CallEnded(call, consultation, "hung_up", self.at))

    async def paid(self, fixed: int = 10000, card: str = VISA) -> Payment:
        """A consultation that was held, confirmed and captured."""
        payment = await self.held(fixed, card)
        await self.billing.invoices.confirm(payment.consultation, fixed, self.at)
        return await self.payment(payment.id)

    async def asked(self, fixed: int = 10000) -> tuple[Payment, str]:
        """A consultation to be paid by the link, with its card form open; returns the form's secret too."""
        payment = await self.agreed(fixed, When.AFTER)
        await self.billing.invoices.confirm(payment.consultation, fixed, self.at)
        form = await self.billing.invoices.pay_form(payment.id, self.at)
        return await self.payment(payment.id), form.client_secret

    async def payment(self, payment: PaymentId) -> Payment:
        return await self.billing.invoices.payment(payment)

    def enter(self, client_secret: str, card: str = VISA) -> None:
        """The patient types a card into the form."""
        self.sandbox.enter_card(client_secret.partition("_secret_")[0], card)

    def answer_dispute(self, evidence: str) -> None:
        """The bank decides on every dispute that is open: `winning_evidence` or `losing_evidence`."""
        for dispute in list(self.sandbox.books.all(records.Dispute)):
            if dispute.status == "needs_response":
                asked = disputes.AnswerDispute(evidence=disputes.Evidence(uncategorized_text=evidence))
                disputes.answer(self.sandbox.books, dispute.account, dispute.id, asked, self.sandbox.now())

    def pass_time(self, **span: float) -> None:
        self.clock.at += timedelta(**span)
        self.sandbox.advance(timedelta())

    # -- webhooks, carried by hand ---------------------------------------------------------------------------

    def letters(self, since: int = 0) -> list[tuple[bytes, str, bool]]:
        """Every event so far, from the `since`th on, as it is posted: body, signature, and whether to Connect's end."""
        return [self.letter(event) for event in list(self.sandbox.books.all(Event))[since:]]

    def letter(self, event: Event, sent_at: float | None = None) -> tuple[bytes, str, bool]:
        body = msgspec.json.encode(shown(event, self.sandbox.books))
        account_secret, connect_secret = self.sandbox.webhook_secrets
        secret = connect_secret if event.account else account_secret
        return body, signature(body, secret, int(time.time() if sent_at is None else sent_at)), bool(event.account)

    async def post(self, letters: Iterable[tuple[bytes, str, bool]]) -> None:
        for body, signed, connect in letters:
            await self.billing.inbox.receive(body, signed, connect=connect, at=self.at)

    async def work(self) -> None:
        """Do what is due until nothing is left."""
        while await self.billing.run(self.at):
            pass


@asynccontextmanager
async def opened_practice(database: Database, at: datetime, state: Path | None = None) -> AsyncIterator[Practice]:
    """Give a practice whose practitioner is connected."""
    clock, sandbox = Clock(at), Sandbox()
    await sandbox.start(state, clock)
    practice = Practice(database, sandbox, clock)
    try:
        await practice.connect()
        yield practice
    finally:
        await practice.close()
        await sandbox.close()
