"""The demonstration: a practitioner and one consultation that starts now."""

from dataclasses import dataclass
from datetime import datetime

from agenda.consultation import JoinWindow
from app.wiring import Records
from web.views import invitation_url, room_path

PRACTITIONER = "Dr Camille Martin"
EMAIL = "camille.martin@demo.example"
PATIENT = "Alex Dupont"
MINUTES = 30


@dataclass(frozen=True, slots=True)
class Demo:
    """The two links, each for one browser, and a key for the REST API that acts for the practitioner."""

    practitioner_url: str
    patient_url: str
    api_key: str


async def make_demo(records: Records, url: str, window: JoinWindow, at: datetime) -> Demo:
    """Return a demonstration on the site at `url`; its practitioner is made at the first one in a data folder.

    The practitioner's link is good until the consultation's join window closes.
    """
    practitioner = await records.agenda.practitioner_by_email(EMAIL)
    if practitioner is None:
        practitioner = await records.agenda.create_practitioner(EMAIL, PRACTITIONER, None, at)
    consultation = await records.agenda.plan(practitioner.id, PATIENT, at, MINUTES, at)
    lifetime = window.closes_at(consultation) - at
    link = await records.credentials.create_login_link(practitioner.id, room_path(consultation.id), at, lifetime)
    invitation = await records.lobby.invite(consultation.id, at)
    key = await records.credentials.create_key("demo", practitioner.id, at)
    return Demo(f"{url}/open#{link}", invitation_url(url, invitation), key)
