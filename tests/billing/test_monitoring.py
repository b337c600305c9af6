"""Monitoring's rows: durations, filters and the CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.money import Money
from billing.monitoring import (
    PAYMENT_WORDS,
    PAYOUT_WORDS,
    SHOWS,
    Filter,
    MonitoringRow,
    csv_text,
    shown_duration,
    shown_seconds,
    states_of,
)
from billing.payment import PaymentState
from billing.payout import PayoutState

DAY = datetime(2026, 3, 2, tzinfo=UTC)


def moment(text: str) -> datetime:
    return datetime.combine(DAY.date(), datetime.strptime(text, "%H:%M:%S").time(), UTC)  # noqa: DTZ007 — a time of day


def row(**changes: object) -> MonitoringRow:
    return MonitoringRow(
        **{
            "consultation": "con_1",
            "at": DAY,
            "started_at": moment("19:45:35"),
            "ended_at": moment("20:33:53"),
            "seconds": 2898,
            "patient": "Alex Dupont",
            "state": PaymentState.PAID,
            "payout": PayoutState.PENDING,
            "payment": "pay_1",
            "amount": Money(10000, "EUR"),
            "heads": ("abc",),
        }
        | changes
    )


def table(text: str, delimiter: str = ",") -> list[list[str]]:
    assert text.startswith("\ufeff")
    return list(csv.reader(io.StringIO(text[1:], newline=""), delimiter=delimiter))


def link(consultation: str) -> str:
    return f"https://visavis.example/room/{consultation}"


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ("19:45:35", "20:33:53", "48 min 18 s"),
        ("16:33:15", "16:52:03", "18 min 48 s"),
        ("10:29:25", "10:31:34", "2 min 9 s"),
    ],
)
def test_fac_16_durations_are_those_of_the_page(start: str, end: str, shown: str):
    assert shown_duration(shown_seconds(moment(start), moment(end))) == shown


def test_fac_16_the_duration_fits_the_times_as_they_are_shown():
    start = moment("19:45:35") + timedelta(microseconds=999_999)
    assert shown_duration(shown_seconds(start, moment("20:33:53"))) == "48 min 18 s"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3605, "1 h 0 min 5 s"), (90061, "25 h 1 min 1 s")],
)
def test_durations_of_any_length(seconds: int, shown: str):
    assert shown_duration(seconds) == shown


def test_a_duration_is_never_negative():
    assert shown_seconds(moment("10:00:01"), moment("10:00:00")) == 0


def test_fac_13_each_state_is_shown_by_one_filter():
    assert sorted(state for states in SHOWS.values() for state in states) == sorted(PaymentState)
    assert states_of([]) == frozenset(PaymentState)
    assert states_of([Filter.UNPAID, Filter.FAILED]) == {PaymentState.UNPAID, PaymentState.FAILED}


def test_every_state_has_its_words_in_both_languages():
    assert set(PAYMENT_WORDS) == set(PaymentState)
    assert set(PAYOUT_WORDS) == set(PayoutState)
    assert all(len(words) == 2 and all(words) for words in (*PAYMENT_WORDS.values(), *PAYOUT_WORDS.values()))


def test_fac_14_the_csv_in_french_is_what_a_french_spreadsheet_reads():
    head, line = table(csv_text([row()], "fr", "Europe/Paris", link), ";")
    assert head[:9] == [
        "Début",
        "Fin",
        "Durée",
        "Patient",
        "Montant",
        "Statut du paiement",
        "Statut du virement",
        "Lien",
        "Action",
    ]
    assert line == [
        "02/03/2026 20:45:35",
        "02/03/2026 21:33:53",
        "48 min 18 s",
        "Alex Dupont",
        "100,00",
        "Payé",
        "À venir",
        "https://visavis.example/room/con_1",
        "-",
        "EUR",
        "abc",
    ]


def test_fac_15_the_csv_in_english_has_the_nine_columns():
    head, line = table(csv_text([row(state=PaymentState.UNPAID)], "en", "UTC", link))
    assert head[:9] == [
        "Start",
        "End",
        "Duration",
        "Patient",
        "Amount",
        "Payment status",
        "Payout status",
        "Link",
        "Action",
    ]
    assert line[:9] == [
        "2026-03-02 19:45:35",
        "2026-03-02 20:33:53",
        "48 min 18 s",
        "Alex Dupont",
        "100.00",
        "Unpaid",
        "To come",
        "https://visavis.example/room/con_1",
        "Send the payment request again",
    ]


def test_fac_17_without_a_payment_the_amount_is_a_dash():
    free = row(state=PaymentState.NO_PAYMENT, amount=None, payout=PayoutState.NONE, payment="", heads=())
    line = table(csv_text([free], "fr", "UTC", link), ";")[1]
    assert (line[4], line[5], line[6]) == ("-", "Pas de paiement", "-")


@pytest.mark.parametrize("state", PaymentState)
def test_fac_18_what_is_not_paid_can_be_asked_for_again(state: PaymentState):
    askable = {PaymentState.PENDING, PaymentState.UNPAID, PaymentState.FAILED}
    assert row(state=state).can_ask_again == (state in askable)


@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "\xa0=cmd",
        "\uff1d1",
        '=HYPERLINK("x";"y")',
        "-2+3|cmd",
    ],
)
@pytest.mark.parametrize("language", ["fr", "en"])
def test_no_name_becomes_a_formula(name: str, language: str):
    line = table(csv_text([row(patient=name)], language, "UTC", link), ";" if language == "fr" else ",")[1]
    assert line[3] == "'" + name


@given(st.text(max_size=30), st.sampled_from(["fr", "en"]))
def test_whatever_a_name_holds_the_table_keeps_its_shape_and_runs_nothing(name: str, language: str):
    lines = table(csv_text([row(patient=name), row()], language, "UTC", link), ";" if language == "fr" else ",")
    assert [len(line) for line in lines] == [11, 11, 11]
    assert lines[1][3].removeprefix("'") == name.removeprefix("'")
    assert all(cell == "-" or not cell.lstrip().startswith(("=", "+", "-", "@")) for line in lines for cell in line)


def test_a_currency_without_decimals_has_none():
    line = table(csv_text([row(amount=Money(5000, "JPY"))], "en", "UTC", link))[1]
    assert (line[4], line[9]) == ("5000", "JPY")
