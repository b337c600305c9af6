"""The administrators' page: refunds, coupons, and what the books and the provider do not agree on."""

from datetime import datetime
from zoneinfo import ZoneInfo

from aiohttp import web as aioweb

from billing.gateway import GatewayRefused, GatewayUnclear
from billing.io.refunds import LONGEST_REASON
from billing.io.search import FoundPayment
from billing.money import BadAmount, UnknownCurrency, exponent, parse
from billing.problems import THEIRS, BadCoupon
from store.ids import CouponId, PaymentId, Prefix, is_id
from store.names import BadName
from web.io.answers import page, see
from web.io.guard import form_of
from web.io.parts import ADMINISTRATOR, SITE
from web.local_time import BadLocalTime, NoSuchLocalTime, read_local, zone
from web.problems import Refused, code_of_money

# Where the platform keeps its clocks, as long as an administrator has no zone of their own.
_ZONE = "Europe/Paris"
_LONGEST_AMOUNT = 18
_EMPTY_COUPON = {
    "code": "",
    "organisation": "",
    "pays": "percent",
    "percent": "100",
    "amount": "",
    "most_uses": "",
    "expires": "",
}


async def front(request: aioweb.Request) -> aioweb.Response:
    """GET /admin."""
    return await _page(request)


async def refund(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/payments/{id}/refund (DAT-27)."""
    form = await form_of(request)
    parts = request.app[SITE].parts
    name = request.match_info["id"]
    if not is_id(name, Prefix.PAYMENT):
        raise Refused("not_found")
    found = await parts.money.search.find(name)
    if not found:
        raise Refused("not_found")
    try:
        reason = _reason(form.get("reason", ""))
        amount = _typed(form.get("amount", ""), found[0])
        await parts.money.billing.refunds.refund(
            PaymentId(name), amount, request[ADMINISTRATOR].id, reason, parts.clock(), seen=_seen(form.get("seen", ""))
        )
    except Refused as refused:
        return await _page(request, refused, search=name, refund=form)
    except THEIRS as theirs:
        return await _page(request, Refused(code_of_money(theirs), field="refund"), search=name, refund=form)
    return see(f"/admin?find={name}&done=refunded")


async def create_coupon(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/coupons."""
    form = await form_of(request)
    parts = request.app[SITE].parts
    currency = parts.money.billing.settings.currency
    try:
        percent, amount = _pays(form, currency)
        await parts.money.billing.coupons.create(
            form.get("code", ""),
            form.get("organisation", ""),
            parts.clock(),
            percent=percent,
            amount=amount,
            currency=currency if amount else "",
            most_uses=_count(form.get("most_uses", "")),
            expires_at=_moment(form.get("expires", ""), zone(_ZONE), parts.clock()),
        )
    except Refused as refused:
        return await _page(request, refused, coupon=form)
    except BadName:
        return await _page(request, Refused("bad_organisation", field="organisation"), coupon=form)
    except THEIRS as theirs:
        code = code_of_money(theirs)
        # Of a code that is being made, "there is no such code" means that there can be none.
        wrong = Refused("bad_code", field="code") if code == "coupon_unknown" else Refused(code)
        return await _page(request, wrong, coupon=form)
    return see("/admin?done=coupon#coupons")


async def revoke_coupon(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/coupons/{id}/revoke."""
    parts = request.app[SITE].parts
    name = request.match_info["id"]
    if not is_id(name, Prefix.COUPON) or not await parts.money.billing.coupons.revoke(CouponId(name), parts.clock()):
        raise Refused("not_found")
    return see("/admin?done=revoked#coupons")


async def reconcile(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/reconcile: compare now instead of within the hour."""
    parts = request.app[SITE].parts
    try:
        await parts.money.billing.reconciliation.run(parts.clock())
    except (GatewayUnclear, GatewayRefused):
        return await _page(request, Refused("provider_unavailable"))
    return see("/admin?done=reconciled#differences")


async def accept(request: aioweb.Request) -> aioweb.Response:
    """POST /admin/differences/{id}/accept: explained; not listed again as long as it stays as it is."""
    parts = request.app[SITE].parts
    name = request.match_info["id"]
    known = parts.money.billing.reconciliation.known
    if not is_id(name, Prefix.DIFFERENCE) or not await known.accept(name, parts.clock()):
        raise Refused("not_found")
    return see("/admin?done=accepted#differences")


async def _page(
    request: aioweb.Request,
    refused: Refused | None = None,
    *,
    search: str | None = None,
    coupon: dict[str, str] | None = None,
    refund: dict[str, str] | None = None,
) -> aioweb.Response:
    parts = request.app[SITE].parts
    billing = parts.money.billing
    words = request.query.get("find", "") if search is None else search
    found = await parts.money.search.find(words[:64].replace("\0", ""))
    practitioners = {one.practitioner: await parts.agenda.practitioner(one.practitioner) for one in found}
    return page(
        request,
        "platform",
        status=refused.status if refused else 200,
        path="/admin",
        administrator=request[ADMINISTRATOR],
        found=found,
        practitioners=practitioners,
        search=words,
        differences=await billing.reconciliation.known.open(),
        coupons=await billing.coupons.list(),
        coupon=coupon or _EMPTY_COUPON,
        refund=refund or {},
        currency=billing.settings.currency,
        where=zone(_ZONE),
        problem=refused.code if refused else None,
        wrong=refused.field if refused else None,
        done=request.query.get("done", ""),
    )


def _reason(text: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > LONGEST_REASON:
        raise Refused("reason_needed", field="reason")
    return words


def _typed(text: str, payment: FoundPayment) -> int | None:
    """Return the amount to give back, None for all that is left."""
    if not text.strip():
        return None
    try:
        amount = parse(text, payment.paid.currency).minor
    except BadAmount:
        raise Refused("bad_amount", field="refund") from None
    if amount == 0:
        raise Refused("bad_amount", field="refund")
    return amount


def _seen(text: str) -> int:
    """Return what the page has shown as given back, so that a form that is sent twice gives back once."""
    if not (text.isascii() and text.isdecimal() and len(text) <= _LONGEST_AMOUNT):
        raise Refused("refunded_meanwhile", field="refund")
    return int(text)


def _pays(form: dict[str, str], currency: str) -> tuple[int, int]:
    if form.get("pays") == "amount":
        try:
            exponent(currency)
            return 0, parse(form.get("amount", ""), currency).minor
        except (BadAmount, UnknownCurrency):
            raise Refused("bad_amount", field="amount") from None
    percent = form.get("percent", "").strip()
    if not (percent.isascii() and percent.isdecimal() and len(percent) <= 3 and 0 < int(percent) <= 100):
        raise BadCoupon("coupon_invalid")
    return int(percent), 0


def _count(text: str) -> int | None:
    words = text.strip()
    if not words:
        return None
    if not (words.isascii() and words.isdecimal() and 0 < len(words) <= 6 and int(words) > 0):
        raise Refused("coupon_invalid", field="most_uses")
    return int(words)


def _moment(text: str, where: ZoneInfo, at: datetime) -> datetime | None:
    if not text.strip():
        return None
    try:
        expires = read_local(text.strip(), where)
    except (BadLocalTime, NoSuchLocalTime):
        raise Refused("bad_time", field="expires") from None
    if expires <= at:
        raise Refused("bad_expiry", field="expires")
    return expires
