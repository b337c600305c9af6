"""A consultation: one planned encounter of a practitioner and a patient, and when its doors are open."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from store.ids import ConsultationId, PractitionerId
from store.names import BadName, person_name

SHORTEST_MINUTES = 5
LONGEST_MINUTES = 240

# One who types the plan a little late still makes a consultation that has begun.
LATEST_ENTRY = timedelta(hours=1)
FURTHEST = timedelta(days=366)


class BadPlan(ValueError):
    """Theirs: no such consultation can be planned."""


class UnknownConsultation(LookupError):
    """There is no consultation with this id."""


@dataclass(frozen=True, slots=True)
class Consultation:
    """Planned from `starts_at` for `minutes`. At most one of `cancelled_at` and `ended_at` is set."""

    id: ConsultationId
    practitioner: PractitionerId
    patient_name: str
    starts_at: datetime
    minutes: int
    created_at: datetime
    cancelled_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def planned_end(self) -> datetime:
        return self.starts_at + timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class JoinWindow:
    """How long before the start and after the planned end one may come in (CLI-8, CLI-9)."""

    before: timedelta = timedelta(minutes=30)
    after: timedelta = timedelta(minutes=30)

    def opens_at(self, consultation: Consultation) -> datetime:
        return consultation.starts_at - self.before

    def closes_at(self, consultation: Consultation) -> datetime:
        return consultation.planned_end + self.after


def plan(
    consultation: ConsultationId,
    practitioner: PractitionerId,
    patient_name: str,
    starts_at: datetime,
    minutes: int,
    *,
    at: datetime,
) -> Consultation:
    """Return a new consultation. Raises `BadPlan` for a name, length or start that cannot be."""
    try:
        name = person_name(patient_name)
    except BadName as error:
        raise BadPlan(str(error)) from None
    if not SHORTEST_MINUTES <= minutes <= LONGEST_MINUTES:
        raise BadPlan("a consultation lasts 5 to 240 minutes")
    if starts_at.utcoffset() is None:
        raise BadPlan("the start needs its time zone")
    if not at - LATEST_ENTRY <= starts_at <= at + FURTHEST:
        raise BadPlan("a consultation starts within the next year")
    return Consultation(consultation, practitioner, name, starts_at, minutes, at)
