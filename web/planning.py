"""A plan for a consultation, as a form or a program sends it, and what is wrong with it: one problem at a time."""

from dataclasses import dataclass
from datetime import datetime

from agenda.consultation import FURTHEST, LATEST_ENTRY, LONGEST_MINUTES, SHORTEST_MINUTES
from store.names import BadName, person_name
from web.local_time import BadLocalTime, NoSuchLocalTime, read_local, zone
from web.problems import Refused


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be planned; `starts_at` is aware."""

    patient_name: str
    starts_at: datetime
    minutes: int


def check(plan: Plan, at: datetime) -> Plan:
    """Return the plan. Raises `Refused` with the field that is to blame; the agenda checks the same once more."""
    try:
        person_name(plan.patient_name)
    except BadName:
        raise Refused("bad_patient_name", field="patient_name") from None
    if not SHORTEST_MINUTES <= plan.minutes <= LONGEST_MINUTES:
        raise Refused("bad_minutes", field="minutes")
    if not at - LATEST_ENTRY <= plan.starts_at <= at + FURTHEST:
        raise Refused("bad_start", field="starts_at")
    return plan


def read_form(form: dict[str, str], time_zone: str, at: datetime) -> Plan:
    """Return the plan in the desk's form, whose `starts_at` is local to `time_zone`. Raises `Refused`."""
    minutes = form.get("minutes", "").strip()
    if not (minutes.isascii() and minutes.isdecimal() and len(minutes) <= 3):
        raise Refused("bad_minutes", field="minutes")
    plan = Plan(form.get("patient_name", ""), _start(form, time_zone, at), int(minutes))
    return check(plan, at)


def _start(form: dict[str, str], time_zone: str, at: datetime) -> datetime:
    if form.get("when") != "later":
        return at
    try:
        return read_local(form.get("starts_at", ""), zone(time_zone))
    except BadLocalTime:
        raise Refused("bad_time", field="starts_at") from None
    except NoSuchLocalTime:
        raise Refused("no_such_time", field="starts_at") from None
