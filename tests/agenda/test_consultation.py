"""Planning a consultation, and when its doors are open."""

from datetime import datetime, timedelta, timezone

import pytest

from agenda.consultation import BadPlan, Consultation, JoinWindow, plan
from store.ids import ConsultationId, PractitionerId

MINUTE = timedelta(minutes=1)


def planned(at: datetime, **changed: object) -> Consultation:
    given = {"patient_name": "M. Dupont", "starts_at": at, "minutes": 30} | changed
    return plan(ConsultationId("con"), PractitionerId("pra"), at=at, **given)


def test_the_doors_open_thirty_minutes_before_and_close_thirty_minutes_after_the_planned_end(at: datetime):
    """CLI-8, CLI-9."""
    window = JoinWindow()
    consultation = planned(at, minutes=45)
    assert window.opens_at(consultation) == at - 30 * MINUTE
    assert window.closes_at(consultation) == at + 75 * MINUTE


def test_both_bounds_are_settings(at: datetime):
    """CLI-9."""
    window = JoinWindow(before=10 * MINUTE, after=0 * MINUTE)
    assert window.opens_at(planned(at)) == at - 10 * MINUTE
    assert window.closes_at(planned(at)) == at + 30 * MINUTE


def test_the_length_counts_minutes_and_not_the_clock_on_the_wall():
    before_the_change = datetime.fromisoformat("2026-03-29T01:45:00+01:00")
    consultation = planned(before_the_change, minutes=30)
    assert consultation.planned_end == datetime.fromisoformat("2026-03-29T03:15:00+02:00")


@pytest.mark.parametrize("minutes", [5, 240])
@pytest.mark.parametrize("offset", [-timedelta(hours=1), timedelta(0), timedelta(days=365)])
def test_what_can_be_is_planned(at: datetime, minutes: int, offset: timedelta):
    start = (at + offset).astimezone(timezone(timedelta(hours=2)))
    consultation = planned(at, starts_at=start, minutes=minutes)
    assert (consultation.starts_at, consultation.minutes) == (start, minutes)
    assert (consultation.cancelled_at, consultation.ended_at) == (None, None)


@pytest.mark.parametrize("minutes", [-1, 0, 4, 241])
def test_a_length_out_of_bounds_is_refused(at: datetime, minutes: int):
    with pytest.raises(BadPlan):
        planned(at, minutes=minutes)


@pytest.mark.parametrize("offset", [-timedelta(hours=1, microseconds=1), timedelta(days=366, microseconds=1)])
def test_a_start_long_past_or_far_off_is_refused(at: datetime, offset: timedelta):
    with pytest.raises(BadPlan):
        planned(at, starts_at=at + offset)


def test_a_start_without_a_zone_is_refused(at: datetime):
    with pytest.raises(BadPlan):
        planned(at, starts_at=at.replace(tzinfo=None))


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\x00"])
def test_a_patient_without_a_readable_name_is_refused(at: datetime, name: str):
    with pytest.raises(BadPlan):
        planned(at, patient_name=name)
