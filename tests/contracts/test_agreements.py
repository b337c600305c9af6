"""Prices, agreements and coupons, on both databases."""

import asyncio
from datetime import datetime, timedelta

import pytest

from billing.agreement import When
from billing.money import UnknownCurrency
from billing.patient_view import PatientState
from billing.payment import PaymentState
from billing.problems import (
    AlreadyAgreed,
    BadContact,
    BadCoupon,
    NoAccount,
    PriceChanged,
    PriceFixed,
    PriceLocked,
    PriceMissing,
)
from billing.tariff import FREE, BadTariff, Basis, Tariff
from store.facts import PriceAgreed
from store.ids import ConsultationId, Prefix
from store.io.database import Database
from store.io.entropy import new_id
from tests.billing.gateway_double import GatewayDouble
from tests.billing.till import FIXED, MINUTES_20, PER_MINUTE, Till


class TestPrices:
    async def test_a_consultation_without_a_price_is_free_and_has_no_obstacles(self, till: Till):
        free = ConsultationId(new_id(Prefix.CONSULTATION))
        assert await till.holds.obstacles(free, till.at) == ()
        assert (await till.holds.view(free, till.at)).state is PatientState.FREE
        assert await till.invoices.reading(free, till.at) is None
        with pytest.raises(PriceMissing):
            await till.holds.agree(free, "A", None, "fr", None, 0, till.at)

    async def test_a_price_is_set_anew_until_it_is_agreed_to_and_taken_away_by_free(self, till: Till):
        consultation = await till.priced(FIXED)
        setting = (consultation, till.practitioner)
        when = (When.HOLD, till.at, MINUTES_20, till.at)
        await till.billing.prices.set(*setting, FREE, *when)
        assert await till.billing.prices.of(consultation) is None
        await till.billing.prices.set(*setting, PER_MINUTE, *when)
        await till.agree(consultation)
        with pytest.raises(PriceFixed):
            await till.billing.prices.set(*setting, FIXED, *when)
        kept = await till.billing.prices.of(consultation)
        assert kept is not None
        assert kept.tariff == PER_MINUTE

    async def test_once_a_call_has_begun_nothing_is_given_a_price(self, till: Till):
        free = ConsultationId(new_id(Prefix.CONSULTATION))
        await till.talk(free, 60)
        with pytest.raises(PriceFixed):
            await till.billing.prices.set(free, till.practitioner, FIXED, When.HOLD, till.at, MINUTES_20, till.at)

    async def test_mmp_30_a_locked_price_is_the_platforms(self, till: Till):
        consultation = await till.priced(FIXED, locked=True)
        setting = (consultation, till.practitioner, PER_MINUTE, When.HOLD, till.at, MINUTES_20, till.at)
        with pytest.raises(PriceLocked):
            await till.billing.prices.set(*setting)
        assert (await till.billing.prices.set(*setting, by_platform=True)).tariff == PER_MINUTE

    @pytest.mark.parametrize(
        ("tariff", "error"),
        [
            (Tariff("XXX", Basis.FIXED, fixed=100), UnknownCurrency),
            (Tariff("EUR", Basis.FIXED, fixed=-1), BadTariff),
            (Tariff("EUR", Basis.FIXED, fixed=10**9), BadTariff),
            (Tariff("KWD", Basis.FIXED, fixed=1001), BadTariff),
            (Tariff("EUR", Basis.AT_END), BadTariff),
        ],
    )
    async def test_a_price_that_makes_no_sense_is_refused(self, till: Till, tariff: Tariff, error: type[Exception]):
        with pytest.raises(error) as caught:
            await till.priced(tariff)
        assert caught.value.code in {"unknown_currency", "bad_tariff"}


