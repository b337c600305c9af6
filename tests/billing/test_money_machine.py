"""A consultation's money against a provider with bad days: whatever happens in whatever order, the sums agree."""

import asyncio
import os
import tempfile
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from billing import hold as holds
from billing import invoice
from billing import payment as payments
from billing.agreement import CardForm, Hold, Payment, Purpose, When
from billing.fees import commission
from billing.gateway import Intent, IntentState
from billing.hold import HoldState
from billing.money import BadAmount
from billing.payment import PaymentState
from billing.problems import Problem
from billing.settling import event_of
from billing.tariff import Tariff
from store.io.database import Database
from tests.billing.gateway_double import Trouble
from tests.billing.providers import AtSandbox, InMemory, Provider
from tests.billing.till import AT_END, FIXED, PER_MINUTE, Till
from tests.migrated import migrated_file

BEGIN = datetime(2026, 11, 22, 10, tzinfo=UTC)
WEEK = timedelta(days=7)

OUTCOMES = st.sampled_from(["visa", "visa", "visa", "mastercard", "declined", "action", "jcb"])
SPANS = st.sampled_from([timedelta(seconds=2), timedelta(minutes=2), timedelta(minutes=2), timedelta(hours=25), WEEK])
# What ends the story is rare, so that most stories are long.
SELDOM = st.integers(0, 7).map(lambda number: number == 7)


