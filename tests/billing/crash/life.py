"""A consultation's life, step by step. Each step looks what is done already, as people press again after a restart."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import func, select

from billing.agreement import Hold, When, live, to_hold
from billing.gateway import GatewayUnclear
from billing.hold import HoldState
from billing.io import rows
from billing.payment import PaymentState
from billing.problems import AlreadyCaptured, AlreadyInvoiced, NothingToPay, ProviderSilent
from store.facts import CallEnded, CallOpened, Fact
from store.io.tables import outbox
from tests.billing.crash.plan import (
    ADMINISTRATOR,
    CALL,
    CONSULTATION,
    DECLINES,
    MORE,
    PLANNED_SECONDS,
    PRACTITIONER,
    Kind,
)
from tests.billing.crash.web_process import ASKED_FOR, OWED, Stuck, WebProcess

_PRESSES = 30

Step = Callable[[], Awaitable[bool]]


class Life(WebProcess):
    """`live` returns when all is done and quiet. Raises `Stuck` when a step comes to nothing."""

    async def live(self) -> None:
        self.seams.doing = "start"
        await self.outbox.deliver()
        for step in self._steps():
            await self._press(step)
            self.clock.wait(seconds=5)
            if self.chance.random() < self.plan.prompt:
                await self.turn()
        await self.rest()

    async def _press(self, step: Step) -> None:
        for _ in range(_PRESSES):
            self.seams.doing = step.__name__
            try:
                if await step():
                    return
            except (ProviderSilent, GatewayUnclear):
                pass
            self.clock.wait(seconds=20)
            await self.turn()
        raise Stuck(step.__name__)

    # -- steps: each says whether it is done -----------------------------------------------------------------

    def _steps(self) -> list[Step]:
        plan = self.plan
        steps: list[Step] = [self.connect, self.price, self.agree]
        if plan.far:
            steps += [self.keep_card, self.day_comes]
        if plan.when is When.HOLD and plan.kind is not Kind.NO_SHOW:
            steps += [self.card]
        if plan.kind is Kind.NO_SHOW:
            steps += [self.charge_absent]
        else:
            steps += [self.open, self.report]
            steps += [self.extend] if plan.kind is Kind.EXTENDED else []
            steps += [self.enter] if plan.entered is not None else []
            steps += [self.report, self.end, self.confirm]
        steps += [self.pay] if plan.due else []
        return [*steps, self.give_back] if plan.refund != 0 else steps

    async def connect(self) -> bool:
        account = await self.billing.connect.begin(PRACTITIONER, "camille@example.org", "FR", self.at)
        return account.kyc.can_charge

    async def price(self) -> bool:
        if await self.billing.prices.of(CONSULTATION) is None:
            plan = self.plan
            await self.billing.prices.set(
                CONSULTATION, PRACTITIONER, plan.tariff, plan.when, plan.starts_at, PLANNED_SECONDS, self.at
            )
        return True

    async def agree(self) -> bool:
        most = (await self.billing.holds.view(CONSULTATION, self.at)).most
        await self.billing.holds.agree(CONSULTATION, "Alex Dupont", "alex@example.org", "fr", None, most, self.at)
        return True

    async def keep_card(self) -> bool:
        if not (await self.payment()).payment_method:
            await self._enter()
        return bool((await self.payment()).payment_method)

    async def day_comes(self) -> bool:
        self.clock.until(self.plan.starts_at - timedelta(hours=1))
        return True

    async def card(self) -> bool:
        if await self._over():
            return True
        if await self.billing.holds.obstacles(CONSULTATION, self.at):
            await self._enter()
        return not await self.billing.holds.obstacles(CONSULTATION, self.at)

    async def open(self) -> bool:
        await self._say_once(CallOpened(CALL, CONSULTATION, self.plan.starts_at))
        return True

    async def report(self) -> bool:
        """The workers' facts, in overlapping batches: what was not acknowledged is said again."""
        facts = self.plan.facts()
        for start in range(0, len(facts), 3):
            await self.facts.append(facts[max(0, start - 1) : start + 3])
        return True

    async def extend(self) -> bool:
        if await self._over():
            return True
        wanted = to_hold(await self.payment()) + MORE
        if sum(hold.amount for hold in live(await self._holds(), self.at)) < wanted:
            form = await self.billing.holds.extend(CONSULTATION, MORE, self.at)
            if form is not None:
                await self._type_card(form.client_secret)
                await self.billing.holds.look(CONSULTATION, self.at)
        return sum(hold.amount for hold in live(await self._holds(), self.at)) >= wanted

    async def enter(self) -> bool:
        """The practitioner notes the amount during the call: a machine may be away when they confirm it, for a day."""
        if not await self._over():
            await self.billing.invoices.enter(CONSULTATION, self.plan.entered, self.at)
        return True

    async def end(self) -> bool:
        await self._say_once(CallEnded(CALL, CONSULTATION, "hung_up", self.at))
        return True

    async def confirm(self) -> bool:
        try:
            await self.billing.invoices.confirm(CONSULTATION, self.plan.entered, self.at)
        except (AlreadyInvoiced, AlreadyCaptured):
            return True
        return True

    async def charge_absent(self) -> bool:
        self.clock.until(self.plan.starts_at + timedelta(minutes=25))
        try:
            await self.billing.invoices.no_show(CONSULTATION, True, self.at)
        except (AlreadyInvoiced, AlreadyCaptured):
            return True
        return True

    async def pay(self) -> bool:
        """The money is there by itself, or the patient has a link."""
        payment = await self.payment()
        if payment.state in ASKED_FOR:
            try:
                form = await self.billing.invoices.pay_form(payment.id, self.at)
            except NothingToPay:
                return False
            await self._type_card(form.client_secret)
        payment = await self.billing.invoices.look_paid(payment.id, self.at)
        return payment.state not in OWED

    async def give_back(self) -> bool:
        """An administrator sees what was given back already, and presses once."""
        payment = await self.payment()
        if not await self.billing.refunds.of_payment(payment.id):
            await self.billing.refunds.refund(payment.id, self.plan.refund, ADMINISTRATOR, "As agreed", self.at)
        return True

    # -- parts -----------------------------------------------------------------------------------------------

    async def _enter(self) -> None:
        form = await self.billing.holds.begin(CONSULTATION, self.at)
        if form is not None:
            await self._type_card(form.client_secret)
            await self.billing.holds.look(CONSULTATION, self.at)

    async def _type_card(self, client_secret: str) -> None:
        """The patient's browser speaks to the provider by itself; we may be dead by then."""
        tried = any(hold.state is HoldState.DECLINED for hold in await self._holds())
        number = DECLINES if self.plan.declined_first and not tried else self.plan.card
        self.provider.ask("card", intent=client_secret.partition("_secret_")[0], number=number)
        self.seams.at("card entered")

    async def _say_once(self, fact: Fact) -> None:
        said = select(func.count()).select_from(outbox).where(outbox.c.kind == type(fact).__name__)
        async with self.outbox.committing() as tx:
            if not await tx.scalar(said):
                await self.outbox.add(tx, fact)
        await self.outbox.deliver()

    async def _over(self) -> bool:
        """Whether the amount is confirmed: the waiting room is closed, and no more is held."""
        return (await self.payment()).state is not PaymentState.DRAFT

    async def _holds(self) -> list[Hold]:
        payment = await self.payment()
        async with self.database.reading() as tx:
            return await rows.holds_of(tx, payment.id)
