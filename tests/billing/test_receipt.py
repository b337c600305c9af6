"""How receipts are numbered."""

from datetime import UTC, datetime

from billing.receipt import Issuer, ReceiptBody, ReceiptKind, decoded, encoded, printed_number, series
from tests.billing.money_rows import TARIFF

SILVESTER = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)


def test_a_series_belongs_to_one_practitioner_and_one_year():
    assert series("pra_1", SILVESTER, "UTC") == series("pra_1", SILVESTER.replace(month=1), "UTC")
    assert series("pra_1", SILVESTER, "UTC") != series("pra_2", SILVESTER, "UTC")


def test_the_year_is_the_practitioners_own():
    assert series("pra_1", SILVESTER, "UTC").endswith("/2026")
    assert series("pra_1", SILVESTER, "Europe/Paris").endswith("/2027")


def test_a_number_is_printed_with_its_series():
    assert printed_number("1A2B3C4D/2026", 17) == "1A2B3C4D/2026-00017"
    assert printed_number("1A2B3C4D/2026", 123456) == "1A2B3C4D/2026-123456"


def test_a_receipt_is_read_as_it_was_written():
    body = ReceiptBody(
        number="A/2026-00001",
        kind=ReceiptKind.CREDIT_NOTE,
        issued_at=SILVESTER,
        issuer=Issuer("Dr Camille Martin", ("1 rue des Lilas",), "Europe/Paris"),
        patient="Alex Dupont",
        consultation="con_1",
        starts_at=SILVESTER,
        currency="EUR",
        tariff=TARIFF,
        seconds=1200,
        price=10000,
        covered=0,
        waived=0,
        due=10000,
        paid=2500,
        heads=(("cal_1", "ab" * 32),),
    )
    assert decoded(encoded(body)) == body
