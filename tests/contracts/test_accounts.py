"""Practitioners' accounts at the provider: made, completed, paid out."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from billing.gateway import GatewayRefused
from billing.money import Money
from billing.payout import PayoutState
from billing.problems import NoAccount
from store.io.database import Database
from tests.billing.practice import Practice, opened_practice


@pytest.fixture
async def practice(database: Database, at: datetime) -> AsyncIterator[Practice]:
    async with opened_practice(database, at) as practice:
        yield practice


class TestPayouts:
    async def test_dat_25_a_payments_money_reaches_the_bank(self, practice: Practice):
        payment = await practice.paid()
        assert (await practice.payment(payment.id)).payout == PayoutState.PENDING
        practice.sandbox.require(payment.account, ())
        for days, state in ((6, PayoutState.PENDING), (1, PayoutState.IN_TRANSIT), (2, PayoutState.PAID)):
            practice.pass_time(days=days)
            await practice.post(practice.letters())
            await practice.work()
            assert (await practice.payment(payment.id)).payout == state
        [transfer] = await practice.billing.connect.transfers(practice.practitioner)
        assert (transfer.amount, transfer.state) == (Money(8625, "EUR"), "paid")

    async def test_what_waits_for_missing_papers_is_available_and_not_paid_out(self, practice: Practice):
        payment = await practice.paid()
        practice.pass_time(days=10)
        await practice.post(practice.letters())
        await practice.work()
        assert (await practice.payment(payment.id)).payout == PayoutState.AVAILABLE
        assert await practice.billing.connect.transfers(practice.practitioner) == ()

    async def test_a_payout_that_the_bank_sends_back_is_failed_and_then_paid_out_anew(self, practice: Practice):
        payment = await practice.paid()
        practice.sandbox.require(payment.account, ())
        practice.pass_time(days=9)
        await practice.post(practice.letters())
        await practice.work()
        [transfer] = await practice.billing.connect.transfers(practice.practitioner)
        practice.sandbox.return_payout(transfer.id)
        await practice.post(practice.letters())
        await practice.work()
        assert (await practice.payment(payment.id)).payout == PayoutState.FAILED
        practice.pass_time(days=4)
        await practice.post(practice.letters())
        await practice.work()
        assert (await practice.payment(payment.id)).payout == PayoutState.PAID


class TestConnect:
    async def test_mmp_48_an_account_is_made_once(self, practice: Practice):
        account = await practice.billing.connect.account_of(practice.practitioner)
        again = await practice.billing.connect.begin(practice.practitioner, "other@example.org", "FR", practice.at)
        assert again.id == account.id
        assert again.state == "connected"

    async def test_two_that_connect_at_once_get_one_account(self, practice: Practice):
        other = "pra_BBBBBBBBBBBBBBBBBBBBBB"
        begin = (practice.billing.connect.begin(other, "b@example.org", "", practice.at) for _ in range(4))
        await asyncio.gather(*begin, return_exceptions=True)
        account = await practice.billing.connect.account_of(other)
        made = [one for one in practice.sandbox.books.operations if one.path == "/v1/accounts"]
        assert (account.state, len(made)) == ("connected", 2)

    async def test_fac_1_what_is_missing_is_as_the_provider_says_and_clears(self, practice: Practice):
        connect, at = practice.billing.connect, practice.at
        account = await connect.account_of(practice.practitioner)
        assert (account.kyc.can_charge, account.kyc.can_payout) == (True, False)
        assert set(account.kyc.missing) == {
            "business_profile.url",
            "individual.verification.document",
            "individual.verification.additional_document",
        }
        practice.sandbox.require(account.id, ("external_account",), can_charge=False)
        assert (await connect.look(practice.practitioner, at)).kyc.missing == ("external_account",)
        practice.sandbox.require(account.id, ())
        await practice.post(practice.letters())
        await practice.work()
        account = await connect.account_of(practice.practitioner)
        assert (account.kyc.can_charge, account.kyc.can_payout, account.kyc.missing) == (True, True, ())

    async def test_the_practitioner_is_led_to_the_providers_form_and_dashboard(self, practice: Practice):
        connect = practice.billing.connect
        url = await connect.onboarding_url(practice.practitioner, "/back", "/again")
        assert url.startswith(("http", "/"))
        assert await connect.dashboard_url(practice.practitioner)

    async def test_who_has_no_account_is_led_nowhere(self, practice: Practice):
        connect, nobody = practice.billing.connect, "pra_BBBBBBBBBBBBBBBBBBBBBB"
        with pytest.raises(NoAccount):
            await connect.onboarding_url(nobody, "/back", "/again")
        assert await connect.account_of(nobody) is None
        assert await connect.look(nobody, practice.at) is None
        assert await connect.transfers(nobody) == ()


@pytest.mark.parametrize("trouble", [GatewayRefused("account_invalid"), ValueError("a state that nobody knows")])
async def test_an_account_that_has_left_or_cannot_be_read_is_not_asked_for_its_payouts_for_ever(
    practice: Practice, monkeypatch, trouble: Exception
):
    payment = await practice.paid()
    practice.pass_time(days=8)

    async def refused(account: str, since: datetime):
        raise trouble
        yield

    monkeypatch.setattr(practice.gateway, "payouts", refused)
    watch = practice.billing.accounting.payouts
    assert await watch.run(practice.at) == 1
    practice.pass_time(minutes=5)
    assert await watch.run(practice.at) == 0
    assert (await practice.payment(payment.id)).payout == PayoutState.AVAILABLE
