"""A practice on a real database behind the real application, and what a test does to it."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from agenda.consultation import Consultation
from agenda.io.administrators import Administrators
from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from agenda.people import Practitioner
from app.people import PEOPLE
from billing.agreement import When
from billing.gateway import Account, Answer, BalanceTransaction, CreateAccount, Found, Operation
from billing.io.fact_log import FactLog
from billing.io.service import Billing
from billing.io.settings import BillingSettings
from billing.sandbox.io.server import Sandbox
from billing.tariff import Basis, Tariff
from lobby.io.service import Lobby
from store.ids import ConsultationId, PractitionerId
from tests.billing.gateway_double import GatewayDouble
from tests.billing.till import Till

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"
FIXED = Tariff("EUR", Basis.FIXED, fixed=8000)
PER_MINUTE = Tariff("EUR", Basis.PER_MINUTE, per_minute=200)
AT_END = Tariff("EUR", Basis.AT_END, fixed=5000, cap=10_000)
VISA = "4242424242424242"


class Provider(GatewayDouble):
    """The provider in memory, with the accounts that practitioners have there."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.accounts: dict[str, Account] = {}

    def ask(
        self, practitioner: PractitionerId, *missing: str, can_charge: bool = True, can_payout: bool = True
    ) -> None:
        """Have the provider ask a practitioner for something."""
        account = next(one for one in self.accounts.values() if one.reference == practitioner)
        self.accounts[account.id] = Account(
            account.id, practitioner, can_charge, can_payout, missing=missing, currency=account.currency
        )

    async def find(self, account: str, name: str) -> Found:
        if name in self.accounts and not self.silent:
            return self.accounts[name]
        return await super().find(account, name)

    async def transactions(self, account: str, since: datetime) -> AsyncIterator[BalanceTransaction]:  # noqa: ARG002
        """What was taken and given back, with the fees of European cards: 1.5 % and 0.25."""
        for one in list(self.intents.values()):
            if one.account == account and one.charge_transaction:
                card = (one.received * 15 + 500) // 1000 + 25
                yield self._moved(one.charge_transaction, account, "charge", one.received, card + one.fee, one.fee)
        for given in self.refunds.values():
            if given.account == account:
                yield self._moved(given.transaction, account, "refund", -given.amount, 0, 0)

    def _moved(self, name: str, account: str, kind: str, amount: int, fee: int, commission: int) -> BalanceTransaction:
        at = self._now()
        return BalanceTransaction(name, account, kind, amount, fee, amount - fee, commission, "EUR", name, at, at)

    def _do(self, operation: Operation) -> Answer:
        answer = super()._do(operation)
        if isinstance(operation, CreateAccount) and isinstance(answer, Account):
            self.accounts[answer.id] = answer
        return answer


@dataclass
class WebTill(Till):
    """Billing as `tests.billing.till` has it, with the agenda's people and a test's settings."""

    currency: str = "EUR"
    sandbox: Sandbox | None = None

    def process(self) -> Billing:
        return Billing(
            self.database,
            self.outbox,
            self.gateway,
            FactLog(self.database),
            self.key,
            lambda: self.at,
            BillingSettings(install="test", currency=self.currency, vat_note="TVA non applicable"),
            PEOPLE,
        )


