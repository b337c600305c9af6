"""What seconds cost: each step of the price, and what holds for every tariff."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import tariff as tariffs
from billing.money import BadAmount, UnknownCurrency, smallest_charge, step
from billing.tariff import FREE, BadTariff, Basis, Discount, Tariff, billed_seconds, edited, most, quote, seconds_for

MINUTE = Tariff(basis=Basis.PER_MINUTE, per_minute=200)
FIXED = Tariff(basis=Basis.FIXED, fixed=8000)


def per_minute(**rest: object) -> Tariff:
    return Tariff(**{"basis": Basis.PER_MINUTE, "per_minute": 200, **rest})


@pytest.mark.parametrize(
    ("tariff", "seconds", "price"),
    [
        (MINUTE, 0, 0),
        (MINUTE, 60, 200),
        (MINUTE, 61, 203),
        (MINUTE, 3600, 12000),
        (per_minute(free_seconds=60), 60, 0),
        (per_minute(free_seconds=60), 90, 100),
        (per_minute(granularity=60), 61, 400),
        (per_minute(free_seconds=60, granularity=60), 61, 200),
        (per_minute(minimum_seconds=600), 1, 2000),
        # What is free stays free: a minimum counts from the first second that is not.
        (per_minute(free_seconds=60, minimum_seconds=600), 60, 0),
        (per_minute(free_seconds=60, minimum_seconds=600), 61, 2000),
        (per_minute(fixed=1000), 60, 1200),
        (per_minute(fixed=1000, free_seconds=60), 60, 0),
        (per_minute(minimum=1500), 60, 1500),
        (per_minute(cap=5000), 3600, 5000),
        (per_minute(minimum=1500, cap=1000), 60, 1000),
        (FIXED, 1, 8000),
        (FIXED, 3600, 8000),
        (FIXED, 0, 0),
        (Tariff(basis=Basis.AT_END, fixed=5000), 600, 5000),
        (Tariff(basis=Basis.AT_END), 600, 0),
        (FREE, 3600, 0),
        (Tariff("JPY", Basis.PER_MINUTE, per_minute=150), 90, 225),
        (Tariff("JPY", Basis.PER_MINUTE, per_minute=100), 61, 102),
        (Tariff("KWD", Basis.PER_MINUTE, per_minute=500), 61, 510),
    ],
)
def test_a_price_is_made_step_by_step(tariff: Tariff, seconds: int, price: int):
    assert quote(tariff, seconds).price == price


def test_c2_20_nothing_costs_nothing():
    for seconds in (0, 1, 7200):
        assert quote(FREE, seconds) == tariffs.Quote("EUR", seconds, seconds, 0, 0, 0, 0)


def test_a_coupon_comes_after_the_price_and_before_the_holds():
    half = quote(FIXED, 60, Discount(percent=50), ceiling=3000)
    assert (half.price, half.covered, half.waived, half.due) == (8000, 4000, 1000, 3000)
    fixed = quote(FIXED, 60, Discount(amount=3000))
    assert (fixed.covered, fixed.due) == (3000, 5000)
    everything = quote(FIXED, 60, Discount(percent=100))
    assert (everything.covered, everything.due) == (8000, 0)
    more_than_everything = quote(FIXED, 60, Discount(amount=99_999))
    assert (more_than_everything.covered, more_than_everything.due) == (8000, 0)


def test_never_more_than_the_live_holds():
    assert quote(MINUTE, 3600, ceiling=0).due == 0
    capped = quote(MINUTE, 3600, ceiling=6800)
    assert (capped.price, capped.waived, capped.due) == (12000, 5200, 6800)


def test_what_no_card_can_be_charged_is_waived():
    """Stripe takes no charge below half a euro: a call of five seconds is not worth a pay link that cannot be paid."""
    small = quote(MINUTE, 14)
    assert (small.price, small.waived, small.due) == (47, 47, 0)
    assert quote(MINUTE, 15).due == 50
    with pytest.raises(BadAmount):
        edited(MINUTE, 60, 49, None, None)


def test_dat_26_an_amount_can_be_edited_down_to_nothing():
    assert edited(MINUTE, 600, 0, None, None).due == 0
    assert edited(MINUTE, 600, 4500, Discount(percent=20), 10_000).due == 3600
    for wrong in (-1, 10_000_001):
        with pytest.raises(BadAmount):
            edited(MINUTE, 600, wrong, None, None)


def test_the_most_is_what_the_planned_time_costs():
    assert most(MINUTE, 1800) == 6000
    assert most(per_minute(cap=5000), 1800) == 5000
    assert most(FIXED, 1800) == 8000
    assert most(Tariff(basis=Basis.AT_END, fixed=5000, cap=9000), 1800) == 9000


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (Tariff(basis=Basis.FIXED), "fixed"),
        (Tariff(basis=Basis.PER_MINUTE), "per_minute"),
        (per_minute(per_minute=-1), "per_minute"),
        (per_minute(cap=-1), "cap"),
        (per_minute(minimum=10_000_001), "minimum"),
        (per_minute(free_seconds=-1), "free_seconds"),
        (per_minute(minimum_seconds=10**6), "minimum_seconds"),
        (per_minute(granularity=0), "granularity"),
        (per_minute(granularity=3601), "granularity"),
        (Tariff("KWD", Basis.FIXED, fixed=1005), "fixed"),
    ],
)
def test_a_tariff_that_makes_no_sense_names_its_field(wrong: Tariff, field: str):
    with pytest.raises(BadTariff, match=f"^{field}$"):
        tariffs.check(wrong)


def test_a_tariff_needs_a_currency():
    with pytest.raises(UnknownCurrency):
        tariffs.check(Tariff("BTC", Basis.FIXED, fixed=1))


CURRENCY = st.sampled_from(("EUR", "JPY", "KWD", "GBP"))


@st.composite
def any_tariff(draw: st.DrawFn) -> Tariff:
    currency = draw(CURRENCY)
    basis = draw(st.sampled_from(Basis))
    least = smallest_charge(currency) // 10

    def amount(low: int = 0) -> int:
        return draw(st.integers(low, 500)) * 10

    return tariffs.check(
        Tariff(
            currency=currency,
            basis=basis,
            fixed=amount(least if basis is Basis.FIXED else 1),
            per_minute=amount(1),
            free_seconds=draw(st.integers(0, 900)),
            minimum_seconds=draw(st.integers(0, 900)),
            granularity=draw(st.sampled_from((1, 10, 60, 300))),
            minimum=amount(),
            cap=draw(st.none() | st.integers(least, 9_000).map(lambda some: some * 10)),
        )
    )


DISCOUNTS = st.none() | st.builds(
    Discount, percent=st.integers(0, 100), amount=st.integers(0, 900).map(lambda a: a * 10)
)
CEILINGS = st.none() | st.integers(0, 10**6)


@given(any_tariff(), st.integers(0, 20_000), DISCOUNTS, CEILINGS)
def test_the_parts_are_the_price(tariff: Tariff, seconds: int, discount: Discount | None, ceiling: int | None):
    result = quote(tariff, seconds, discount, ceiling)
    assert result.price == result.covered + result.waived + result.due
    assert min(result.price, result.covered, result.waived, result.due) >= 0
    assert ceiling is None or result.due <= ceiling
    assert result.due == 0 or result.due >= smallest_charge(tariff.currency)
    assert result.price % step(tariff.currency) == 0
    assert tariff.cap is None or result.price <= tariff.cap


@given(any_tariff(), st.integers(0, 20_000), st.integers(0, 3600))
def test_more_time_never_costs_less(tariff: Tariff, seconds: int, more: int):
    assert quote(tariff, seconds).price <= quote(tariff, seconds + more).price
    assert billed_seconds(tariff, seconds) <= billed_seconds(tariff, seconds + more)


@given(any_tariff(), st.integers(0, 20_000))
def test_rounding_happens_once(tariff: Tariff, seconds: int):
    """The price of the whole is within half a unit of the exact one, however long the call."""
    if tariff.basis is Basis.PER_MINUTE and tariff.cap is None and tariff.minimum == 0:
        billed = billed_seconds(tariff, seconds)
        exact = (tariff.per_minute * billed / 60 + tariff.fixed) if billed else 0
        assert abs(quote(tariff, seconds).price - exact) <= step(tariff.currency) / 2 + 1e-6


@given(any_tariff(), st.integers(0, 10**6))
def test_an_amount_is_enough_for_so_long_and_no_second_longer(tariff: Tariff, amount: int):
    enough = seconds_for(tariff, amount, longest=20_000)
    assert quote(tariff, enough).price <= amount
    assert enough == 20_000 or quote(tariff, enough + 1).price > amount


@given(any_tariff(), st.integers(0, 14_400))
def test_nothing_costs_more_than_the_patient_was_told(tariff: Tariff, planned: int):
    if tariff.basis is not Basis.AT_END:
        assert quote(tariff, planned).price <= most(tariff, planned)
