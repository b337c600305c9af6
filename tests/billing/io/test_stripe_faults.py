"""What the gateway makes of refusals, faults and silence."""

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
import pytest

from billing.gateway import (
    AuthoriseCard,
    CaptureHold,
    CreateAccount,
    GatewayBusy,
    GatewayRefused,
    GatewayUnclear,
    NoSuchObject,
)
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox import records
from billing.sandbox.io.faults import Fault
from tests.billing.io.stripe_practice import ALWAYS_ASKS, Practice, opened_practice, raw


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    async with opened_practice() as practice:
        yield practice


@pytest.mark.parametrize("name", ["sbx_pi_none", "pi_1", "sbx_seti_none", "sbx_re_1", "sbx_du_1", "sbx_po_1", "what"])
async def test_what_is_not_there_is_not_found(practice: Practice, name: str) -> None:
    with pytest.raises(NoSuchObject):
        await practice.gateway.find(practice.account, name)


async def test_another_account_s_hold_is_not_found(practice: Practice) -> None:
    hold = await practice.hold()
    other = await practice.gateway.perform(CreateAccount("practitioner-2", "q@practice.example", "FR", "EUR"), "k2")
    with pytest.raises(NoSuchObject):
        await practice.gateway.find(other.id, hold.id)
    with pytest.raises(GatewayRefused):
        await practice.gateway.perform(CaptureHold(other.id, hold.id, 10_000, "EUR", 0), "k3")


HOLD = AuthoriseCard("", "hold-1", 10_000, "EUR", capture=False, customer="")


@pytest.mark.parametrize(
    ("fault", "error", "done"),
    [
        (Fault.FAIL_BEFORE, GatewayUnclear, 0),
        (Fault.FAIL_AFTER, GatewayUnclear, 1),
        (Fault.DROP_BEFORE, GatewayUnclear, 0),
        (Fault.DROP_AFTER, GatewayUnclear, 1),
        (Fault.BUSY, GatewayBusy, 0),
        (Fault.KEY_IN_USE, GatewayBusy, 0),
    ],
)
async def test_faults_are_unclear_or_busy_and_are_not_repeated_by_the_sdk(
    practice: Practice, fault: Fault, error: type[Exception], done: int
) -> None:
    practice.sandbox.faults.order(fault, "/v1/payment_intents")
    with pytest.raises(error) as met:
        await practice.gateway.perform(msgspec.structs.replace(HOLD, account=practice.account), "k")
    assert isinstance(met.value, GatewayBusy) == (error is GatewayBusy)
    assert len(practice.sandbox.books.intents) == done


@pytest.mark.parametrize("fault", [Fault.FAIL_BEFORE, Fault.DROP_BEFORE, Fault.DROP_AFTER, Fault.BUSY])
async def test_the_same_key_repairs_a_lost_answer(practice: Practice, fault: Fault) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    practice.sandbox.faults.order(fault, "/v1/payment_intents")
    with pytest.raises(GatewayUnclear):
        await practice.gateway.perform(asked, "k")
    await practice.gateway.perform(asked, "k")
    assert len(practice.sandbox.books.intents) == 1
    assert len(list(practice.sandbox.books.all(records.Customer))) == 1


async def test_a_500_is_given_again_under_its_key_and_the_object_is_found_by_reference(practice: Practice) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    practice.sandbox.faults.order(Fault.FAIL_AFTER, "/v1/payment_intents")
    for _ in range(2):
        with pytest.raises(GatewayUnclear):
            await practice.gateway.perform(asked, "k")
    (found,) = await practice.gateway.find_by_reference(practice.account, "hold-1", practice.sandbox.now())
    assert found.id == practice.sandbox.books.intents[0].id


async def test_a_server_that_says_nothing_is_unclear(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    practice.sandbox.faults.order(Fault.HANG_AFTER, "/v1/payment_intents")
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    monkeypatch.setattr(practice.gateway._http, "_timeout", 0.2)
    with pytest.raises(GatewayUnclear):
        await practice.gateway.perform(asked, "k")
    assert len(practice.sandbox.books.intents) == 1


async def test_nobody_listening_is_unclear(practice: Practice) -> None:
    alone = StripeGateway("sk_sandbox_x", "pk", webhook_secrets=("a", "b"), url="http://127.0.0.1:9")
    with pytest.raises(GatewayUnclear):
        await alone.perform(HOLD, "k")
    await alone.close()


async def test_the_same_key_with_another_amount_is_unclear(practice: Practice) -> None:
    asked = msgspec.structs.replace(HOLD, account=practice.account)
    await practice.gateway.perform(asked, "k")
    with pytest.raises(GatewayUnclear, match="idempotency_error"):
        await practice.gateway.perform(msgspec.structs.replace(asked, amount=10_001), "k")


async def test_a_wrong_key_is_refused(practice: Practice) -> None:
    for key in ("sk_sandbox_wrong", "sk_live_1"):
        wrong = StripeGateway(key, "pk", webhook_secrets=("a", "b"), url=practice.sandbox.url)
        with pytest.raises(GatewayRefused):
            await wrong.perform(msgspec.structs.replace(HOLD, account=practice.account), "k")
        await wrong.close()


async def test_parameters_that_stripe_does_not_know_are_refused(practice: Practice) -> None:
    with pytest.raises(AssertionError, match="parameter_unknown"):
        await raw(practice, "/v1/customers", colour="red")


async def test_neither_errors_nor_logs_tell_secrets(practice: Practice, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    first = await practice.hold(card=ALWAYS_ASKS)
    asked = AuthoriseCard(
        practice.account, "r", 500, "EUR", capture=False, customer=first.customer, payment_method=first.payment_method
    )
    with pytest.raises(GatewayRefused) as refused:
        await practice.gateway.perform(asked, "k")
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "_secret_" not in repr(refused.value) + str(refused.value) + caplog.text
    assert practice.sandbox.secret_key not in caplog.text


async def test_requests_of_many_at_once_keep_apart(practice: Practice) -> None:
    asked = [
        AuthoriseCard(practice.account, f"row-{number}", 5_000 + number, "EUR", capture=False) for number in range(20)
    ]
    made = await asyncio.gather(*(practice.gateway.perform(one, one.reference) for one in asked))
    assert [intent.reference for intent in made] == [one.reference for one in asked]


async def test_an_answer_that_says_something_new_is_unclear(practice: Practice) -> None:
    hold = await practice.hold()
    kept = practice.sandbox.books.known(records.PaymentIntent, hold.id)
    practice.sandbox.books.put(msgspec.structs.replace(kept, status="half_way"))
    with pytest.raises(GatewayUnclear, match="unreadable_payment_intent"):
        await practice.gateway.find(practice.account, hold.id)