@dataclass
class Practice:
    """What a test acts on and looks at."""

    agenda: Agenda
    credentials: Credentials
    administrators: Administrators
    lobby: Lobby
    owner: Practitioner
    other: Practitioner
    till: WebTill
    client: TestClient[Any, Any] = None  # type: ignore[assignment]
    ready: list[tuple[str, bool]] = field(default_factory=lambda: [("database", True), ("workers", True)])
    logged_out: list[tuple[PractitionerId, str | None]] = field(default_factory=list)
    renewed: list[tuple[str, str]] = field(default_factory=list)
    cancelled: list[ConsultationId] = field(default_factory=list)
    gauges: dict[str, float] = field(default_factory=lambda: {"visavis_calls_open": 2.0})
    host_since: datetime | None = None
    patient_seconds: int = 0

    @property
    def at(self) -> datetime:
        return self.till.at

    @at.setter
    def at(self, at: datetime) -> None:
        self.till.at = at

    @property
    def sandbox(self) -> Sandbox | None:
        """The sandbox; None where the provider in memory stands for a real one."""
        return self.till.sandbox

    @property
    def billing(self) -> Billing:
        return self.till.billing

    def later(self, **by: float) -> None:
        self.at += timedelta(**by)

    # -- who asks --------------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    async def session(self, practitioner: Practitioner) -> str:
        return await self.credentials.start_session(practitioner.id, self.at)

    async def as_(self, practitioner: Practitioner) -> dict[str, str]:
        return {"Cookie": f"visavis={await self.session(practitioner)}"}

    async def as_administrator(self) -> dict[str, str]:
        known = await self.administrators.id_of("dominique@example.org")
        return {"Cookie": f"visavis-admin={await self.administrators.start_session(known, self.at)}"}

    async def key(self, practitioner: Practitioner | None) -> dict[str, str]:
        key = await self.credentials.create_key("test", practitioner.id if practitioner else None, self.at)
        return {"Authorization": f"Bearer {key}"}

    # -- consultations ---------------------------------------------------------------------------------------

    async def plan(self, who: Practitioner | None = None, name: str = "Jeanne Dupont", **by: float) -> Consultation:
        starts_at = self.at + timedelta(**by)
        return await self.agenda.plan((who or self.owner).id, name, starts_at, 30, self.at)

    async def priced(
        self,
        tariff: Tariff = FIXED,
        when: When = When.HOLD,
        *,
        who: Practitioner | None = None,
        name: str = "Jeanne Dupont",
        locked: bool = False,
        **by: float,
    ) -> Consultation:
        made = await self.plan(who, name, **by)
        seconds = made.minutes * 60
        await self.billing.prices.set(
            made.id, made.practitioner, tariff, when, made.starts_at, seconds, self.at, locked=locked
        )
        return made

    async def invitation(self, consultation: Consultation) -> str:
        return await self.lobby.invite(consultation.id, self.at)

    async def connect(self, who: Practitioner) -> str:
        """Have the practitioner be paid: an account at the provider that lacks nothing."""
        account = await self.billing.connect.begin(who.id, who.email, "FR", self.at)
        if self.sandbox is not None:
            self.sandbox.require(account.id, ())
            await self.billing.connect.look(who.id, self.at)
        return account.id

    async def agree(self, consultation: Consultation) -> None:
        """The patient agrees to the price, by the name that the practitioner knows."""
        view = await self.billing.holds.view(consultation.id, self.at)
        name = consultation.patient_name
        await self.billing.holds.agree(consultation.id, name, "jeanne@example.org", "fr", None, view.most, self.at)

    async def held(self, consultation: Consultation, card: str = VISA) -> None:
        """The patient agrees and enters a card."""
        await self.agree(consultation)
        if self.sandbox is None:
            await self.till.enter_card(consultation.id)
            return
        form = await self.billing.holds.begin(consultation.id, self.at)
        assert form is not None
        self.sandbox.enter_card(form.client_secret.partition("_secret_")[0], card)
        await self.billing.holds.look(consultation.id, self.at)

    async def owed(self, consultation: Consultation, amount: int = 8000, seconds: int = 60) -> str:
        """The patient has agreed to pay afterwards, and now owes that amount. Returns the payment's id."""
        await self.agree(consultation)
        await self.till.talk(consultation.id, seconds)
        return (await self.billing.invoices.confirm(consultation.id, amount, self.at)).id

    async def paid(self, consultation: Consultation, amount: int = 8000, seconds: int = 60) -> str:
        """Held, met, confirmed and taken. Returns the payment's id."""
        await self.held(consultation)
        await self.till.talk(consultation.id, seconds)
        payment = (await self.billing.invoices.confirm(consultation.id, amount, self.at)).id
        while await self.billing.run(self.at):
            pass
        return payment

    # -- requests --------------------------------------------------------------------------------------------

    async def get(self, path: str, headers: dict[str, str] | None = None) -> ClientResponse:
        return await self.client.get(path, headers=headers, allow_redirects=False)

    async def seen(self, path: str, headers: dict[str, str] | None = None) -> str:
        """Return a page as it is seen: without the data for its scripts, which hold every sentence there is."""
        html = await (await self.get(path, headers)).text()
        return "".join(part.partition("</script>")[2] or part for part in html.split("<script"))

    async def form(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> ClientResponse:
        """Send a form as a page of ours does."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        return await self.client.post(path, data=fields, headers={**own, **(headers or {})}, allow_redirects=False)

    async def script(self, path: str, body: object, headers: dict[str, str] | None = None) -> ClientResponse:
        """Send JSON as a script of ours does."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": self.origin}
        return await self.client.post(path, json=body, headers={**own, **(headers or {})}, allow_redirects=False)

    async def log_in(self, email: str, password: str, headers: dict[str, str] | None = None) -> ClientResponse:
        return await self.form("/login", headers, email=email, password=password)
