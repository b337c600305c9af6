"""The REST API: consultations planned, read and cancelled by another program with a key."""

from datetime import datetime, timedelta

from aiohttp import web as aioweb

from agenda.consultation import Consultation
from agenda.people import Practitioner
from billing.tariff import Basis, Tariff
from store.ids import ConsultationId, Prefix, is_id
from web.api import ConsultationAnswer, Entry, MeterAnswer, NewConsultation, NewPrice, PaymentAnswer
from web.io.answers import json
from web.io.desk import check_payable
from web.io.guard import body_of
from web.io.parts import API_KEY, SITE
from web.io.views import token_of
from web.io.visitor import base_url
from web.openapi import document
from web.planning import Plan, check
from web.pricing import PlannedPrice, priced
from web.problems import Refused
from web.views import invitation_url, room_path, state_of

# Long enough for a platform to redirect a practitioner; a link that lies about is worth nothing soon.
_ENTRY_LIFETIME = timedelta(minutes=10)


async def openapi(request: aioweb.Request) -> aioweb.Response:
    """GET /api/openapi.json."""
    return json(document(request.app[SITE].parts.settings.version, base_url(request)))


async def create(request: aioweb.Request) -> aioweb.Response:
    """POST /api/consultations."""
    new = await body_of(request, NewConsultation)
    parts = request.app[SITE].parts
    at = parts.clock()
    practitioner = await _practitioner(request, new.practitioner)
    plan = check(Plan(new.patient_name, new.starts_at or at, new.minutes), at)
    price = _price(new.price, plan.minutes) if new.price is not None else None
    if new.price is not None and new.price.locked and request[API_KEY].practitioner is not None:
        raise Refused("not_allowed", field="locked")
    if price is not None:
        await check_payable(parts, practitioner.id, price)
    consultation = await parts.agenda.plan(practitioner.id, plan.patient_name, plan.starts_at, plan.minutes, at)
    if new.price is not None and price is not None:
        await parts.money.billing.prices.set(
            consultation.id,
            practitioner.id,
            price.tariff,
            price.when,
            consultation.starts_at,
            consultation.minutes * 60,
            at,
            locked=new.price.locked,
            by_platform=new.price.locked,
        )
    response = json(await _answer(request, consultation, practitioner, at), status=201)
    response.headers["Location"] = f"/api/consultations/{consultation.id}"
    return response


async def read(request: aioweb.Request) -> aioweb.Response:
    """GET /api/consultations/{id}."""
    consultation, practitioner = await _found(request)
    return json(await _answer(request, consultation, practitioner, request.app[SITE].parts.clock()))


async def cancel(request: aioweb.Request) -> aioweb.Response:
    """DELETE /api/consultations/{id}. Repeating it changes nothing."""
    consultation, practitioner = await _found(request)
    parts = request.app[SITE].parts
    at = parts.clock()
    if state_of(consultation, parts.settings.join_window, at) == "past":
        raise Refused("too_late")
    cancelled = await parts.agenda.cancel(consultation.id, at)
    await parts.on_cancel(consultation.id)
    return json(await _answer(request, cancelled, practitioner, at))


async def entry(request: aioweb.Request) -> aioweb.Response:
    """POST /api/consultations/{id}/entry: a fresh link for the practitioner, who needs no password then."""
    consultation, practitioner = await _found(request)
    parts = request.app[SITE].parts
    at = parts.clock()
    if state_of(consultation, parts.settings.join_window, at) in ("past", "cancelled"):
        raise Refused("too_late")
    target = room_path(consultation.id)
    token = await parts.credentials.create_login_link(practitioner.id, target, at, _ENTRY_LIFETIME)
    return json(Entry(f"{base_url(request)}/open#{token}", at + _ENTRY_LIFETIME), status=201)


def _price(new: NewPrice, minutes: int) -> PlannedPrice:
    tariff = Tariff(
        currency=new.currency.upper(),
        basis=Basis(new.basis),
        fixed=new.fixed,
        per_minute=new.per_minute,
        free_seconds=new.free_seconds,
        minimum_seconds=new.minimum_seconds,
        granularity=new.granularity,
        minimum=new.minimum,
        cap=new.cap,
    )
    return priced(tariff, new.pay, minutes)


async def _practitioner(request: aioweb.Request, email: str | None) -> Practitioner:
    """Return for whom to plan. A practitioner's own key does not tell who else there is."""
    agenda, own = request.app[SITE].parts.agenda, request[API_KEY].practitioner
    found = await agenda.practitioner_by_email(email) if email is not None else None
    if email is None and own is not None:
        found = await agenda.practitioner(own)
    if found is None or (own is not None and found.id != own):
        raise Refused("practitioner_unknown", field="practitioner")
    return found


async def _found(request: aioweb.Request) -> tuple[Consultation, Practitioner]:
    text, own = request.match_info["id"], request[API_KEY].practitioner
    agenda = request.app[SITE].parts.agenda
    found = await agenda.consultation(ConsultationId(text)) if is_id(text, Prefix.CONSULTATION) else None
    if found is None or (own is not None and found.practitioner != own):
        raise Refused("not_found")
    practitioner = await agenda.practitioner(found.practitioner)
    if practitioner is None:
        raise Refused("not_found")
    return found, practitioner


async def _answer(
    request: aioweb.Request, consultation: Consultation, practitioner: Practitioner, at: datetime
) -> ConsultationAnswer:
    parts = request.app[SITE].parts
    base = base_url(request)
    state = state_of(consultation, parts.settings.join_window, at)
    token = await token_of(parts, consultation, state, at)
    billing = parts.money.billing
    payment, going = await billing.invoices.payment_of(consultation.id), await billing.metering.now(consultation.id)
    return ConsultationAnswer(
        id=consultation.id,
        practitioner=practitioner.email,
        patient_name=consultation.patient_name,
        starts_at=consultation.starts_at,
        minutes=consultation.minutes,
        state=state,
        patient_url=invitation_url(base, token) if token else None,
        practitioner_url=base + room_path(consultation.id),
        meter=MeterAnswer(going.milliseconds, going.running, going.paused),
        payment=PaymentAnswer(payment.state, payment.currency, payment.due, payment.paid, payment.refunded)
        if payment
        else None,
    )
