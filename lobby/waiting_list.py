"""The waiting list as the practitioner sees it."""

from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime

from lobby.admission import Admission, State
from store.ids import AdmissionId, ConsultationId


@dataclass(frozen=True, slots=True)
class WaitingEntry:
    """One who waits. `same_link`: the patient's seat of this consultation is held by the same link already."""

    admission: AdmissionId
    version: int
    consultation: ConsultationId
    name: str
    since: datetime
    camera: str
    microphone: str
    connected: bool
    same_link: bool


def waiting_list(
    admissions: Iterable[Admission], connected: Container[AdmissionId], seated: Container[ConsultationId]
) -> tuple[WaitingEntry, ...]:
    """Return those who wait, the longest first.

    `connected` holds the admissions whose page is here, `seated` the consultations whose patient's seat is taken.
    """
    waiting = (admission for admission in admissions if admission.state is State.WAITING)
    return tuple(
        WaitingEntry(
            admission=admission.id,
            version=admission.version,
            consultation=admission.consultation,
            name=admission.name,
            since=admission.waiting_since,
            camera=admission.camera,
            microphone=admission.microphone,
            connected=admission.id in connected,
            same_link=admission.consultation in seated,
        )
        for admission in sorted(waiting, key=lambda admission: (admission.waiting_since, admission.id))
    )
