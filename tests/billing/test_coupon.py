"""Coupons and pay links."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import pay_link
from billing.coupon import Coupon, check, normal, usable
from billing.problems import BadCoupon
from store.ids import CouponId, OrganisationId, PaymentId, Prefix, is_id
from store.io.entropy import new_id
from tests.billing.rows_of_money import AT

KEY = b"a key for tests of thirty-two by"
COUPON = Coupon(
    CouponId("cpn_1"), "ACME2026", OrganisationId("org_1"), "Acme", 0, 3000, "EUR", 5, 0, AT + timedelta(1), None, AT
)


class TestCoupon:
    @pytest.mark.parametrize("typed", ["ACME2026", " acme-2026 ", "Acme 2026", "a-c-m-e\t2026"])
    def test_a_code_is_read_however_it_is_typed(self, typed: str):
        assert normal(typed) == "ACME2026"

    @pytest.mark.parametrize("typed", ["", "abc", "x" * 33, "ACME_2026", "ÄÖÜß1", "a" * 3 + "\0"])
    def test_what_can_be_no_code_is_an_unknown_one(self, typed: str):
        with pytest.raises(BadCoupon) as caught:
            normal(typed)
        assert caught.value.code == "coupon_unknown"

    @pytest.mark.parametrize(
        ("coupon", "code"),
        [
            (replace(COUPON, revoked_at=AT), "coupon_unknown"),
            (replace(COUPON, expires_at=AT), "coupon_expired"),
            (replace(COUPON, uses=5), "coupon_used_up"),
            (replace(COUPON, currency="CHF"), "coupon_currency"),
        ],
    )
    def test_why_it_cannot_be_used(self, coupon: Coupon, code: str):
        with pytest.raises(BadCoupon) as caught:
            usable(coupon, "EUR", AT)
        assert caught.value.code == code

    def test_when_it_can(self):
        for good in (COUPON, replace(COUPON, most_uses=None, uses=99), replace(COUPON, expires_at=None, uses=4)):
            assert usable(good, "EUR", AT) == good
        assert usable(replace(COUPON, amount=0, percent=10, currency=""), "JPY", AT).discount.percent == 10

    @pytest.mark.parametrize(
        "asked",
        [
            (0, 0, "EUR", None),
            (10, 10, "EUR", None),
            (101, 0, "", None),
            (-1, 0, "", None),
            (0, -1, "EUR", None),
            (0, 10, "XXX", None),
            (0, 10**9, "EUR", None),
            (0, 1001, "KWD", None),
            (10, 0, "", 0),
        ],
    )
    def test_one_that_makes_no_sense_is_refused(self, asked: tuple[int, int, str, int | None]):
        with pytest.raises(BadCoupon) as caught:
            check(*asked)
        assert caught.value.code == "coupon_invalid"

    def test_one_that_makes_sense_is_not(self):
        check(100, 0, "", None)
        check(0, 1, "EUR", 1)


class TestPayLink:
    def test_it_is_the_same_each_time_and_leads_to_its_payment(self):
        payment = PaymentId(new_id(Prefix.PAYMENT))
        token = pay_link.derive(KEY, payment)
        assert token == pay_link.derive(KEY, payment)
        assert len(token) == 48
        assert pay_link.read(KEY, token) == payment

    def test_another_key_makes_another(self):
        payment = PaymentId(new_id(Prefix.PAYMENT))
        with pytest.raises(pay_link.BadPayLink):
            pay_link.read(b"another key of thirty-two bytes.", pay_link.derive(KEY, payment))

    @given(position=st.integers(0, 47), other=st.sampled_from("ABCXYZabcxyz0189-_=+/ é\0"))
    def test_one_character_that_is_changed_voids_it(self, position: int, other: str):
        payment = PaymentId("pay_AAAAAAAAAAAAAAAAAAAAAA")
        assert is_id(payment, Prefix.PAYMENT)
        token = pay_link.derive(KEY, payment)
        changed = token[:position] + other + token[position + 1 :]
        if changed != token:
            with pytest.raises(pay_link.BadPayLink):
                pay_link.read(KEY, changed)

    @given(st.text(max_size=60))
    def test_anything_else_is_none(self, text: str):
        with pytest.raises(pay_link.BadPayLink):
            pay_link.read(KEY, text)