class TestAgreeing:
    async def test_the_maximum_is_shown_before_and_agreed_to(self, till: Till):
        consultation = await till.priced()
        view = await till.holds.view(consultation, till.at)
        # 25 minutes: the planned 20 and a margin of 5.
        assert (view.state, view.most, view.hold_amount) == (PatientState.AGREE, 5000, 5000)
        assert await till.holds.obstacles(consultation, till.at) == ("agreement",)
        payment = await till.agree(consultation)
        assert (payment.state, payment.agreed_most, payment.tariff) == (PaymentState.DRAFT, 5000, PER_MINUTE)
        assert await till.holds.obstacles(consultation, till.at) == ("hold",)
        assert [fact.payment for fact in await till.facts(PriceAgreed)] == [payment.id]

    async def test_who_agrees_twice_or_at_once_has_agreed_once(self, till: Till):
        consultation = await till.priced()
        await till.billing.coupons.create("SOMME-2026", "Acme", till.at, percent=10)
        all_of_them = await asyncio.gather(*(till.agree(consultation) for _ in range(8)))
        assert len({payment.id for payment in all_of_them}) == 1
        with pytest.raises(AlreadyAgreed):
            await till.agree(consultation, "SOMME-2026")

    async def test_what_was_shown_must_be_the_price(self, till: Till):
        consultation = await till.priced()
        for shown in (4999, 5001, None):
            with pytest.raises(PriceChanged):
                await till.holds.agree(consultation, "A", None, "fr", None, shown, till.at)
        assert await till.invoices.payment_of(consultation) is None

    async def test_a_practitioner_who_cannot_be_paid_cannot_be_agreed_with(self, database: Database, at: datetime):
        till = Till(database, GatewayDouble(lambda: till.at), at)
        with pytest.raises(NoAccount):
            await till.agreed()
        await till.open_account(can_charge=False)
        with pytest.raises(NoAccount):
            await till.agreed()

    @pytest.mark.parametrize(
        ("email", "language"), [("nobody", "fr"), ("a@b", "fr"), ("a@b.c\n", "de"), ("a b@c.fr", "fr"), (None, "xx")]
    )
    async def test_what_is_no_address_or_language_is_refused(self, till: Till, email: str | None, language: str):
        consultation = await till.priced()
        with pytest.raises(BadContact):
            await till.holds.agree(consultation, "A", email, language, None, 5000, till.at)

    async def test_pay_after_needs_the_agreement_and_no_card(self, till: Till):
        consultation = await till.agreed(PER_MINUTE, When.AFTER)
        assert await till.holds.obstacles(consultation, till.at) == ()
        assert await till.holds.begin(consultation, till.at) is None
        assert (await till.holds.view(consultation, till.at)).hold_amount == 0


class TestCoupons:
    async def test_mmp_25_a_coupon_for_all_needs_no_card(self, till: Till):
        await till.billing.coupons.create("Tout-Paye-1", "Acme", till.at, percent=100)
        consultation = await till.priced(FIXED)
        payment = await till.agree(consultation, "tout paye1")
        assert payment.organisation is not None
        assert await till.holds.obstacles(consultation, till.at) == ()
        view = await till.holds.view(consultation, till.at)
        assert (view.state, view.most, view.most_due, view.hold_amount) == (PatientState.READY, 8000, 0, 0)
        assert till.gateway.asked == []

    async def test_a_coupon_for_all_works_for_a_practitioner_without_an_account(self, database: Database, at: datetime):
        till = Till(database, GatewayDouble(lambda: till.at), at)
        await till.billing.coupons.create("TOUT", "Acme", till.at, percent=100)
        assert (await till.agree(await till.priced(FIXED), "TOUT")).account == ""

    async def test_a_coupon_for_a_part_lessens_the_hold(self, till: Till):
        await till.billing.coupons.create("TRENTE", "Acme", till.at, amount=3000, currency="EUR")
        consultation = await till.priced(FIXED)
        await till.agree(consultation, "TRENTE")
        form = await till.holds.begin(consultation, till.at)
        assert form is not None
        assert form.amount == 5000

    async def test_uses_never_exceed_the_most_however_many_race(self, till: Till):
        await till.billing.coupons.create("DEUX", "Acme", till.at, percent=100, most_uses=2)
        consultations = [await till.priced(FIXED) for _ in range(12)]

        async def use(consultation: ConsultationId) -> bool:
            try:
                await till.agree(consultation, "DEUX")
            except BadCoupon:
                return False
            return True

        assert sum(await asyncio.gather(*(use(one) for one in consultations))) == 2
        [coupon] = await till.billing.coupons.list()
        assert coupon.uses == 2

    async def test_a_use_that_paid_nothing_is_given_back(self, till: Till):
        await till.billing.coupons.create("UNEFOIS", "Acme", till.at, percent=50, most_uses=1)
        consultation = await till.priced(FIXED)
        await till.agree(consultation, "UNEFOIS")
        await till.invoices.call_off(consultation, till.at)
        assert [coupon.uses for coupon in await till.billing.coupons.list()] == [0]
        await till.agree(await till.priced(FIXED), "UNEFOIS")

    async def test_what_cannot_be_used_says_why_and_changes_nothing(self, till: Till):
        coupons = till.billing.coupons
        await coupons.create("DOLLARS", "Acme", till.at, amount=100, currency="USD")
        await coupons.create("BIENTOT", "Acme", till.at, percent=10, expires_at=till.at + timedelta(hours=1))
        gone = await coupons.create("REPRIS", "Acme", till.at, percent=10)
        assert await coupons.revoke(gone.id, till.at)
        assert not await coupons.revoke(gone.id, till.at)
        till.wait(hours=2)
        consultation = await till.priced(FIXED)
        codes = {
            "DOLLARS": "coupon_currency",
            "BIENTOT": "coupon_expired",
            "REPRIS": "coupon_unknown",
            "PERSONNE": "coupon_unknown",
            "'; --": "coupon_unknown",
        }
        for code, problem in codes.items():
            with pytest.raises(BadCoupon) as caught:
                await till.agree(consultation, code)
            assert caught.value.code == problem
        assert await till.invoices.payment_of(consultation) is None
