"""Rows of money as the tests put them into the database, without the services that usually write them."""

from datetime import datetime

import msgspec

from billing.tariff import Basis, Tariff

TARIFF = Tariff("EUR", Basis.FIXED, fixed=10000)


def payment_row(payment: str, consultation: str, at: datetime, **changes: object) -> dict[str, object]:
    """Return a payment of 100 € that was paid."""
    return {
        "id": payment,
        "consultation": consultation,
        "practitioner": "pra_1",
        "account": "acct_1",
        "state": "paid",
        "version": 1,
        "currency": "EUR",
        "tariff": msgspec.json.encode(TARIFF).decode(),
        "when": "hold",
        "starts_at": at,
        "planned_seconds": 1800,
        "patient_name": "Alex Dupont",
        "patient_email": "alex@example.org",
        "language": "fr",
        "agreed_most": 10000,
        "agreed_at": at,
        "no_show": False,
        "seconds": 1200,
        "price": 10000,
        "covered": 0,
        "waived": 0,
        "due": 10000,
        "paid": 10000,
        "refunded": 0,
        "customer": "",
        "payment_method": "",
        "card": "visa 4242",
        "payout": "none",
        "created_at": at,
        "invoiced_at": at,
        "paid_at": at,
    } | changes


def hold_row(hold: str, payment: str, at: datetime, **changes: object) -> dict[str, object]:
    """Return a hold of 100 € that was captured."""
    return {
        "id": hold,
        "payment": payment,
        "purpose": "hold",
        "state": "captured",
        "version": 1,
        "account": "acct_1",
        "amount": 10000,
        "currency": "EUR",
        "intent": f"pi_{hold}",
        "client_secret": "",
        "captured": 10000,
        "fee": 1200,
        "charge_transaction": f"txn_{hold}",
        "declined": "",
        "off_session": False,
        "looks": 0,
        "created_at": at,
        "changed_at": at,
    } | changes
