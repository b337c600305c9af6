"""Payments and holds as pure tests want them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from billing.agreement import Hold, Payment, Price, Purpose, When
from billing.hold import HoldState
from billing.payment import PaymentState
from billing.tariff import Basis, Tariff
from store.ids import ConsultationId, HoldId, PaymentId, PractitionerId

AT = datetime(2026, 11, 22, 10, tzinfo=UTC)
PER_MINUTE = Tariff("EUR", Basis.PER_MINUTE, per_minute=200)
FIXED = Tariff("EUR", Basis.FIXED, fixed=8000)


def a_price(tariff: Tariff = PER_MINUTE, **changes: Any) -> Price:
    """Twenty minutes that begin in an hour, held before."""
    values = {
        "consultation": ConsultationId("con_1"),
        "practitioner": PractitionerId("pra_1"),
        "tariff": tariff,
        "when": When.HOLD,
        "starts_at": AT + timedelta(hours=1),
        "planned_seconds": 1200,
        "locked": False,
        "created_at": AT,
    }
    return Price(**values | changes)


def a_payment(tariff: Tariff = PER_MINUTE, **changes: Any) -> Payment:
    """The agreement to that price, at most 50 €."""
    values: dict[str, Any] = dict.fromkeys(Payment.__slots__)
    values |= {
        "id": PaymentId("pay_1"),
        "consultation": ConsultationId("con_1"),
        "practitioner": PractitionerId("pra_1"),
        "account": "acct_1",
        "state": PaymentState.DRAFT,
        "version": 0,
        "currency": tariff.currency,
        "tariff": tariff,
        "when": When.HOLD,
        "starts_at": AT + timedelta(hours=1),
        "planned_seconds": 1200,
        "patient_name": "Alex Dupont",
        "language": "fr",
        "agreed_most": 5000,
        "agreed_at": AT,
        "no_show": False,
        "heads": {},
        "given_up": 0,
        "paid": 0,
        "refunded": 0,
        "customer": "",
        "payment_method": "",
        "card": "",
        "payout": "none",
        "created_at": AT,
    }
    return Payment(**values | changes)


def a_hold(name: str = "hol_1", amount: int = 5000, state: HoldState = HoldState.HELD, **changes: Any) -> Hold:
    """A week's hold on a card."""
    values = {
        "id": HoldId(name),
        "payment": PaymentId("pay_1"),
        "purpose": Purpose.HOLD,
        "state": state,
        "version": 0,
        "account": "acct_1",
        "amount": amount,
        "currency": "EUR",
        "intent": f"pi_{name}",
        "client_secret": f"pi_{name}_secret_x",
        "capture_before": AT + timedelta(days=7),
        "captured": 0,
        "fee": 0,
        "charge_transaction": "",
        "declined": "",
        "off_session": False,
        "look_at": None,
        "looks": 0,
        "created_at": AT,
        "changed_at": AT,
    }
    return Hold(**values | changes)
