"""Holds, captures and pay links through Stripe's SDK, on the sandbox's clock and with its test cards."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from billing.agreement import CardForm, When
from billing.gateway import AuthoriseCard, CaptureHold, ReleaseHold
from billing.hold import HoldState
from billing.patient_view import PatientState
from billing.payment import PaymentState
from billing.problems import ProviderSilent
from billing.sandbox.errors import ApiError
from billing.sandbox.io.faults import Fault
from store.ids import ConsultationId
from store.io.database import Database
from tests.billing.providers import AtSandbox
from tests.billing.till import FIXED, PER_MINUTE, Till

_H, _P = HoldState, PaymentState
VISA, GROWING, ASKED_ONCE, ASKED_ALWAYS, POOR = (
    "4242424242424242",
    "5555555555554444",
    "4000002500003155",
    "4000002760003184",
    "4000000000009995",
)
# Where a time-out would take 20 s each, a connection that breaks says the same.
FAULTS = [Fault.FAIL_BEFORE, Fault.FAIL_AFTER, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BUSY, Fault.KEY_IN_USE]


class AtHome(Till):
    """The till with the sandbox as its provider."""

    provider: AtSandbox

    def enter(self, form: CardForm | None, number: str = VISA, *, authenticated: bool | None = None) -> None:
        assert form is not None
        self.provider.sandbox.advance(timedelta())
        self.provider.sandbox.enter_card(self.intent(form.client_secret), number, authenticated=authenticated)

    async def card(self, consultation: ConsultationId, number: str = VISA, **more: bool) -> None:
        self.enter(await self.holds.begin(consultation, self.at), number, **more)
        await self.holds.look(consultation, self.at)

    async def states(self, consultation: ConsultationId) -> list[HoldState]:
        return [hold.state for hold in await self.attempts(consultation)]


@pytest.fixture
async def till(database: Database, at) -> AsyncIterator[AtHome]:
    clock = [at]
    provider = await AtSandbox.opened(lambda: clock[-1].at if isinstance(clock[-1], Till) else at)
    till = AtHome(database, provider.gateway, at)
    clock.append(till)
    till.provider = provider
    await till.open_account(provider.account)
    yield till
    await provider.close()


async def test_3_d_secure_holds_when_the_patient_answers_their_bank(till: AtHome):
    consultation = await till.agreed()
    await till.card(consultation, ASKED_ALWAYS)
    assert await till.states(consultation) == [_H.NEEDS_ACTION]
    await till.card(consultation, ASKED_ALWAYS, authenticated=True)
    assert (await till.holds.view(consultation, till.at)).state is PatientState.READY
    await till.talk(consultation, 600)
    payment = await till.invoices.confirm(consultation, None, till.at)
    assert (payment.state, payment.paid, payment.commission) == (_P.PAID, 2000, 240)


async def test_a_declined_card_says_why_and_another_holds(till: AtHome):
    consultation = await till.agreed()
    with pytest.raises(ApiError):
        await till.card(consultation, POOR)
    view = await till.holds.look(consultation, till.at)
    assert (view.state, view.declined) == (PatientState.DECLINED, "insufficient_funds")
    await till.card(consultation)
    assert await till.states(consultation) == [_H.HELD]


async def test_a_card_kept_far_ahead_is_held_without_the_patient_where_it_may_be(till: AtHome):
    quiet, asked = [await till.agreed(starts_in=timedelta(days=8)) for _ in range(2)]
    await till.card(quiet, ASKED_ONCE, authenticated=True)
    await till.card(asked, ASKED_ALWAYS, authenticated=True)
    till.wait(days=8)
    assert await till.holds.begin(quiet, till.at) is None
    assert await till.holds.obstacles(quiet, till.at) == ()
    form = await till.holds.begin(asked, till.at)
    assert await till.holds.obstacles(asked, till.at) == ("hold",)
    till.enter(form, ASKED_ALWAYS, authenticated=True)
    await till.holds.look(asked, till.at)
    assert await till.holds.obstacles(asked, till.at) == ()


async def test_a_hold_is_raised_where_the_card_grows_and_else_a_second_one_made(till: AtHome):
    growing, other = [await till.agreed() for _ in range(2)]
    await till.card(growing, GROWING)
    assert await till.holds.extend(growing, 3000, till.at) is None
    assert [hold.amount for hold in await till.attempts(growing)] == [8000]
    await till.card(other)
    till.enter(await till.holds.extend(other, 3000, till.at))
    await till.holds.look(other, till.at)
    await till.talk(other, 2100)
    payment = await till.invoices.confirm(other, None, till.at)
    assert (payment.paid, payment.commission) == (7000, 840)


async def test_a_hold_lapses_on_the_providers_clock_and_is_authorised_again(till: AtHome):
    consultation = await till.agreed(PER_MINUTE, starts_in=timedelta(days=5))
    await till.card(consultation)
    till.wait(days=7, minutes=2)
    await till.settle(turns=2)
    assert await till.states(consultation) == [_H.EXPIRED]
    assert (await till.holds.view(consultation, till.at)).state is PatientState.EXPIRED
    assert await till.holds.begin(consultation, till.at) is None
    assert await till.holds.obstacles(consultation, till.at) == ()


async def test_nothing_is_released_and_not_captured(till: AtHome):
    consultation = await till.agreed()
    await till.card(consultation)
    await till.talk(consultation, 600)
    assert (await till.invoices.confirm(consultation, 0, till.at)).state is _P.NO_PAYMENT
    await till.settle(turns=2)
    assert await till.states(consultation) == [_H.RELEASED]
    assert till.provider.received() == 0


async def test_a_no_show_is_charged_on_the_kept_card_or_asked_for_by_a_link(till: AtHome):
    quiet, asked = [await till.agreed(FIXED, starts_in=timedelta(days=8)) for _ in range(2)]
    await till.card(quiet, ASKED_ONCE, authenticated=True)
    await till.card(asked, ASKED_ALWAYS, authenticated=True)
    till.wait(days=8, hours=1)
    assert (await till.invoices.no_show(quiet, True, till.at)).paid == 8000
    payment = await till.invoices.no_show(asked, True, till.at)
    assert payment.state is _P.PENDING
    till.enter(await till.invoices.pay_form(payment.id, till.at), ASKED_ALWAYS, authenticated=True)
    assert (await till.invoices.look_paid(payment.id, till.at)).state is _P.PAID


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", [AuthoriseCard, CaptureHold, ReleaseHold])
async def test_whatever_the_network_does_the_money_is_held_taken_and_freed_once(
    till: AtHome, kind: type[AuthoriseCard | CaptureHold | ReleaseHold], fault: Fault
):
    faults = till.provider.sandbox.faults
    paths = {AuthoriseCard: "/v1/payment_intents", CaptureHold: "*/capture", ReleaseHold: "*/cancel"}
    faults.order(fault, paths[kind])
    consultation = await till.agreed()
    for _ in range(5):
        try:
            await till.card(consultation)
        except ProviderSilent:
            till.wait(seconds=5)
        else:
            break
    await till.talk(consultation, 600)
    await till.invoices.confirm(consultation, 0 if kind is ReleaseHold else None, till.at)
    await till.settle()
    payment = await till.payment(consultation)
    wanted = (_P.NO_PAYMENT, 0) if kind is ReleaseHold else (_P.PAID, 2000)
    assert (payment.state, payment.paid) == wanted
    assert till.provider.received() == payment.paid
    assert len(till.provider.captures()) == (payment.paid > 0)
    over = {_H.RELEASED, _H.CAPTURED}
    assert set(await till.states(consultation)) <= over


async def test_a_pay_link_is_paid_once_though_the_answer_was_lost(till: AtHome):
    consultation = await till.agreed(FIXED, When.AFTER)
    await till.talk(consultation, 600)
    payment = await till.invoices.confirm(consultation, None, till.at)
    till.provider.sandbox.faults.order(Fault.DROP_AFTER, "/v1/payment_intents")
    with pytest.raises(ProviderSilent):
        await till.invoices.pay_form(payment.id, till.at)
    form = await till.invoices.pay_form(payment.id, till.at)
    till.enter(form)
    assert (await till.invoices.look_paid(payment.id, till.at)).state is _P.PAID
    await till.settle()
    assert till.provider.received() == 8000
    assert set(await till.states(consultation)) == {_H.CAPTURED, _H.RELEASED}
