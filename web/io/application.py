"""Builds the web application: every route with its handler, behind the guard, with an answer for whatever happens."""

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from aiohttp import web as aioweb

from web.authorisation import rule_of
from web.headers import security_headers
from web.io import (
    administration,
    api,
    cards,
    desk,
    invoices,
    login,
    money_pages,
    monitoring,
    notices,
    operations,
    pay,
    platform,
    prices,
    rooms,
)
from web.io.answering import add_headers, answering
from web.io.catalogues import Catalogues
from web.io.guard import MAX_BODY
from web.io.measures import RequestMeasures
from web.io.parts import SITE, Site, WebParts
from web.io.rendering import Pages
from web.io.static_files import StaticFiles
from web.throttle import Buckets, LoginThrottle

_HERE = Path(__file__).resolve().parent.parent

Handler = Callable[[aioweb.Request], Awaitable[aioweb.StreamResponse]]

_ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/", login.front),
    ("GET", "/login", login.login_page),
    ("POST", "/login", login.login),
    ("POST", "/logout", login.logout),
    ("POST", "/logout/everywhere", login.logout_everywhere),
    ("GET", "/open", login.open_page),
    ("POST", "/open", login.open_link),
    ("POST", "/language", login.choose_language),
    ("GET", "/desk", desk.desk),
    ("POST", "/desk/consultations", desk.create),
    ("POST", "/desk/consultations/{id}/cancel", desk.cancel),
    ("GET", "/desk/consultations/{id}/invitation.svg", desk.invitation),
    ("GET", "/consultations/{id}", rooms.room),
    ("GET", "/consultations/{id}/invoice", invoices.look),
    ("POST", "/consultations/{id}/invoice", invoices.enter),
    ("POST", "/consultations/{id}/invoice/confirm", invoices.confirm),
    ("POST", "/consultations/{id}/no-show", invoices.no_show),
    ("POST", "/card/confirm", cards.confirm),
    ("GET", "/join", rooms.join_page),
    ("POST", "/join/look", rooms.look),
    ("POST", "/join/price", prices.price),
    ("POST", "/join/price/coupon", prices.coupon),
    ("POST", "/join/price/agree", prices.agree),
    ("POST", "/join/price/card", prices.card),
    ("POST", "/join/price/seen", prices.seen),
    ("POST", "/join/price/more", prices.more),
    ("GET", "/monitoring", monitoring.monitoring_page),
    ("GET", "/monitoring.csv", monitoring.monitoring_csv),
    ("POST", "/payments/{id}/resend", monitoring.resend),
    ("POST", "/payments/{id}/cancel", monitoring.cancel),
    ("GET", "/payments/{id}/receipts/{receipt}", monitoring.receipt),
    ("GET", "/earnings", money_pages.earnings_page),
    ("GET", "/payments", money_pages.payments_page),
    ("POST", "/payments/connect", money_pages.connect),
    ("POST", "/payments/receipt-lines", money_pages.set_receipt_lines),
    ("GET", "/payments/onboarding", money_pages.onboarding),
    ("GET", "/payments/dashboard", money_pages.dashboard),
    ("GET", "/admin", platform.front),
    ("POST", "/admin/payments/{id}/refund", platform.refund),
    ("POST", "/admin/coupons", platform.create_coupon),
    ("POST", "/admin/coupons/{id}/revoke", platform.revoke_coupon),
    ("POST", "/admin/reconcile", platform.reconcile),
    ("POST", "/admin/differences/{id}/accept", platform.accept),
    ("GET", "/admin/login", administration.login_page),
    ("POST", "/admin/login", administration.login),
    ("GET", "/admin/open", administration.open_page),
    ("POST", "/admin/open", administration.open_link),
    ("POST", "/admin/logout", administration.logout),
    ("GET", "/pay", pay.pay_page),
    ("POST", "/pay/look", pay.look),
    ("POST", "/pay/seen", pay.seen),
    ("POST", "/pay/card", pay.card),
    ("POST", "/pay/receipt", pay.receipt),
    ("GET", "/card", cards.card_page),
    ("GET", "/card/done", cards.card_done),
    ("GET", "/sandbox/{path:.+}", cards.sandbox_page),
    ("POST", "/sandbox/{path:.+}", cards.sandbox_page),
    ("POST", "/webhooks/stripe", notices.account_notice),
    ("POST", "/webhooks/stripe-connect", notices.connect_notice),
    ("GET", "/api/openapi.json", api.openapi),
    ("POST", "/api/consultations", api.create),
    ("GET", "/api/consultations/{id}", api.read),
    ("DELETE", "/api/consultations/{id}", api.cancel),
    ("POST", "/api/consultations/{id}/entry", api.entry),
    ("GET", "/healthz", operations.healthz),
    ("GET", "/readyz", operations.readyz),
    ("GET", "/metrics", operations.metrics),
)


