"""The pay link: what a consultation has cost, paying it, and its receipts, whenever the patient comes back."""

import asyncio
from datetime import datetime

from aiohttp import web as aioweb

from billing.agreement import Payment
from billing.problems import UnknownPayment
from billing.receipt import NoReceipt
from web.io.answers import json, page
from web.io.cards import card_address
from web.io.guard import body_of, form_of
from web.io.parts import SITE
from web.io.visitor import address_bucket, language_of
from web.money import CardAddress, PayLink, ReceiptLook, pay_look
from web.problems import Refused


async def pay_page(request: aioweb.Request) -> aioweb.Response:
    """GET /pay. The token stands in the fragment, so nothing is known of it here."""
    return page(request, "pay")


async def look(request: aioweb.Request) -> aioweb.Response:
    """POST /pay/look."""
    payment, _ = await _linked(request, (await body_of(request, PayLink)).token)
    return await _shown(request, payment)


async def seen(request: aioweb.Request) -> aioweb.Response:
    """POST /pay/seen: the patient is back from the card form."""
    payment, at = await _linked(request, (await body_of(request, PayLink)).token)
    return await _shown(request, await request.app[SITE].parts.money.billing.invoices.look_paid(payment.id, at))


async def card(request: aioweb.Request) -> aioweb.Response:
    """POST /pay/card: where to enter the card."""
    payment, at = await _linked(request, (await body_of(request, PayLink)).token)
    form = await request.app[SITE].parts.money.billing.invoices.pay_form(payment.id, at)
    return json(CardAddress(card_address(request, form, "/pay")))


async def receipt(request: aioweb.Request) -> aioweb.Response:
    """POST /pay/receipt: the PDF. A form with the token in its body, so that no address ever holds it."""
    form = await form_of(request)
    payment, _ = await _linked(request, form.get("token", "")[:256])
    return await receipt_file(request, payment, form.get("receipt", ""))


async def receipt_file(request: aioweb.Request, payment: Payment, name: str) -> aioweb.Response:
    """Return a receipt of this payment as a file to keep. Raises `Refused` for one of another."""
    money = request.app[SITE].parts.money
    try:
        found = await money.billing.receipts.receipt(name)
    except NoReceipt:
        raise Refused("not_found") from None
    if found.payment != payment.id:
        raise Refused("not_found")
    language = language_of(request)
    number = found.body.number.replace("/", "-")
    # Setting a page takes tens of milliseconds, in which nobody's call may wait.
    printed = await asyncio.to_thread(money.print_receipt, found.body, language)
    return aioweb.Response(
        body=printed,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{number}.pdf"'},
    )


async def _linked(request: aioweb.Request, token: str) -> tuple[Payment, datetime]:
    site = request.app[SITE]
    at = site.parts.clock()
    if wait := site.looks.take(address_bucket(request), at):
        raise Refused("too_many", retry_after=wait)
    try:
        return await site.parts.money.billing.invoices.payment_of_token(token), at
    except UnknownPayment:
        raise Refused("link_unknown") from None


async def _shown(request: aioweb.Request, payment: Payment) -> aioweb.Response:
    parts = request.app[SITE].parts
    practitioner = await parts.agenda.practitioner(payment.practitioner)
    receipts = [
        ReceiptLook(found.id, found.body.number, found.body.kind, found.body.issued_at)
        for found in await parts.money.billing.receipts.of_payment(payment.id)
    ]
    return json(pay_look(payment, practitioner.name if practitioner else "", receipts))
