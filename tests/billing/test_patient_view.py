"""What the patient's page asks for next."""

from datetime import timedelta
from typing import Any

import pytest

from billing.agreement import Hold, Purpose, When
from billing.hold import HoldState
from billing.patient_view import PatientState, agreed_view, patient_state, price_view
from billing.payment import PaymentState
from billing.tariff import FREE, Discount
from store.ids import ConsultationId
from tests.billing.rows_of_money import AT, FIXED, a_hold, a_payment, a_price

_S = PatientState
WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("holds", "state"),
    [
        ([], _S.CARD),
        ([a_hold(state=HoldState.CREATING)], _S.WAIT),
        ([a_hold(state=HoldState.NEEDS_ACTION)], _S.CARD),
        ([a_hold(state=HoldState.DECLINED, declined="expired_card")], _S.DECLINED),
        ([a_hold(state=HoldState.RELEASED, declined="card_brand_not_accepted")], _S.DECLINED),
        ([a_hold(state=HoldState.UNKNOWN)], _S.CARD),
        ([a_hold(state=HoldState.UNKNOWN, off_session=True)], _S.WAIT),
        ([a_hold(state=HoldState.EXPIRED)], _S.EXPIRED),
        ([a_hold(capture_before=AT)], _S.EXPIRED),
        ([a_hold()], _S.READY),
        ([a_hold(), a_hold("hol_2", state=HoldState.DECLINED, declined="x", created_at=AT + WEEK)], _S.READY),
        ([a_hold(amount=4999)], _S.CARD),
    ],
)
def test_what_stands_decides(holds: list[Hold], state: PatientState):
    assert patient_state(a_payment(), holds, AT) is state


@pytest.mark.parametrize(
    "changes",
    [
        {"when": When.AFTER},
        {"discount": Discount(percent=100)},
        {"agreed_most": None},
        {"state": PaymentState.PAID},
        {"starts_at": AT + WEEK, "payment_method": "pm_1"},
    ],
)
def test_nothing_is_to_be_done(changes: dict[str, Any]):
    assert patient_state(a_payment(**changes), [], AT) is PatientState.READY


def test_a_hold_that_lapses_too_early_is_made_anew_on_the_day():
    early = a_hold(capture_before=AT + timedelta(days=3))
    assert patient_state(a_payment(starts_at=AT + timedelta(days=2, hours=3)), [early], AT) is PatientState.READY
    assert patient_state(a_payment(starts_at=AT + timedelta(hours=70)), [early], AT) is PatientState.READY
    soon = a_hold(capture_before=AT + timedelta(hours=30))
    assert patient_state(a_payment(starts_at=AT + timedelta(hours=20)), [soon], AT) is PatientState.CARD


def test_the_price_before_the_agreement():
    free = price_view(ConsultationId("con_1"), None)
    assert (free.state, free.most, free.tariff) == (PatientState.FREE, 0, FREE)
    view = price_view(ConsultationId("con_1"), a_price())
    assert (view.state, view.most, view.hold_amount, view.agreed) == (PatientState.AGREE, 5000, 5000, False)
    after = price_view(ConsultationId("con_1"), a_price(FIXED, when=When.AFTER))
    assert (after.most, after.hold_amount) == (8000, 0)


def test_and_after_it():
    lapses = AT + timedelta(days=6)
    view = agreed_view(a_payment(card="visa 4242"), [a_hold(), a_hold("hol_2", 3000, capture_before=lapses)], AT)
    assert (view.hold_amount, view.capture_before, view.card, view.declined) == (8000, lapses, "visa 4242", "")
    refused = a_hold(state=HoldState.DECLINED, declined="expired_card")
    charge = a_hold("hol_2", state=HoldState.DECLINED, purpose=Purpose.CHARGE, declined="other", created_at=AT + WEEK)
    view = agreed_view(a_payment(discount=Discount(percent=10)), [refused, charge], AT)
    assert (view.declined, view.most, view.most_due, view.hold_amount) == ("expired_card", 5000, 4500, 4500)
