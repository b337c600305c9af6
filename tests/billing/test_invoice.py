"""What a consultation comes to."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import invoice
from billing import tariff as tariffs
from billing.agreement import When
from billing.fees import Rates, commission
from billing.hold import HoldState
from billing.money import BadAmount, smallest_charge, step
from billing.problems import AmountOverHolds
from billing.tariff import Basis, Discount, Tariff
from tests.billing.rows_of_money import AT, FIXED, a_hold, a_payment

RATES = Rates()


class TestCeiling:
    def test_it_is_the_sum_of_the_live_holds(self):
        holds = [a_hold(amount=3000), a_hold("hol_2", amount=2500), a_hold("hol_3", state=HoldState.EXPIRED)]
        assert invoice.ceiling(a_payment(), holds, AT) == 5500

    def test_without_any_it_is_what_was_agreed_to(self):
        for holds in ([], [a_hold(state=HoldState.EXPIRED)]):
            assert invoice.ceiling(a_payment(), holds, AT) == 5000
            assert invoice.ceiling(a_payment(discount=Discount(percent=40)), holds, AT) == 3000
        assert invoice.ceiling(a_payment(agreed_most=None, when=When.AFTER), [], AT) is None

    def test_paid_after_no_more_than_was_agreed_to(self):
        assert invoice.ceiling(a_payment(when=When.AFTER), [a_hold(amount=9000)], AT) == 5000

    @given(
        amounts=st.lists(st.integers(1, 10_000), max_size=4),
        seconds=st.integers(0, 20_000),
        percent=st.integers(0, 100),
    )
    def test_never_more_is_billed_than_is_held(self, amounts: list[int], seconds: int, percent: int):
        holds = [a_hold(f"hol_{number}", amount) for number, amount in enumerate(amounts)]
        payment = a_payment(discount=Discount(percent=percent))
        quote = invoice.quoted(payment, seconds, invoice.ceiling(payment, holds, AT))
        assert quote.due <= (sum(amounts) or 5000)
        assert quote.price == quote.covered + quote.waived + quote.due
        assert sum(take.amount for take in invoice.takes(holds, quote.due, RATES, AT)) <= quote.due


class TestCoupons:
    @pytest.mark.parametrize("percent", [50, 100])
    def test_the_organisation_pays_no_more_than_its_part_of_what_was_agreed_to(self, percent: int):
        discount = Discount(percent=percent)
        payment = a_payment(Tariff(basis=Basis.PER_MINUTE, per_minute=200), agreed_most=7000, discount=discount)
        most_due = invoice.ceiling(payment, [], AT)
        whole = invoice.quoted(payment, 10 * 3600, most_due)
        assert (whole.price, whole.covered, whole.due) == (120_000, 70 * percent, 7000 - 70 * percent)
        assert whole.price == whole.covered + whole.waived + whole.due

    def test_an_amount_over_what_was_agreed_to_is_refused_though_the_patient_pays_nothing(self):
        payment = a_payment(discount=Discount(percent=100))
        invoice.check_entered(payment, 5000, 0)
        with pytest.raises(AmountOverHolds):
            invoice.check_entered(payment, 5001, 0)

    def test_a_patient_who_has_more_held_raises_the_organisations_part_with_it(self):
        payment = a_payment(Tariff(basis=Basis.PER_MINUTE, per_minute=200), discount=Discount(percent=50))
        holds = [a_hold(amount=2500), a_hold("hol_2", amount=1000)]
        whole = invoice.quoted(payment, 3600, invoice.ceiling(payment, holds, AT))
        assert (whole.price, whole.covered, whole.waived, whole.due) == (12_000, 3500, 5000, 3500)

    @given(
        amounts=st.lists(st.integers(50, 10_000), max_size=3),
        seconds=st.integers(0, 20_000),
        percent=st.integers(0, 100),
        amount=st.integers(0, 3000),
    )
    def test_the_organisations_part_is_that_of_a_price_whose_rest_the_patient_has_authorised(
        self, amounts: list[int], seconds: int, percent: int, amount: int
    ):
        discount = Discount(percent=percent, amount=amount)
        payment = a_payment(Tariff(basis=Basis.PER_MINUTE, per_minute=200), discount=discount)
        most_due = invoice.ceiling(payment, [a_hold(f"hol_{n}", one) for n, one in enumerate(amounts)], AT)
        assert most_due is not None
        whole = invoice.quoted(payment, seconds, most_due)
        agreed = tariffs.with_price(payment.tariff, 0, 0, 5000, discount, None).covered
        if whole.covered > agreed:
            assert percent < 100
            assert whole.covered * (100 - percent) <= percent * most_due + 100 * (amount + 1)
        assert whole.price == whole.covered + whole.waived + whole.due
        assert whole.due <= most_due


class TestTakes:
    def test_the_oldest_is_taken_first_and_what_is_not_needed_is_not_named(self):
        holds = [a_hold(f"hol_{n}", 3000, created_at=AT + timedelta(minutes=-n)) for n in range(3)]
        parts = invoice.takes(holds, 4000, RATES, AT)
        assert [(part.hold, part.amount) for part in parts] == [("hol_2", 3000), ("hol_1", 1000)]

    def test_nothing_is_never_captured(self):
        assert invoice.takes([a_hold()], 0, RATES, AT) == ()

    @pytest.mark.parametrize(
        ("amounts", "due", "taken"),
        [
            ([3000, 750], 3020, [2970, 50]),
            ([3000, 750], 3050, [3000, 50]),
            # Both of the older ones give what they can.
            ([60, 60, 60], 155, [55, 50, 50]),
            # One hold alone has enough.
            ([60, 500], 90, [0, 90]),
            # So little cannot be charged, whoever gives way.
            ([60, 60], 90, [60, 0]),
            ([3000], 3020, [3000]),
            ([3000, 49], 3020, [3000, 0]),
        ],
        ids=str,
    )
    def test_no_part_is_less_than_a_card_can_be_charged(self, amounts: list[int], due: int, taken: list[int]):
        holds = [a_hold(f"hol_{number}", amount) for number, amount in enumerate(amounts)]
        parts = {part.hold: part.amount for part in invoice.takes(holds, due, RATES, AT)}
        assert [parts.get(hold.id, 0) for hold in holds] == taken

    @given(
        currency=st.sampled_from(["EUR", "JPY", "KWD"]),
        amounts=st.lists(st.integers(0, 4) | st.integers(0, 900), min_size=1, max_size=6),
        due=st.integers(0, 5000),
    )
    def test_the_parts_come_to_what_is_due_but_for_less_than_can_be_charged(
        self, currency: str, amounts: list[int], due: int
    ):
        least, unit = smallest_charge(currency), step(currency)
        holds = [
            a_hold(f"hol_{number}", least + amount * unit, currency=currency) for number, amount in enumerate(amounts)
        ]
        due = min(due * unit, sum(hold.amount for hold in holds))
        parts = invoice.takes(holds, due, RATES, AT)
        taken = sum(part.amount for part in parts)
        assert 0 <= due - taken < least
        kept = {hold.id: hold.amount for hold in holds}
        assert all(least <= part.amount <= kept[part.hold] for part in parts)
        assert all(part.amount % unit == 0 and 0 <= part.fee <= part.amount for part in parts)
        assert sum(part.fee for part in parts) == commission(taken, RATES, currency)


class TestQuotes:
    def test_an_entered_amount_stands_for_the_metered_one(self):
        payment = a_payment(entered=1500, discount=Discount(percent=10))
        quote = invoice.quoted(payment, 600, 5000)
        assert (quote.seconds, quote.price, quote.covered, quote.due) == (600, 1500, 150, 1350)

    def test_a_no_show_costs_the_planned_time_without_the_margin(self):
        assert invoice.quoted(a_payment(no_show=True), 0, 5000).due == 4000
        assert invoice.missed(a_payment(agreed_most=3000)) == 3000
        assert invoice.quoted(a_payment(no_show=True, entered=0), 0, 5000).due == 0

    def test_what_cannot_be_charged_in_full_is_refused_when_it_is_typed(self):
        invoice.check_entered(a_payment(), 5000, 5000)
        invoice.check_entered(a_payment(), 90_000, None)
        invoice.check_entered(a_payment(discount=Discount(percent=50)), 10_000, 5000)
        with pytest.raises(AmountOverHolds):
            invoice.check_entered(a_payment(), 5001, 5000)
        for amount in (-1, 10**9):
            with pytest.raises(BadAmount):
                invoice.check_entered(a_payment(), amount, None)

    def test_computed_anew_it_is_the_same_or_it_is_not(self):
        anew = invoice.quoted(a_payment(), 600, 5000)
        payment = a_payment(seconds=600, price=2000, covered=0, waived=0, due=2000)
        assert invoice.same_as_invoiced(payment, anew)
        for name in ("seconds", "price", "covered", "waived", "due"):
            assert not invoice.same_as_invoiced(replace(payment, **{name: 1}), anew)


class TestEnd:
    @given(
        tariff=st.builds(
            Tariff,
            basis=st.just(Basis.PER_MINUTE),
            per_minute=st.integers(1, 1000),
            free_seconds=st.integers(0, 600),
            granularity=st.sampled_from([1, 60, 900]),
            fixed=st.integers(0, 500),
        ),
        percent=st.sampled_from([0, 10, 50]),
        ceiling=st.integers(0, 20_000),
        seconds=st.integers(0, 10_000),
    )
    def test_it_comes_exactly_when_the_next_second_would_cost_more_than_is_held(
        self, tariff: Tariff, percent: int, ceiling: int, seconds: int
    ):
        payment = a_payment(tariff, discount=Discount(percent=percent))
        left = invoice.ends_in(payment, seconds, ceiling)
        if left is None:
            assert invoice.quoted(payment, 24 * 3600, None).due <= ceiling
        elif left > 0:
            assert invoice.quoted(payment, seconds + left, None).due <= ceiling
            assert invoice.quoted(payment, seconds + left + 1, None).due > ceiling
        else:
            assert invoice.quoted(payment, seconds + 1, None).due > ceiling

    def test_a_fixed_price_has_none_nor_has_an_entered_one(self):
        assert invoice.ends_in(a_payment(FIXED, agreed_most=8000), 0, 8000) is None
        assert invoice.ends_in(a_payment(entered=100), 0, 8000) is None
        assert invoice.ends_in(a_payment(), 0, None) is None

    def test_the_amount_is_confirmed_by_itself_after_a_day_or_before_the_hold_lapses(self):
        ended = AT + timedelta(hours=2)
        assert invoice.confirm_at(a_payment(), [a_hold()], ended) == ended + timedelta(hours=24)
        short = a_hold(capture_before=ended + timedelta(hours=20))
        assert invoice.confirm_at(a_payment(), [a_hold(), short], ended) == ended + timedelta(hours=8)
        soon = a_hold(capture_before=ended + timedelta(hours=1))
        assert invoice.confirm_at(a_payment(), [soon], ended) == ended + invoice.LAST_FACTS_WITHIN
        assert invoice.confirm_at(a_payment(entered=1), [a_hold()], ended) == ended + invoice.LAST_FACTS_WITHIN

    def test_but_not_without_a_second_nor_when_the_practitioner_alone_can_say_it(self):
        assert invoice.confirms_itself(a_payment(), 1)
        assert not invoice.confirms_itself(a_payment(), 0)
        at_end = Tariff("EUR", Basis.AT_END, cap=9000)
        assert not invoice.confirms_itself(a_payment(at_end), 600)
        assert invoice.confirms_itself(a_payment(at_end, entered=0), 0)
