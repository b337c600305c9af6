"""The practitioner's earnings."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from billing.earnings import Month, Movement, Session, earnings
from billing.ledger import PostingKind


def movement(month: int, patient: str = "Alex", gross: int = 10000, currency: str = "EUR", day: int = 15) -> Movement:
    fee, commission = (175, 1200) if gross > 0 else (0, -300)
    kind = PostingKind.CAPTURED if gross > 0 else PostingKind.REFUNDED
    at = datetime(2026, month, day, 23, 30, tzinfo=UTC)
    return Movement(at, kind, "pay_1", patient, currency, gross, fee, commission)


def session(day: int, patient: str, seconds: int) -> Session:
    return Session(f"con_{day}", patient, datetime(2026, 3, day, tzinfo=UTC), seconds)


def test_c2_21_months_follow_each_other_without_a_gap():
    report = earnings([movement(1), movement(4, gross=-2500), movement(4)], [], "UTC")
    assert report.months == (
        Month("2026-01", "EUR", 10000, 175, 1200, 8625),
        Month("2026-02", "EUR", 0, 0, 0, 0),
        Month("2026-03", "EUR", 0, 0, 0, 0),
        Month("2026-04", "EUR", 7500, 175, 900, 6425),
    )


def test_a_month_is_the_practitioners_own():
    assert earnings([movement(1, day=31)], [], "Europe/Paris").months[0].month == "2026-02"


def test_each_currency_stands_alone():
    report = earnings([movement(1), movement(1, currency="CHF")], [], "UTC")
    assert [(month.currency, month.gross) for month in report.months] == [("CHF", 10000), ("EUR", 10000)]


def test_c2_22_c2_23_c2_24_patients_time_and_sessions():
    report = earnings([], [session(1, "Zoé", 60), session(3, "alex", 100), session(2, "Zoé", 1)], "UTC")
    assert report.patients == ("alex", "Zoé")
    assert report.total_seconds == 161
    assert [one.consultation for one in report.sessions] == ["con_3", "con_2", "con_1"]


def test_c2_25_payments_are_shown_patient_by_patient():
    report = earnings([movement(1, "Zoé"), movement(2, "Alex"), movement(3, "Alex", -2500)], [], "UTC")
    assert [(total.patient, total.gross, len(total.movements)) for total in report.by_patient] == [
        ("Alex", 7500, 2),
        ("Zoé", 10000, 1),
    ]
    assert [one.gross for one in report.by_patient[0].movements] == [-2500, 10000]


@given(
    st.lists(
        st.builds(
            movement,
            st.integers(1, 12),
            st.sampled_from(["A", "B"]),
            st.integers(-9999, 9999),
            st.sampled_from(["EUR", "JPY"]),
        )
    )
)
def test_the_parts_sum_to_the_whole(movements: list[Movement]):
    report = earnings(movements, [], "Europe/Paris")
    for currency in ("EUR", "JPY"):
        theirs = [one for one in movements if one.currency == currency]
        months = [month for month in report.months if month.currency == currency]
        assert sum(month.net for month in months) == sum(one.net for one in theirs)
        assert sum(t.gross for t in report.by_patient if t.currency == currency) == sum(one.gross for one in theirs)
