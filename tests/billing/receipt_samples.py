"""Receipts to print."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from billing.receipt import Issuer, ReceiptBody, ReceiptKind
from billing.tariff import Basis, Tariff, quote

TARIFF = Tariff("EUR", Basis.PER_MINUTE, per_minute=200)
HEAD = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
CALL = "cal_AAAAAAAAAAAAAAAAAAAAAA"


def receipt(seconds: int = 48 * 60 + 18, tariff: Tariff = TARIFF, **other: Any) -> ReceiptBody:
    """Return a paid consultation's receipt; 48 min 18 s at 2 € a minute are 96,60 €."""
    price = quote(tariff, seconds).price
    body = ReceiptBody(
        number="1A2B3C4D/2026-00017",
        kind=ReceiptKind.RECEIPT,
        issued_at=datetime(2026, 3, 28, 23, 30, 5, tzinfo=UTC),
        issuer=Issuer("Dr Camille Martin", ("12 rue de des Étoiles", "69003 Lyon", "RPPS 10001234567"), "Europe/Paris"),
        patient="Jeanne Dupont",
        consultation="con_BBBBBBBBBBBBBBBBBBBBBB",
        starts_at=datetime(2026, 3, 28, 19, 45, tzinfo=UTC),
        currency=tariff.currency,
        tariff=tariff,
        seconds=seconds,
        price=price,
        covered=0,
        waived=0,
        due=price,
        paid=price,
        card="visa 4242",
        vat_note="TVA non applicable, article 261-4-1° du CGI",
        heads=((CALL, HEAD),),
    )
    return msgspec.structs.replace(body, **other)


def credit_note(**other: Any) -> ReceiptBody:
    """Return a credit note over 20 €."""
    values = {"number": "1A2B3C4D/2026-00018", "of": "1A2B3C4D/2026-00017", "reason": "Coupure du son", "paid": 2000}
    return receipt(kind=ReceiptKind.CREDIT_NOTE, **values | other)