class Money(RuleBasedStateMachine):
    """One consultation, its patient, its practitioner, and the provider."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory(prefix="visavis-money-")
        self.database = self.run(Database.open(f"sqlite:///{migrated_file(Path(self.folder.name) / 'money.sqlite3')}"))
        self.provider = self.run(self.opened_provider(lambda: self.till.at if hasattr(self, "till") else BEGIN))
        self.till = Till(self.database, self.provider.gateway, BEGIN)
        self.run(self.till.open_account(self.provider.account))
        self.final: dict[str, str] = {}
        self.news: list[Intent] = []
        self.talked = False
        self.shown: set[str] = set()

    async def opened_provider(self, now: Callable[[], datetime]) -> Provider:
        return InMemory(now)

    def teardown(self) -> None:
        try:
            if hasattr(self, "consultation"):
                self.in_the_end_everything_agrees()
        finally:
            self.run(self.till.billing.operations.close())
            self.run(self.provider.close())
            self.run(self.database.close())
            self.runner.close()
            self.folder.cleanup()

    def run(self, doing: Coroutine[Any, Any, Any]) -> Any:
        return self.runner.run(doing)

    def ask(self, doing: Coroutine[Any, Any, Any]) -> Any:
        """Ask for something that may be refused; a refusal changes nothing, which the invariants see."""
        try:
            answer = self.run(doing)
        except (Problem, BadAmount):
            return None
        if isinstance(answer, CardForm):
            self.shown.add(self.till.intent(answer.client_secret))
        return answer

    def payment(self) -> Payment | None:
        return self.run(self.till.invoices.payment_of(self.consultation))

    def attempts(self) -> list[Hold]:
        return self.run(self.till.attempts(self.consultation)) if self.payment() is not None else []

    # -- before the call -------------------------------------------------------------------------------------

    @initialize(
        tariff=st.sampled_from([PER_MINUTE, FIXED, AT_END]),
        when=st.sampled_from([When.HOLD, When.HOLD, When.HOLD, When.AFTER]),
        days=st.sampled_from([0, 0, 0, 3, 8]),
        coupon=st.sampled_from([0, 0, 0, 30, 100]),
        increments=st.booleans(),
    )
    def plan(self, tariff: Tariff, when: When, days: int, coupon: int, increments: bool) -> None:
        if isinstance(self.provider, InMemory):
            self.provider.gateway.increments = increments
        self.consultation = self.run(self.till.priced(tariff, when, starts_in=timedelta(days=days, minutes=5)))
        if coupon:
            self.run(self.till.billing.coupons.create("ENTREPRISE", "Acme", self.till.at, percent=coupon, most_uses=1))
        self.ask(self.till.agree(self.consultation, "ENTREPRISE" if coupon else None))

    @rule()
    def show_form(self) -> None:
        self.ask(self.till.holds.begin(self.consultation, self.till.at))

    @rule(which=st.integers(0, 5), outcome=OUTCOMES, looks=st.booleans())
    def enter_a_card(self, which: int, outcome: str, looks: bool) -> None:
        payment = self.payment()
        if payment is None:
            return
        if payment.state is PaymentState.DRAFT:
            self.show_form()
        else:
            self.ask(self.till.invoices.pay_form(payment.id, self.till.at))
        # Nobody has a form that was never shown, and a tab may keep an old one open.
        if forms := [form for form in self.provider.forms() if form in self.shown]:
            self.provider.enter(forms[which % len(forms)], outcome)
        if looks:
            self.look()

    @rule()
    def look(self) -> None:
        self.ask(self.till.holds.look(self.consultation, self.till.at))
        if (payment := self.payment()) is not None:
            self.ask(self.till.invoices.look_paid(payment.id, self.till.at))

    @rule(amount=st.sampled_from([1, 500, 3000]))
    def extend(self, amount: int) -> None:
        self.ask(self.till.holds.extend(self.consultation, amount, self.till.at))

    @rule(really=SELDOM)
    def call_off(self, really: bool) -> None:
        if really:
            self.ask(self.till.invoices.call_off(self.consultation, self.till.at))

    # -- the call and its end --------------------------------------------------------------------------------

    @precondition(lambda self: not self.run(self.till.holds.obstacles(self.consultation, self.till.at)))
    @rule(seconds=st.sampled_from([0, 1, 61, 600, 1500, 4000]))
    def talk(self, seconds: int) -> None:
        self.talked = True
        self.run(self.till.talk(self.consultation, seconds))

    @rule(amount=st.sampled_from([None, 1, 2500, 5000, 9000]), really=SELDOM)
    def enter(self, amount: int | None, really: bool) -> None:
        if really:
            self.ask(self.till.invoices.enter(self.consultation, amount, self.till.at))

    @rule(amount=st.sampled_from([None, None, None, 1234, 5000, 0]), by_link=st.booleans(), early=SELDOM)
    def confirm(self, amount: int | None, by_link: bool, early: bool) -> None:
        if self.talked or early:
            self.ask(self.till.invoices.confirm(self.consultation, amount, self.till.at, by_link=by_link))

    @rule(charge=st.booleans(), really=SELDOM)
    def no_show(self, charge: bool, really: bool) -> None:
        if really:
            self.till.at += timedelta(minutes=10)
            self.ask(self.till.invoices.no_show(self.consultation, charge, self.till.at))

    @rule(asked=st.sampled_from(["resend", "cancel"]), really=SELDOM)
    def claim(self, asked: str, really: bool) -> None:
        if really and (payment := self.payment()) is not None:
            self.ask(getattr(self.till.invoices, asked)(payment.id, self.till.at))

    # -- the usual way ---------------------------------------------------------------------------------------

    def step(self, outcome: str) -> None:
        """Do what comes next for people to whom nothing happens."""
        payment = self.payment()
        if payment is None:
            return
        if payment.state is not PaymentState.DRAFT or self.run(
            self.till.holds.obstacles(self.consultation, self.till.at)
        ):
            self.enter_a_card(0, outcome, looks=True)
        elif not self.talked:
            self.talk(1300)
        else:
            self.ask(self.till.invoices.confirm(self.consultation, None, self.till.at, by_link=True))

    # Two of the same, because hypothesis leaves rules out at random, and without this one little comes about.
    @rule(outcome=OUTCOMES)
    def go_on(self, outcome: str) -> None:
        self.step(outcome)

    @rule(steps=st.integers(1, 5))
    def go_far(self, steps: int) -> None:
        for _ in range(steps):
            self.step("visa")

    # -- the world -------------------------------------------------------------------------------------------

    @rule(troubles=st.lists(st.sampled_from(list(Trouble)), min_size=1, max_size=3))
    def trouble(self, troubles: list[Trouble]) -> None:
        self.provider.trouble(*troubles)

    @rule(silent=SELDOM, asks=st.booleans())
    def mood(self, silent: bool, asks: bool) -> None:
        self.provider.mood(silent=silent, asks=asks)

    @rule(span=SPANS)
    def wait(self, span: timedelta) -> None:
        self.till.at += span
        self.run(self.till.billing.jobs.run(self.till.at))

    @rule()
    def another_process(self) -> None:
        self.till.billing = self.till.process()

    @rule(which=st.integers(0, 50))
    def old_news(self, which: int) -> None:
        """Webhooks in any order, as often as they like: what they lead to was looked up at some time or other."""
        if self.news:
            self.run(self._settle(self.news[which % len(self.news)]))

    async def _settle(self, intent: Intent) -> None:
        async with self.till.outbox.committing() as tx:
            await self.till.holds.settle(tx, intent, self.till.at)

    # -- what always holds -----------------------------------------------------------------------------------

    @invariant()
    def sums_agree(self) -> None:
        self.news += [one for one in self.run(self.provider.intents()) if one not in self.news]
        if not hasattr(self, "consultation") or (payment := self.payment()) is None:
            return
        attempts = self.attempts()
        taken = sum(attempt.captured for attempt in attempts)
        assert payment.paid == taken
        assert taken <= self.provider.received()
        for attempt in attempts:
            assert 0 <= attempt.fee <= attempt.captured <= attempt.amount
        assert 0 <= payment.given_up <= (payment.due or 0) - taken
        captures = self.provider.captures()
        assert len(captures) == len(set(captures))
        self._final_states_stay(payment, attempts)

    def _final_states_stay(self, payment: Payment, attempts: list[Hold]) -> None:
        now = {payment.id: str(payment.state)} | {attempt.id: str(attempt.state) for attempt in attempts}
        assert now | self.final == now
        if payment.state in {PaymentState.PAID, *payments.FINAL}:
            self.final[payment.id] = payment.state
        self.final |= {attempt.id: attempt.state for attempt in attempts if attempt.state in holds.FINAL}

    @invariant()
    def what_was_invoiced_can_be_recomputed(self) -> None:
        if not hasattr(self, "consultation") or (payment := self.payment()) is None or payment.invoiced_at is None:
            return
        assert invoice.same_as_invoiced(payment, self.run(self.till.invoices.recompute(payment.id)))
        assert payment.price == (payment.covered or 0) + (payment.waived or 0) + (payment.due or 0)

    def in_the_end_everything_agrees(self) -> None:
        self.provider.calm()
        for span in (timedelta(seconds=1), timedelta(minutes=2), timedelta(hours=1), timedelta(hours=24)):
            for _ in range(6):
                self.till.at += span
                self.run(self.till.billing.jobs.run(self.till.at))
        self.sums_agree()
        payment = self.payment()
        if payment is None:
            return
        assert payment.paid == self.provider.received()
        for attempt in self.attempts():
            self._as_the_provider_has_it(payment, attempt)
        assert payment.state is not PaymentState.PROCESSING
        if payment.state is PaymentState.PAID:
            assert payment.claim == payment.paid > 0
            assert payment.commission == commission(payment.paid, self.till.billing.settings.rates, "EUR")

    def _as_the_provider_has_it(self, payment: Payment, attempt: Hold) -> None:
        assert attempt.state not in {HoldState.CREATING, HoldState.CAPTURING, HoldState.RELEASING, HoldState.UNKNOWN}
        if attempt.intent is None:
            assert attempt.state is HoldState.DECLINED
            return
        intent = self.run(self.till.gateway.find(attempt.account, attempt.intent))
        shown = event_of(attempt.purpose, intent)
        assert attempt.captured == intent.received
        if shown is not None and attempt.purpose is not Purpose.CARD and not attempt.declined:
            assert holds.TRANSITIONS.get((attempt.state, shown), attempt.state) is attempt.state
        held = attempt.purpose is Purpose.HOLD and intent.state is IntentState.HELD
        assert not held or payment.state is PaymentState.DRAFT


class MoneyAtSandbox(Money):
    """The same through Stripe's SDK: serialisation, error mapping and idempotency are those of production."""

    async def opened_provider(self, now: Callable[[], datetime]) -> Provider:
        return await AtSandbox.opened(now)


TestMoney, TestMoneyAtSandbox = Money.TestCase, MoneyAtSandbox.TestCase
STORIES = int(os.environ.get("VISAVIS_MONEY_STORIES", "12"))  # as many as one has time for
USUAL = settings(max_examples=STORIES, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck))
TestMoney.settings, TestMoneyAtSandbox.settings = USUAL, settings(USUAL, max_examples=max(STORIES // 2, 1))
