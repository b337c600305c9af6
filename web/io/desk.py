"""The practitioner's desk: consultations, the form that plans one, the patient's link as a QR code."""

from datetime import datetime

from aiohttp import web as aioweb

from agenda.consultation import Consultation
from store.ids import PractitionerId
from web import pricing
from web.io.answers import page, see
from web.io.guard import form_of
from web.io.parts import SITE, WHO, WebParts
from web.io.qr import svg
from web.io.rooms import own_consultation
from web.io.views import shown, shown_of
from web.planning import read_form
from web.pricing import PlannedPrice
from web.problems import Refused

_EMPTY = {"patient_name": "", "when": "now", "starts_at": "", "minutes": "30", **pricing.EMPTY}


async def desk(request: aioweb.Request) -> aioweb.Response:
    """GET /desk."""
    return await _desk(request)


async def create(request: aioweb.Request) -> aioweb.Response:
    """POST /desk/consultations. What is wrong with the form is said beside it, with what was typed kept."""
    form = await form_of(request)
    who, parts = request[WHO], request.app[SITE].parts
    at = parts.clock()
    try:
        plan = read_form(form, who.time_zone, at)
        price = pricing.read_price(form, parts.money.billing.settings.currency, plan.minutes)
        await check_payable(parts, who.id, price)
    except Refused as refused:
        typed = {name: form.get(name, empty) for name, empty in _EMPTY.items()}
        return await _desk(request, refused, typed)
    consultation = await parts.agenda.plan(who.id, plan.patient_name, plan.starts_at, plan.minutes, at)
    await set_price(parts, consultation, price, at)
    await parts.lobby.invite(consultation.id, at)
    return see(f"/desk#{consultation.id}")


async def check_payable(parts: WebParts, practitioner: PractitionerId, price: PlannedPrice) -> None:
    """Raise `Refused` for a price whose practitioner cannot be paid yet."""
    if not price.free and not await can_charge(parts, practitioner):
        raise Refused("no_account", field="basis")


async def can_charge(parts: WebParts, practitioner: PractitionerId) -> bool:
    """Whether the practitioner's account at the provider, as we last saw it, takes payments."""
    account = await parts.money.billing.connect.account_of(practitioner)
    return account is not None and account.id != "" and account.kyc.can_charge


async def set_price(parts: WebParts, consultation: Consultation, price: PlannedPrice, at: datetime) -> None:
    """Give the new consultation its price, if it has one."""
    if not price.free:
        await parts.money.billing.prices.set(
            consultation.id,
            consultation.practitioner,
            price.tariff,
            price.when,
            consultation.starts_at,
            consultation.minutes * 60,
            at,
        )


async def cancel(request: aioweb.Request) -> aioweb.Response:
    """POST /desk/consultations/{id}/cancel. Whoever waits or is in the call is told so at once."""
    consultation = await own_consultation(request)
    parts = request.app[SITE].parts
    view = await shown(request, consultation, request[WHO].time_zone)
    if view.state == "past":
        return await _desk(request, Refused("too_late"))
    await parts.agenda.cancel(consultation.id, parts.clock())
    await parts.on_cancel(consultation.id)
    return see("/desk")


async def invitation(request: aioweb.Request) -> aioweb.Response:
    """GET /desk/consultations/{id}/invitation.svg."""
    view = await shown(request, await own_consultation(request), request[WHO].time_zone)
    if not view.invitation_url:
        raise Refused("not_found")
    return aioweb.Response(body=svg(view.invitation_url), content_type="image/svg+xml")


async def _desk(
    request: aioweb.Request, refused: Refused | None = None, form: dict[str, str] | None = None
) -> aioweb.Response:
    who = request[WHO]
    parts = request.app[SITE].parts
    consultations = await shown_of(request, who)
    data = {
        "consultations": [
            {
                "id": one.id,
                "patient_name": one.patient_name,
                "starts_at": one.starts_at,
                "invitation_url": one.invitation_url,
            }
            for one in consultations
        ]
    }
    return page(
        request,
        "desk",
        status=refused.status if refused else 200,
        path="/desk",
        data=data,
        consultations=consultations,
        problem=refused.code if refused else None,
        wrong=refused.field if refused else None,
        currency=parts.money.billing.settings.currency,
        can_charge=await can_charge(parts, who.id),
        mail_in_files=parts.settings.mail_in_files,
        form=form or _EMPTY,
        time_zone=who.time_zone,
    )
