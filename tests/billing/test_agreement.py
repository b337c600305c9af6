"""What a patient agrees to, and what keeps them out."""

from datetime import timedelta

import pytest

from billing import agreement
from billing.agreement import When
from billing.hold import HoldState
from billing.problems import BadContact
from billing.tariff import FREE, BadTariff, Basis, Discount, Tariff
from tests.billing.rows_of_money import AT, FIXED, PER_MINUTE, a_hold, a_payment, a_price

AFTER_END = timedelta(hours=1, minutes=20) + agreement.HOLD_AFTER_END


class TestMost:
    @pytest.mark.parametrize(
        ("tariff", "most"),
        [
            (PER_MINUTE, 5000),
            (Tariff("EUR", Basis.PER_MINUTE, per_minute=200, cap=3000), 3000),
            (FIXED, 8000),
            (Tariff("EUR", Basis.AT_END, cap=9000), 9000),
            (Tariff("EUR", Basis.AT_END, fixed=6000), 6000),
            (Tariff("EUR", Basis.AT_END), None),
            (FREE, 0),
        ],
    )
    def test_a_talk_by_the_minute_has_a_margin_of_five_and_the_others_none(self, tariff: Tariff, most: int | None):
        assert agreement.most(tariff, 1200) == most

    def test_a_coupon_is_taken_off_what_is_held(self):
        assert agreement.to_hold(a_payment(discount=Discount(percent=30))) == 3500
        assert agreement.to_hold(a_payment(discount=Discount(percent=100))) == 0
        assert agreement.to_hold(a_payment(discount=Discount(amount=6000))) == 0
        assert agreement.to_hold(a_payment(when=When.AFTER)) == 0
        assert agreement.to_hold(a_payment(agreed_most=None)) == 0

    @pytest.mark.parametrize(
        "price",
        [
            a_price(planned_seconds=59),
            a_price(planned_seconds=24 * 3600 + 1),
            a_price(Tariff("EUR", Basis.AT_END)),
        ],
    )
    def test_a_price_that_cannot_be_agreed_to(self, price: agreement.Price):
        with pytest.raises(BadTariff):
            agreement.check_price(price)

    def test_a_price_that_can(self):
        agreement.check_price(a_price())
        agreement.check_price(a_price(FREE))
        agreement.check_price(a_price(Tariff("EUR", Basis.AT_END), when=When.AFTER))


class TestObstacles:
    def test_the_agreement_comes_first_and_then_the_hold(self):
        assert agreement.obstacles(None, [], AT) == ("agreement",)
        assert agreement.obstacles(a_payment(), [], AT) == ("hold",)
        assert agreement.obstacles(a_payment(), [a_hold()], AT) == ()

    def test_a_hold_must_last_a_day_longer_than_the_talk(self):
        just, enough = (a_hold(capture_before=AT + AFTER_END + timedelta(seconds=more)) for more in (0, 1))
        assert agreement.obstacles(a_payment(), [just], AT) == ("hold",)
        assert agreement.obstacles(a_payment(), [enough], AT) == ()

    def test_holds_together_must_come_to_the_amount(self):
        some, rest = a_hold(amount=3000), a_hold("hol_2", amount=2000)
        assert agreement.obstacles(a_payment(), [some], AT) == ("hold",)
        assert agreement.obstacles(a_payment(), [some, rest], AT) == ()

    @pytest.mark.parametrize("state", [state for state in HoldState if state is not HoldState.HELD])
    def test_only_what_is_held_counts(self, state: HoldState):
        assert agreement.obstacles(a_payment(), [a_hold(state=state)], AT) == ("hold",)
        assert agreement.live([a_hold(state=state)], AT) == []

    def test_what_has_lapsed_by_the_clock_is_not_live_though_nobody_has_said_so(self):
        hold = a_hold()
        assert agreement.live([hold], AT + timedelta(days=7) - timedelta(seconds=1)) == [hold]
        assert agreement.live([hold], AT + timedelta(days=7)) == []

    def test_live_holds_are_listed_oldest_first(self):
        old, new = a_hold("hol_9"), a_hold("hol_1", created_at=AT + timedelta(seconds=1))
        assert agreement.live([new, old], AT) == [old, new]

    def test_six_days_ahead_is_too_far_for_a_hold(self):
        assert not agreement.far_ahead(a_payment(starts_at=AT + timedelta(days=6)), AT)
        assert agreement.far_ahead(a_payment(starts_at=AT + timedelta(days=6, seconds=1)), AT)


class TestContact:
    @pytest.mark.parametrize("email", [" alex@example.org ", "a+b@sous.domaine.example"])
    def test_an_address_is_taken_without_the_blanks_around_it(self, email: str):
        assert agreement.check_contact(email, "fr") == email.strip()

    def test_none_is_needed(self):
        assert agreement.check_contact(None, "en") is None
        assert agreement.check_contact("  ", "en") is None

    @pytest.mark.parametrize("email", ["a", "a@b", "a@@b.fr", "a@b.fr\nBcc: c@d.fr", "a@b.", "x" * 250 + "@b.fr"])
    def test_what_is_none_is_refused(self, email: str):
        with pytest.raises(BadContact):
            agreement.check_contact(email, "fr")


def test_dat_31_brands():
    assert all(agreement.supported(card) for card in ("visa 4242", "mastercard 4444", "amex 0005", ""))
    assert not any(agreement.supported(card) for card in ("jcb 0505", "discover 9424", "unknown 1"))
