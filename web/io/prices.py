"""What a consultation costs its patient: shown, agreed to, and held on a card, before the waiting room opens."""

from dataclasses import replace
from datetime import datetime

from aiohttp import web as aioweb

from agenda.consultation import Consultation
from billing import tariff as tariffs
from billing.agreement import HOLD_AT_MOST_BEFORE, CardForm, When
from billing.patient_view import PatientView
from store.names import BadName
from web.io.answers import json
from web.io.cards import card_address
from web.io.guard import body_of
from web.io.parts import SITE
from web.io.visitor import address_bucket, base_url, language_of
from web.money import OWED, Agreement, CardAddress, CouponCheck, Invited, more_to_hold, price_look
from web.problems import Refused

# Where the card form leads back to; the page itself knows its invitation.
_BACK = "/join"
_BACK_TO_CALL = "/card/done"
# More is authorised when the hold is nearly used up; the pages offer it at two minutes. Earlier, whoever else has the
# invitation could raise a patient's hold beyond anything that time has cost.
_MORE_WITHIN_SECONDS = 300


async def price(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price."""
    asked = await body_of(request, Invited)
    consultation, at = await _invited(request, asked.invitation)
    return await _shown(
        request, consultation, await request.app[SITE].parts.money.billing.holds.view(consultation.id, at)
    )


async def coupon(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price/coupon: the price as it would be with this code; nothing is used up."""
    asked = await body_of(request, CouponCheck)
    consultation, at = await _open(request, asked.invitation)
    holds = request.app[SITE].parts.money.billing.holds
    view = await holds.view(consultation.id, at)
    if view.most is None or view.agreed:
        return await _shown(request, consultation, view)
    _count_code(request, consultation, at)
    found = await request.app[SITE].parts.money.billing.coupons.find(asked.coupon, view.tariff.currency, at)
    request.app[SITE].codes.give_back(consultation.id, at)
    due = tariffs.with_price(view.tariff, 0, 0, view.most, found.discount, None).due
    held = due if view.when is When.HOLD else 0
    tried = replace(view, discount=found.discount, most_due=due, hold_amount=held)
    return await _shown(request, consultation, tried)


async def agree(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price/agree."""
    asked = await body_of(request, Agreement)
    consultation, at = await _open(request, asked.invitation)
    holds = request.app[SITE].parts.money.billing.holds
    if asked.coupon.strip():
        _count_code(request, consultation, at)
    try:
        await holds.agree(
            consultation.id,
            asked.name,
            asked.email.strip() or None,
            language_of(request),
            asked.coupon.strip() or None,
            asked.most,
            at,
        )
    except BadName:
        raise Refused("bad_patient_name", field="name") from None
    return await _shown(request, consultation, await holds.view(consultation.id, at))


async def card(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price/card: where to enter the card."""
    asked = await body_of(request, Invited)
    consultation, at = await _open(request, asked.invitation)
    form = await request.app[SITE].parts.money.billing.holds.begin(consultation.id, at)
    return _address(request, form, _BACK)


async def seen(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price/seen: the patient is back from the card form."""
    asked = await body_of(request, Invited)
    consultation, at = await _invited(request, asked.invitation)
    return await _shown(
        request, consultation, await request.app[SITE].parts.money.billing.holds.look(consultation.id, at)
    )


async def more(request: aioweb.Request) -> aioweb.Response:
    """POST /join/price/more: the hold is nearly used up, and the patient authorises another quarter of an hour."""
    asked = await body_of(request, Invited)
    consultation, at = await _invited(request, asked.invitation)
    billing = request.app[SITE].parts.money.billing
    reading = await billing.invoices.reading(consultation.id, at)
    if reading is None:
        raise Refused("price_missing")
    amount = more_to_hold(reading.tariff, reading.quote.seconds, reading.discount)
    if amount == 0:
        raise Refused("nothing_to_pay")
    if reading.ends_in_seconds is None or reading.ends_in_seconds > _MORE_WITHIN_SECONDS:
        raise Refused("no_hold")
    return _address(request, await billing.holds.extend(consultation.id, amount, at), _BACK_TO_CALL)


def _address(request: aioweb.Request, form: CardForm | None, back: str) -> aioweb.Response:
    return json(CardAddress(card_address(request, form, back) if form is not None else None))


def _count_code(request: aioweb.Request, consultation: Consultation, at: datetime) -> None:
    """Count a try of a code. Raises `Refused` for one too many."""
    if wait := request.app[SITE].codes.take(consultation.id, at):
        raise Refused("too_many", retry_after=wait)


async def _open(request: aioweb.Request, token: str) -> tuple[Consultation, datetime]:
    """Return the consultation that is still to come or goes on. Raises `Refused`: nobody agrees to what is over."""
    consultation, at = await _invited(request, token)
    over = consultation.cancelled_at is not None or consultation.ended_at is not None
    if over or at >= request.app[SITE].parts.settings.join_window.closes_at(consultation):
        raise Refused("too_late")
    return consultation, at


async def _invited(request: aioweb.Request, token: str) -> tuple[Consultation, datetime]:
    """Return the consultation of an invitation. Raises `Refused`, the same for everything that is none."""
    site = request.app[SITE]
    at = site.parts.clock()
    if wait := site.looks.take(address_bucket(request), at):
        raise Refused("too_many", retry_after=wait)
    found = await site.parts.lobby.consultation_of(token)
    consultation = await site.parts.agenda.consultation(found) if found is not None else None
    if consultation is None:
        raise Refused("link_unknown")
    return consultation, at


async def _shown(request: aioweb.Request, consultation: Consultation, view: PatientView) -> aioweb.Response:
    invoices = request.app[SITE].parts.money.billing.invoices
    payment = await invoices.payment_of(view.consultation)
    url = None
    if payment is not None and (payment.state in OWED or payment.paid):
        url = f"{base_url(request)}/pay#{invoices.pay_token(payment.id)}"
    far = consultation.starts_at - request.app[SITE].parts.clock() > HOLD_AT_MOST_BEFORE
    return json(price_look(view, payment, url, card_only=far))
