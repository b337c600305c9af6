"""The practitioner's room, the patient's page, and what an invitation leads to."""

from aiohttp import web as aioweb

from agenda.consultation import Consultation
from lobby.gate import GateFacts, Obstacle, obstacles
from store.ids import ConsultationId, Prefix, is_id
from web.api import Invitation, Look
from web.io.answers import json, page
from web.io.guard import body_of
from web.io.parts import SITE, WHO
from web.io.views import shown
from web.io.visitor import address_bucket
from web.problems import Refused

# What time, or the patient, will take out of the way: the link still leads to the consultation.
_MAY_PASS = {Obstacle.TOO_EARLY, Obstacle.AGREEMENT, Obstacle.HOLD}


async def own_consultation(request: aioweb.Request) -> Consultation:
    """Return the consultation in the path when it is the logged-in practitioner's own. Raises `Refused` else."""
    text = request.match_info["id"]
    if is_id(text, Prefix.CONSULTATION):
        found = await request.app[SITE].parts.agenda.consultation(ConsultationId(text))
        if found is not None and found.practitioner == request[WHO].id:
            return found
    raise Refused("not_found")


async def room(request: aioweb.Request) -> aioweb.Response:
    """GET /consultations/{id}."""
    practitioner = request[WHO]
    consultation = await shown(request, await own_consultation(request), practitioner.time_zone)
    data = {
        "consultation": consultation.id,
        "practitioner": practitioner.name,
        "patient_name": consultation.patient_name,
        "starts_at": consultation.starts_at,
        "minutes": consultation.minutes,
        "invitation_url": consultation.invitation_url,
        "priced": await request.app[SITE].parts.money.billing.prices.of(consultation.id) is not None,
    }
    return page(request, "room", data=data, consultation=consultation)


async def join_page(request: aioweb.Request) -> aioweb.Response:
    """GET /join. The invitation stands in the fragment, so nothing is known of it here."""
    return page(request, "join")


async def look(request: aioweb.Request) -> aioweb.Response:
    """POST /join/look: the consultation of an invitation, or the one answer for everything that is none."""
    asked = await body_of(request, Invitation)
    site = request.app[SITE]
    agenda, lobby, window = site.parts.agenda, site.parts.lobby, site.parts.settings.join_window
    at = site.parts.clock()
    if wait := site.looks.take(address_bucket(request), at):
        raise Refused("too_many", retry_after=wait)
    found = await lobby.consultation_of(asked.invitation)
    consultation = await agenda.consultation(found) if found is not None else None
    practitioner = await agenda.practitioner(consultation.practitioner) if consultation is not None else None
    if consultation is None or practitioner is None:
        raise Refused("link_unknown")
    opens_at, closes_at = window.opens_at(consultation), window.closes_at(consultation)
    facts = GateFacts(
        at=at,
        opens_at=opens_at,
        closes_at=closes_at,
        cancelled=consultation.cancelled_at is not None,
        ended=consultation.ended_at is not None,
        price=tuple(map(Obstacle, await site.parts.money.billing.holds.obstacles(consultation.id, at))),
    )
    await site.parts.lobby.note_opened(consultation.id, at)
    found_obstacles = obstacles(facts)
    return json(
        Look(
            practitioner=practitioner.name,
            patient_name=consultation.patient_name if set(found_obstacles) <= _MAY_PASS else None,
            starts_at=consultation.starts_at,
            minutes=consultation.minutes,
            opens_at=opens_at,
            closes_at=closes_at,
            obstacles=[obstacle.value for obstacle in found_obstacles],
        )
    )
