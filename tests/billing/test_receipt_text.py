import ast
import inspect
import re
from datetime import UTC, datetime

import pytest
from babel.messages.pofile import read_po

from billing import receipt_text as module
from billing.io.receipt_pdf import CATALOGUE
from billing.receipt import Issuer
from billing.receipt_text import PROOF, receipt_text
from billing.tariff import Basis, Tariff
from tests.billing.receipt_samples import CALL, HEAD, credit_note, receipt


def sentences() -> set[str]:
    said = {PROOF}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_say":
            said |= {part.value for part in ast.walk(node.args[0]) if isinstance(part, ast.Constant)}
    return said


def test_every_sentence_is_there_in_french_and_no_other() -> None:
    with CATALOGUE.open("rb") as file:
        french = {str(message.id): str(message.string) for message in read_po(file, locale="fr") if message.id}
    assert set(french) == sentences()
    for english, text in french.items():
        assert text
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", english))


def amounts(body, language="fr") -> list[tuple[str, str]]:
    return [(line.text, line.amount.replace("\xa0", " ")) for line in receipt_text(body, language, str).lines]


def notes(body) -> list[str]:
    return [note.replace("\xa0", " ") for line in receipt_text(body, "fr", str).lines for note in line.notes]


def test_fac_16_the_duration_is_told_to_the_second() -> None:
    assert ("Duration", "48 min 18 s") in receipt_text(receipt(), "fr", str).facts


def test_time_and_rate_make_the_price() -> None:
    assert notes(receipt()) == ["48 min 18 s at 2,00 € a minute"]
    assert amounts(receipt()) == [
        ("Video consultation", "96,60 €"),
        ("Paid by card Visa ending in 4242", "96,60 €"),
    ]


def test_whatever_shaped_the_price_is_told() -> None:
    tariff = Tariff("EUR", Basis.PER_MINUTE, 1000, 200, 300, 600, 60, 500, 12000)
    assert notes(receipt(301, tariff)) == [
        "10 min 0 s at 2,00 € a minute",
        "The first 5 min 0 s are free",
        "At least 10 min 0 s are billed",
        "Billed in steps of 1 min 0 s",
        "Fixed part: 10,00 €",
        "Minimum: 5,00 €",
        "Maximum: 120,00 €",
    ]


def test_an_amount_that_does_not_follow_from_the_time_is_told_as_entered() -> None:
    assert notes(receipt(price=5000, due=5000, paid=5000)) == ["Amount set by the practitioner"]


@pytest.mark.parametrize("basis", [Basis.FIXED, Basis.AT_END])
def test_a_price_without_a_rate_needs_no_computation(basis: Basis) -> None:
    assert notes(receipt(tariff=Tariff("EUR", basis, fixed=8000))) == []


def test_the_parts_of_others_are_taken_off() -> None:
    body = receipt(covered=5000, waived=1000, due=3660, paid=3660, organisation="Mutuelle des Alpes")
    assert amounts(body) == [
        ("Video consultation", "96,60 €"),
        ("Taken over by Mutuelle des Alpes", "-50,00 €"),
        ("Not charged", "-10,00 €"),
        ("To be paid by the patient", "36,60 €"),
        ("Paid by card Visa ending in 4242", "36,60 €"),
    ]


def test_a_missed_appointment_is_called_so_and_has_no_duration() -> None:
    """DAT-23."""
    text = receipt_text(receipt(0, no_show=True, price=2000, due=2000, paid=2000), "fr", str)
    assert text.lines[0].text == "Missed appointment"
    assert "Duration" not in dict(text.facts)


def test_a_credit_note_names_its_receipt_the_amount_and_the_reason() -> None:
    text = receipt_text(credit_note(), "en", str)
    assert text.title == "Credit note 1A2B3C4D/2026-00018"
    assert dict(text.facts)["Concerns the receipt"] == "1A2B3C4D/2026-00017"
    assert amounts(credit_note()) == [("Given back to card Visa ending in 4242", "20,00 €")]
    assert notes(credit_note()) == ["Reason: Coupure du son"]
    assert (text.proof, text.heads) == ("", ())


def test_a_receipt_carries_the_last_hash_of_each_call() -> None:
    text = receipt_text(receipt(), "en", str)
    assert text.proof == PROOF
    assert text.heads == ((CALL, HEAD),)
    assert receipt_text(receipt(heads=()), "en", str).proof == ""


@pytest.mark.parametrize(
    ("zone", "language", "issued", "started"),
    [
        ("Europe/Paris", "fr", "29 mars 2026", "28 mars 2026, 20:45 (Europe/Paris)"),
        ("America/Martinique", "en", "28 March 2026", "28 March 2026, 15:45 (America/Martinique)"),
        ("No/Where", "fr", "28 mars 2026", "28 mars 2026, 19:45 (UTC)"),
    ],
)
def test_dates_are_the_practitioners(zone: str, language: str, issued: str, started: str) -> None:
    facts = dict(receipt_text(receipt(issuer=Issuer("X", (), zone)), language, str).facts)
    assert (facts["Issued on"], facts["Video consultation of"]) == (issued, started)


def test_cards_are_named_as_people_know_them() -> None:
    assert "American Express ending in 0005" in amounts(receipt(card="amex 0005"))[-1][0]
    assert amounts(receipt(card=""))[-1][0] == "Paid"


def test_the_day_of_issue_is_not_the_servers() -> None:
    late = receipt(issued_at=datetime(2026, 12, 31, 23, 30, tzinfo=UTC))
    assert dict(receipt_text(late, "fr", str).facts)["Issued on"] == "1 janvier 2027"
