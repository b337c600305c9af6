"""Accounts, payouts, disputes and lists through Stripe's own SDK, against the sandbox."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from billing.gateway import (
    Account,
    AuthoriseCard,
    BalanceTransaction,
    CaptureHold,
    Dispute,
    GatewayRefused,
    Payout,
    RefundCharge,
    SaveCard,
    Unreadable,
)
from billing.io.stripe_gateway import StripeGateway
from billing.sandbox import accounts, balance, records
from tests.billing.io.stripe_practice import LONG_AGO, Practice, opened_practice


@pytest.fixture
async def practice() -> AsyncIterator[Practice]:
    async with opened_practice() as practice:
        yield practice


async def test_mmp_48_an_account_pays_its_own_card_fees_and_says_what_is_missing(practice: Practice) -> None:
    made = practice.sandbox.books.known(records.Account, practice.account)
    assert made.controller["fees"] == {"payer": "account"}
    assert made.controller["losses"] == {"payments": "stripe"}
    found = await practice.gateway.find("", practice.account)
    assert isinstance(found, Account)
    assert (found.can_charge, found.can_payout, found.missing) == (True, False, accounts.DUE_AT_FIRST)
    assert found.reference == "practitioner-1"
    assert found.deadline is not None


async def test_payouts_and_what_they_consist_of(practice: Practice) -> None:
    for item in accounts.DUE_AT_FIRST:
        accounts.give(practice.sandbox.books, practice.account, item, practice.sandbox.now())
    for _ in range(2):
        await practice.capture(await practice.hold(), 10_000, 1_200, key=f"c{len(practice.sandbox.books.intents)}")
    practice.sandbox.advance(timedelta(days=8))
    (payout,) = [payout async for payout in practice.gateway.payouts(practice.account, LONG_AGO)]
    assert (payout.amount, payout.state, payout.reconciled) == (2 * 8_625, "in_transit", False)
    practice.sandbox.advance(timedelta(days=2))
    paid = await practice.gateway.find(practice.account, payout.id)
    assert isinstance(paid, Payout)
    assert (paid.state, paid.reconciled) == ("paid", True)
    parts = [t async for t in practice.gateway.transactions_of_payout(practice.account, payout.id)]
    assert sorted(part.net for part in parts) == [-17_250, 8_625, 8_625]
    assert {part.payout for part in parts} == {payout.id}


async def test_a_dispute_names_its_payment_and_its_movements(practice: Practice) -> None:
    hold = await practice.hold(card="4000000000000259")
    await practice.capture(hold, 10_000, 1_200)
    (name,) = [dispute.id for dispute in practice.sandbox.books.all(records.Dispute)]
    found = await practice.gateway.find(practice.account, name)
    assert isinstance(found, Dispute)
    assert (found.intent, found.amount, found.state) == (hold.id, 10_000, "needs_response")
    assert len(found.transactions) == 1


async def test_more_than_a_page_is_listed_on_the_right_account(practice: Practice) -> None:
    for number in range(101):
        asked = AuthoriseCard(practice.account, f"r{number}", 5_000, "EUR", capture=False, customer="")
        made = await practice.gateway.perform(asked, f"k{number}")
        practice.sandbox.enter_card(made.id)
        await practice.gateway.perform(CaptureHold(practice.account, made.id, 5_000, "EUR", 0), f"c{number}")
    found = [t async for t in practice.gateway.transactions(practice.account, LONG_AGO)]
    assert len({t.id for t in found}) == 101
    assert found == sorted(found, key=lambda t: t.created_at, reverse=True)
    (first,) = await practice.gateway.find_by_reference(practice.account, "r0", datetime.now(UTC))
    assert first.reference == "r0"


async def test_what_became_of_a_lost_request_is_found_by_its_reference(practice: Practice) -> None:
    began = practice.sandbox.now()
    hold = await practice.hold()
    await practice.capture(hold, 10_000, 0)
    refund = await practice.gateway.perform(RefundCharge(practice.account, "refund-9", hold.id, 100, "EUR"), "k")
    setup = await practice.gateway.perform(SaveCard(practice.account, "setup-9"), "k2")
    found = practice.gateway.find_by_reference
    assert [thing.id for thing in await found(practice.account, "hold-1", began)] == [hold.id]
    assert await found(practice.account, "refund-9", began) == (refund,)
    assert await found(practice.account, "setup-9", began) == (setup,)
    assert await found(practice.account, "hold-1", began + timedelta(hours=1)) == ()
    assert [made.id for made in await found("", "practitioner-1", began - timedelta(minutes=1))] == [practice.account]
    assert await found("", "practitioner-2", began - timedelta(minutes=1)) == ()


async def test_what_cannot_be_read_keeps_nobody_from_the_rest(practice: Practice) -> None:
    """Stripe has moneys that ISO 4217 does not have any more: the old dobra, say."""
    hold = await practice.hold()
    await practice.capture(hold, 10_000, 0)
    books, now = practice.sandbox.books, practice.sandbox.now()
    strange = balance.entry(books, practice.account, "charge", 500, "std", "ch_x", now)
    books.put(replace(books.known(records.PaymentIntent, hold.id), id="sbx_pi_x", currency="std", metadata={}))
    made = {"id": "sbx_po_x", "account": practice.account, "created": now, "arrival": now}
    books.put(records.Payout(**made, amount=500, currency="std", status="paid"))
    listed = [one async for one in practice.gateway.transactions(practice.account, LONG_AGO)]
    assert {one.id: type(one) for one in listed}[strange.id] is Unreadable
    assert [type(one) for one in listed].count(BalanceTransaction) == 1
    assert [one async for one in practice.gateway.payouts(practice.account, LONG_AGO)] == []
    [found] = await practice.gateway.find_by_reference(practice.account, "hold-1", LONG_AGO)
    assert found.id == hold.id


async def test_links_lead_to_onboarding_and_dashboard(practice: Practice) -> None:
    assert (await practice.gateway.onboarding_url(practice.account, "/a", "/b")).startswith("/sandbox/onboarding?link=")
    assert practice.gateway.dashboard_url(practice.account).startswith("/sandbox/dashboard?ticket=")
    real = StripeGateway("sk_test_x", "pk_test_x", webhook_secrets=("whsec_a", "whsec_b"))
    assert real.dashboard_url("acct_1") == "https://dashboard.stripe.com/acct_1"
    assert (real.sandbox, practice.gateway.sandbox) == (False, True)
    with pytest.raises(GatewayRefused, match="url_invalid"):
        await practice.gateway.onboarding_url(practice.account, "https://elsewhere.example/", "/b")
