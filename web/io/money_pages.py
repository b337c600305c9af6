"""The practitioner's earnings and payments: what came in, the account at the provider, transfers to the bank."""

import asyncio

from aiohttp import web as aioweb

from agenda.receipt_lines import BadReceiptLines
from billing.earnings import Earnings
from billing.gateway import GatewayRefused, GatewayUnclear
from billing.kyc import banner, warnings
from billing.problems import ProviderSilent
from web.figures import Chart, chart
from web.io.answers import page, see
from web.io.guard import form_of
from web.io.parts import SITE, WHO
from web.io.visitor import base_url
from web.local_time import zone
from web.period import read_period
from web.problems import Refused

_YEAR = 365


async def earnings_page(request: aioweb.Request) -> aioweb.Response:
    """GET /earnings (C2-21 to C2-25)."""
    who, parts = request[WHO], request.app[SITE].parts
    where, at = zone(who.time_zone), parts.clock()
    problem = None
    try:
        period = read_period(request.query.get("from", ""), request.query.get("to", ""), where, at, _YEAR)
    except Refused as refused:
        period, problem = read_period("", "", where, at, _YEAR), refused
    report = await parts.money.billing.reports.earnings(who.id, period.begins, period.ends, who.time_zone)
    # Years of sessions take half a second to write, in which nobody's call may wait.
    return await asyncio.to_thread(
        page,
        request,
        "earnings",
        status=problem.status if problem else 200,
        path=request.path_qs,
        report=report,
        charts=_charts(report),
        where=where,
        period=period,
        problem=problem.code if problem else None,
    )


async def payments_page(request: aioweb.Request) -> aioweb.Response:
    """GET /payments (DAT-35 to DAT-37, FAC-1 to FAC-8)."""
    return await _payments(request)


async def connect(request: aioweb.Request) -> aioweb.Response:
    """POST /payments/connect: have an account made at the provider (MMP-48)."""
    who, parts = request[WHO], request.app[SITE].parts
    try:
        await parts.money.billing.connect.begin(who.id, who.email, "", parts.clock())
    except ProviderSilent:
        return await _payments(request, Refused("provider_unavailable"))
    return see("/payments")


async def onboarding(request: aioweb.Request) -> aioweb.Response:
    """GET /payments/onboarding: a link of the provider's, good once, on which what is missing is given."""
    here = f"{base_url(request)}/payments"
    connect_ = request.app[SITE].parts.money.billing.connect
    try:
        return see(await connect_.onboarding_url(request[WHO].id, here, f"{here}/onboarding"))
    except (GatewayUnclear, GatewayRefused):
        return await _payments(request, Refused("provider_unavailable"))


async def dashboard(request: aioweb.Request) -> aioweb.Response:
    """GET /payments/dashboard: to the account at the provider (DAT-36)."""
    return see(await request.app[SITE].parts.money.billing.connect.dashboard_url(request[WHO].id))


async def set_receipt_lines(request: aioweb.Request) -> aioweb.Response:
    """POST /payments/receipt-lines. What is wrong is said beside the field, with what was typed kept."""
    typed = (await form_of(request)).get("lines", "")
    try:
        await request.app[SITE].parts.agenda.set_receipt_lines(request[WHO].id, typed)
    except BadReceiptLines:
        return await _payments(request, Refused("bad_receipt_lines", field="lines"), typed)
    return see("/payments?done=receipt_lines")


async def _payments(
    request: aioweb.Request, refused: Refused | None = None, typed: str | None = None
) -> aioweb.Response:
    who, parts = request[WHO], request.app[SITE].parts
    connect_, at = parts.money.billing.connect, parts.clock()
    try:
        account = await connect_.look(who.id, at)
    except (GatewayUnclear, GatewayRefused):
        account = await connect_.account_of(who.id)
        refused = refused or Refused("provider_unavailable")
    return page(
        request,
        "payments",
        status=refused.status if refused else 200,
        path="/payments",
        account=account,
        missing=banner(account.kyc.missing) if account else (),
        warnings=warnings(account.kyc) if account and account.id else (),
        transfers=await connect_.transfers(who.id),
        where=zone(who.time_zone),
        live=parts.money.billing.gateway.publishable_key.startswith("pk_live_"),
        lines="\n".join(await parts.agenda.receipt_lines(who.id)) if typed is None else typed,
        problem=refused.code if refused else None,
        wrong=refused.field if refused else None,
        done=request.query.get("done", ""),
    )


def _charts(report: Earnings) -> dict[str, Chart]:
    """Return one chart of the net for each currency; currencies cannot be added up."""
    currencies = dict.fromkeys(month.currency for month in report.months)
    return {
        currency: chart([(month.month, month.net) for month in report.months if month.currency == currency])
        for currency in currencies
    }
