"""Consultations made ready to be shown, with the patient's link where there is one to give."""

from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web as aioweb

from agenda.consultation import FURTHEST, Consultation
from agenda.people import Practitioner
from web.io.parts import SITE, WebParts
from web.io.visitor import base_url
from web.local_time import zone
from web.views import ConsultationView, State, price_note, state_of, view

# A consultation that began yesterday may still be open at midnight.
_LOOK_BACK = timedelta(days=2)


async def token_of(parts: WebParts, consultation: Consultation, state: State, at: datetime) -> str | None:
    """Return the invitation's token; None once it would lead nowhere."""
    if state in {"past", "cancelled"}:
        return None
    return await parts.lobby.invite(consultation.id, at)


async def shown(request: aioweb.Request, consultation: Consultation, time_zone: str) -> ConsultationView:
    """Return the consultation as its practitioner sees it now."""
    parts = request.app[SITE].parts
    at = parts.clock()
    state = state_of(consultation, parts.settings.join_window, at)
    token = await token_of(parts, consultation, state, at)
    return view(consultation, state, base_url(request), token, zone(time_zone))


async def shown_of(request: aioweb.Request, practitioner: Practitioner) -> list[ConsultationView]:
    """Return today's consultations and the coming ones, with their prices, earliest first."""
    parts = request.app[SITE].parts
    at = parts.clock()
    midnight = at.astimezone(zone(practitioner.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    found = await parts.agenda.consultations_of(practitioner.id, at - _LOOK_BACK, at + FURTHEST + _LOOK_BACK)
    window = parts.settings.join_window
    holds = parts.money.billing.holds
    return [
        replace(
            await shown(request, consultation, practitioner.time_zone),
            price=price_note(await holds.view(consultation.id, at)),
        )
        for consultation in found
        if consultation.starts_at >= midnight or state_of(consultation, window, at) == "open"
    ]