def page_texts() -> Catalogues:
    """Return the sentences of the pages, for whatever else speaks in them."""
    return Catalogues(_HERE / "locales")


def build_app(parts: WebParts) -> aioweb.Application:
    """Return the application. Raises `KeyError` for a route that `web.authorisation.TABLE` does not know."""
    statics = StaticFiles(_HERE / "static")
    site = Site(
        parts=parts,
        pages=Pages(_HERE / "templates", page_texts(), statics, parts.settings.version),
        statics=statics,
        logins=LoginThrottle(),
        # A waiting room reloads now and then; sixty at once are a whole practice behind one address.
        looks=Buckets(capacity=60, refill=1),
        # By consultation, so that more addresses are no more guesses: whoever has a code needs a slip or two.
        codes=Buckets(capacity=10, refill=60),
        measures=RequestMeasures(parts.metrics, parts.gauges),
    )

    async def static(request: aioweb.Request) -> aioweb.StreamResponse:
        return statics.answer(request)

    app = aioweb.Application(middlewares=[answering], client_max_size=MAX_BODY)
    app[SITE] = site
    app.on_response_prepare.append(add_headers)
    for method, pattern, handler in (
        *_ROUTES,
        ("GET", "/static/{path:.+}", static),
        ("GET", "/ws", parts.websocket),
    ):
        _add(app, method, pattern, handler)
    return app


def _add(app: aioweb.Application, method: str, pattern: str, handler: Handler) -> None:
    resource = app.router.add_resource(pattern)
    rule_of(method, resource.canonical)
    resource.add_route(method, handler)
    if method == "GET" and pattern != "/ws":
        resource.add_route("HEAD", handler)


class _Discreet(logging.Filter):
    """aiohttp writes clients' addresses and requests' bytes into its errors: what remains is the error's type."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        record.msg = f"connection ended by {type(error).__name__}" if error else "connection ended"
        record.args = None
        record.exc_info = None
        return True


_DISCREET = _Discreet()


def runner_of(app: aioweb.Application) -> aioweb.AppRunner:
    """Return the application's runner, which logs neither addresses nor paths."""
    logger = logging.getLogger("web.connections")
    logger.addFilter(_DISCREET)
    return _Runner(app, access_log=None, logger=logger)


class _Unread(aioweb.Request):
    """A request. One that aiohttp could not read never gets to the application, whose headers its 400 lacks."""

    async def _prepare_hook(self, response: aioweb.StreamResponse) -> None:
        if self._match_info is not None:
            await super()._prepare_hook(response)
            return
        response.headers.update(security_headers(https=self.secure))
        response.headers.setdefault("Cache-Control", "no-store")
        # It would tell which versions run here.
        response.headers.popall("Server", None)


class _Runner(aioweb.AppRunner):
    async def _make_server(self) -> aioweb.Server:
        server = await super()._make_server()
        server.request_factory = partial(self.app._make_request, _cls=_Unread)  # noqa: SLF001  # aiohttp has no other way in
        return server
