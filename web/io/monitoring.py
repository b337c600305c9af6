"""Monitoring: the practitioner's consultations with their payments, as a page and as CSV (FAC-12 to FAC-19).

Years of rows take a second to write, in which nobody's call may wait: both are written in a thread.
"""

import asyncio
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from aiohttp import web as aioweb

from billing.agreement import Payment
from billing.monitoring import Filter, MonitoringRow, csv_text
from billing.problems import Problem, UnknownPayment
from store.ids import ConsultationId, PaymentId, Prefix, is_id
from web.io.answers import page, see
from web.io.parts import SITE, WHO
from web.io.pay import receipt_file
from web.io.visitor import base_url, language_of
from web.local_time import zone
from web.origins import own_path
from web.period import Period, read_period
from web.problems import KINDS, Refused, code_of_money
from web.views import room_path

_CHOICES = frozenset({"from", "to", "status"})


async def monitoring_page(request: aioweb.Request) -> aioweb.Response:
    """GET /monitoring."""
    try:
        period, filters = _asked(request)
    except Refused as refused:
        period, filters = _default(request), ()
        return await _page(request, period, filters, refused)
    return await _page(request, period, filters, None)


async def monitoring_csv(request: aioweb.Request) -> aioweb.Response:
    """GET /monitoring.csv: the same rows for a spreadsheet (FAC-14)."""
    who, reports = request[WHO], request.app[SITE].parts.money.billing.reports
    period, filters = _asked(request)
    rows = await reports.monitoring(who.id, period.begins, period.ends, filters)
    base = base_url(request)
    text = await asyncio.to_thread(
        csv_text, rows, language_of(request), who.time_zone, lambda one: base + room_path(ConsultationId(one))
    )
    name = f"monitoring-{period.first.isoformat()}-{period.last.isoformat()}.csv"
    return aioweb.Response(
        body=text.encode(),
        content_type="text/csv",
        charset="utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def resend(request: aioweb.Request) -> aioweb.Response:
    """POST /payments/{id}/resend: the same link again (FAC-18)."""
    payment = await own_payment(request)
    parts = request.app[SITE].parts
    try:
        await parts.money.billing.invoices.resend(payment.id, parts.clock())
    except Problem as problem:
        return see(_back(request, code_of_money(problem)))
    return see(_back(request, "sent"))


async def cancel(request: aioweb.Request) -> aioweb.Response:
    """POST /payments/{id}/cancel: the practitioner gives the claim up."""
    payment = await own_payment(request)
    parts = request.app[SITE].parts
    try:
        await parts.money.billing.invoices.cancel(payment.id, parts.clock())
    except Problem as problem:
        return see(_back(request, code_of_money(problem)))
    return see(_back(request, "cancelled"))


async def receipt(request: aioweb.Request) -> aioweb.Response:
    """GET /payments/{id}/receipts/{receipt}: the practitioner's copy."""
    return await receipt_file(request, await own_payment(request), request.match_info["receipt"])


async def own_payment(request: aioweb.Request) -> Payment:
    """Return the payment in the path when it is the logged-in practitioner's own. Raises `Refused` else."""
    text = request.match_info["id"]
    if is_id(text, Prefix.PAYMENT):
        try:
            payment = await request.app[SITE].parts.money.billing.invoices.payment(PaymentId(text))
        except UnknownPayment:
            raise Refused("not_found") from None
        if payment.practitioner == request[WHO].id:
            return payment
    raise Refused("not_found")


async def _page(
    request: aioweb.Request, period: Period, filters: tuple[Filter, ...], refused: Refused | None
) -> aioweb.Response:
    who, parts = request[WHO], request.app[SITE].parts
    billing, base = parts.money.billing, base_url(request)
    rows: list[MonitoringRow] = await billing.reports.monitoring(who.id, period.begins, period.ends, filters)
    payments = [row.payment for row in rows if row.payment]
    receipts = await billing.receipts.of_payments(payments)
    query = _chosen(request.query)
    done = request.query.get("done", "")
    problem = refused.code if refused else done if done in KINDS else None
    return await asyncio.to_thread(
        page,
        request,
        "monitoring",
        status=refused.status if refused else 200,
        path=f"/monitoring?{query}",
        rows=rows,
        receipts=receipts,
        undelivered=await parts.post.undelivered(payments),
        pay_url=lambda payment: f"{base}/pay#{billing.invoices.pay_token(payment)}",
        where=zone(who.time_zone),
        period=period,
        filters=filters,
        every_filter=tuple(Filter),
        query=query,
        problem=problem,
        done=done,
    )


def _asked(request: aioweb.Request) -> tuple[Period, tuple[Filter, ...]]:
    where = zone(request[WHO].time_zone)
    query = request.query
    period = read_period(query.get("from", ""), query.get("to", ""), where, request.app[SITE].parts.clock())
    try:
        return period, tuple(dict.fromkeys(Filter(word) for word in query.getall("status", [])))
    except ValueError:
        raise Refused("bad_request") from None


def _default(request: aioweb.Request) -> Period:
    return read_period("", "", zone(request[WHO].time_zone), request.app[SITE].parts.clock())


def _chosen(query: Mapping[str, str]) -> str:
    """Return the part of a query that chooses rows."""
    return urlencode([(name, value) for name, value in query.items() if name in _CHOICES])


def _back(request: aioweb.Request, done: str) -> str:
    """Return Monitoring's address with the rows that were chosen; what was done, or went wrong, is told there."""
    path, _, query = own_path(request.query.get("back")).partition("?")
    chosen = [(name, value) for name, value in parse_qsl(query) if path == "/monitoring" and name in _CHOICES]
    return f"/monitoring?{urlencode([*chosen, ('done', done)])}"
