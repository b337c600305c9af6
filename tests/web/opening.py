"""Building a practice: real services on a database file, the provider in memory or the sandbox, the application."""

from contextlib import AsyncExitStack
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web as aioweb
from prometheus_client import CollectorRegistry

from agenda.io.administrators import Administrators
from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from billing.io.receipt_pdf import receipt_pdf
from billing.io.search import PaymentSearch
from billing.sandbox.io.server import Sandbox
from lobby.io.service import Lobby
from notify.io.post import Post
from store.ids import ConsultationId, PractitionerId
from store.io.database import Database
from tests.web.practice import PASSWORD, START, Practice, Provider, WebTill
from web.io.application import build_app
from web.io.parts import MoneyParts, WebParts, WebSettings
from web.io.visitor import allowed_origins, log_in_of


async def say_who(request: aioweb.Request) -> aioweb.StreamResponse:
    """Stand in for the WebSocket server: tells what it would have learnt of the caller."""
    who = await log_in_of(request)
    log_in = [who.practitioner, who.session] if who is not None else None
    known = {"log_in": log_in, "origins": sorted(allowed_origins(request))}
    return aioweb.json_response(known)


async def open_practice(
    stack: AsyncExitStack,
    file: Path,
    websocket: Any = say_who,
    *,
    sandbox: bool = False,
    currency: str = "EUR",
    at: datetime = START,
    **settings: Any,
) -> tuple[Practice, aioweb.Application]:
    """Return a practice on that migrated database, and its application; `sandbox`: as in a demonstration."""
    database = await Database.open(f"sqlite:///{file}")
    stack.push_async_callback(database.close)
    till = await _till(stack, database, currency, at, sandbox=sandbox)
    agenda, administrators = Agenda(database, till.outbox), Administrators(database)
    practice = Practice(
        agenda,
        Credentials(database),
        administrators,
        Lobby(database, till.outbox, b"k" * 32),
        await agenda.create_practitioner("anne@example.org", "Dr Anne Martin", PASSWORD, at),
        await agenda.create_practitioner("paul@example.org", "Dr Paul Petit", None, at),
        till,
    )
    await administrators.create("dominique@example.org", "Dominique Leroy", PASSWORD, at)
    till.practitioner = practice.owner.id
    for who in (practice.owner, practice.other):
        await practice.connect(who)
    chosen = {"version": "1.2.3", "trusted_proxies": (ip_network("127.0.0.0/8"),), **settings}
    return practice, build_app(_parts(practice, database, websocket, WebSettings(**chosen)))


async def _till(stack: AsyncExitStack, database: Database, currency: str, at: datetime, *, sandbox: bool) -> WebTill:
    made: list[WebTill] = []

    def now() -> datetime:
        return made[0].at if made else at

    gateway: Any = Provider(now)
    embedded = Sandbox() if sandbox else None
    if embedded is not None:
        await embedded.start(None, now)
        stack.push_async_callback(embedded.close)
        gateway = embedded.gateway()
        stack.push_async_callback(gateway.close)
    made.append(WebTill(database, gateway, at, currency=currency, sandbox=embedded))
    return made[0]


def _parts(practice: Practice, database: Database, websocket: Any, settings: WebSettings) -> WebParts:
    async def readiness() -> list[tuple[str, bool]]:
        return practice.ready

    async def on_logout(who: PractitionerId, session: str | None) -> None:
        practice.logged_out.append((who, session))

    async def on_cancel(consultation: ConsultationId) -> None:
        kept = await practice.agenda.consultation(consultation)
        assert kept is not None
        assert kept.cancelled_at is not None
        practice.cancelled.append(consultation)

    async def host_since(_: ConsultationId) -> datetime | None:
        return practice.host_since

    async def patient_seconds(_: ConsultationId, _since: datetime) -> int:
        return practice.patient_seconds

    return WebParts(
        agenda=practice.agenda,
        credentials=practice.credentials,
        administrators=practice.administrators,
        lobby=practice.lobby,
        money=MoneyParts(practice.billing, PaymentSearch(database), practice.sandbox, receipt_pdf),
        post=Post(database),
        websocket=websocket,
        readiness=readiness,
        settings=settings,
        clock=lambda: practice.at,
        on_logout=on_logout,
        on_renewed_log_in=lambda old, new: practice.renewed.append((old, new)),
        on_cancel=on_cancel,
        host_since=host_since,
        patient_seconds=patient_seconds,
        metrics=CollectorRegistry(),
        gauges=lambda: practice.gauges,
    )
