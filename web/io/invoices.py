"""The practitioner's side of a price: how it stands during the call, the amount, a patient who did not come."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

import msgspec
from aiohttp import web as aioweb

from agenda.consultation import Consultation
from billing.agreement import Payment
from billing.fees import Rates, estimate
from billing.invoice import Reading, missed
from billing.ledger import Posting
from billing.problems import CallRunning
from billing.tariff import with_price
from web.io.answers import json
from web.io.guard import body_of
from web.io.parts import SITE
from web.io.rooms import own_consultation
from web.io.timelines import timeline_of
from web.money import TariffLook, tariff_look, true_net
from web.problems import Refused

# Longer than a worker takes to say how a call ended.
_LOOKS, _PAUSE = 14, 0.25


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An amount in minor units; None stands for what the meter says."""

    amount: int | None = None


class NoShow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether to charge a patient who did not come, and less than the planned price."""

    charge: bool
    amount: int | None = None


class InvoiceLook(msgspec.Struct, frozen=True):
    """How a consultation's price stands. `state` as in `billing.payment.PaymentState`, None before the agreement.

    `price` to `due` are of the amount as it would be confirmed now, or as it was. `paid`: what was taken of `due`;
    `given_up`: what of it nobody asks for any more. `entered`: what the practitioner has put in instead of the metered
    amount. `missed`: what a patient who did not come would be charged. `commission` and `net`, of what is not given
    up, are an estimate until the money was taken.
    """

    tariff: TariffLook
    when: str
    state: str | None
    patient: str
    seconds: int
    price: int
    covered: int
    waived: int
    due: int
    paid: int
    given_up: int
    entered: int | None
    ceiling: int | None
    running: bool
    locked: bool
    no_show: bool
    may_no_show: bool
    missed: int
    card_fee: int
    commission: int
    net: int
    estimated: bool
    waited_since: datetime | None
    host_since: datetime | None


async def look(request: aioweb.Request) -> aioweb.Response:
    """GET /consultations/{id}/invoice."""
    return await _shown(request, await own_consultation(request))


async def enter(request: aioweb.Request) -> aioweb.Response:
    """POST /consultations/{id}/invoice: an amount for the end, before it has come (FAC-9)."""
    consultation = await own_consultation(request)
    asked = await body_of(request, Amount)
    parts = request.app[SITE].parts
    await parts.money.billing.invoices.enter(consultation.id, asked.amount, parts.clock())
    return await _shown(request, consultation)


async def confirm(request: aioweb.Request) -> aioweb.Response:
    """POST /consultations/{id}/invoice/confirm."""
    consultation = await own_consultation(request)
    asked = await body_of(request, Amount)
    parts = request.app[SITE].parts
    invoices = parts.money.billing.invoices
    for _ in range(_LOOKS):
        try:
            await invoices.confirm(consultation.id, asked.amount, parts.clock())
            break
        except CallRunning:
            # The media side's last word may be a moment behind whoever has just hung up.
            await asyncio.sleep(_PAUSE)
    else:
        raise CallRunning
    return await _shown(request, consultation)


async def no_show(request: aioweb.Request) -> aioweb.Response:
    """POST /consultations/{id}/no-show (DAT-23, DAT-24)."""
    consultation = await own_consultation(request)
    asked = await body_of(request, NoShow)
    parts = request.app[SITE].parts
    at = parts.clock()
    if at < consultation.starts_at:
        raise Refused("not_a_no_show")
    if asked.charge and await parts.lobby.waiting([consultation.id]):
        raise Refused("not_a_no_show")
    timeline = await timeline_of(request, consultation)
    await parts.money.billing.invoices.no_show(consultation.id, asked.charge, at, timeline, asked.amount)
    return await _shown(request, consultation)


async def _shown(request: aioweb.Request, consultation: Consultation) -> aioweb.Response:
    parts = request.app[SITE].parts
    billing, at = parts.money.billing, parts.clock()
    price = await billing.prices.of(consultation.id)
    reading = await billing.invoices.reading(consultation.id, at)
    if price is None or reading is None:
        raise Refused("price_missing")
    payment = await billing.invoices.payment_of(consultation.id)
    timeline = await timeline_of(request, consultation)
    booked = await billing.ledger.entries_of(payment.id) if payment is not None and payment.paid else ()
    look = _look(reading, payment, billing.settings.rates, booked)
    met = reading.quote.seconds > 0
    unmet = payment if payment is not None and payment.invoiced_at is None and not met else None
    return json(
        msgspec.structs.replace(
            look,
            patient=consultation.patient_name,
            when=price.when,
            locked=price.locked,
            may_no_show=unmet is not None and not reading.running and at >= consultation.starts_at,
            missed=_missed(unmet, reading.ceiling) if unmet is not None else 0,
            waited_since=timeline.waiting_since,
            host_since=timeline.host_since,
        )
    )


def _look(reading: Reading, payment: Payment | None, rates: Rates, booked: Sequence[Posting]) -> InvoiceLook:
    confirmed = payment if payment is not None and payment.invoiced_at is not None else None
    quote = reading.quote
    due = confirmed.due or 0 if confirmed else quote.due
    given_up = confirmed.given_up if confirmed else 0
    net = (confirmed and true_net(confirmed, booked)) or estimate(due - given_up, rates, quote.currency)
    return InvoiceLook(
        tariff=tariff_look(reading.tariff),
        when="",
        state=payment.state if payment else None,
        patient="",
        seconds=confirmed.seconds or 0 if confirmed else quote.seconds,
        price=confirmed.price or 0 if confirmed else quote.price,
        covered=confirmed.covered or 0 if confirmed else quote.covered,
        waived=confirmed.waived or 0 if confirmed else quote.waived,
        due=due,
        paid=confirmed.paid if confirmed else 0,
        given_up=given_up,
        entered=reading.entered,
        ceiling=reading.ceiling,
        running=reading.running,
        locked=False,
        no_show=payment.no_show if payment else False,
        may_no_show=False,
        missed=0,
        card_fee=net.card_fee,
        commission=net.commission,
        net=net.net,
        estimated=net.estimated,
        waited_since=None,
        host_since=None,
    )


def _missed(payment: Payment, ceiling: int | None) -> int:
    return with_price(payment.tariff, 0, 0, missed(payment), payment.discount, ceiling).due
