"""How the two came to a consultation: shown beside a missed one, and kept when it is charged."""

from aiohttp import web as aioweb

from agenda.consultation import Consultation
from billing.agreement import Timeline
from web.io.parts import SITE


async def timeline_of(request: aioweb.Request, consultation: Consultation) -> Timeline:
    """Return when the invitation was made, opened, and used to wait, and when the practitioner was there first.

    And for how long the patient was there after the planned start.
    """
    parts = request.app[SITE].parts
    arrivals = await parts.lobby.arrivals(consultation.id)
    return Timeline(
        invited_at=arrivals.invited_at,
        opened_at=arrivals.opened_at,
        waiting_since=arrivals.waiting_since,
        host_since=await parts.host_since(consultation.id),
        waited_seconds=await parts.patient_seconds(consultation.id, consultation.starts_at),
    )
