"""The one place that knows everything: builds each part, hands it what it needs, and closes all in reverse order.

Opened in this order and closed in the other: database, media workers, the application, reception (sessions and
calls), the listener. So a server that stops first takes no more visitors, then sends those who are here away to come
back, waits for the requests under way, lets go of the workers or ends them, and closes the database last.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from aiohttp import web as aioweb
from prometheus_client import CollectorRegistry
from sqlalchemy import literal, select
from sqlalchemy.exc import SQLAlchemyError

from agenda.io.administrators import Administrators
from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from app.addressees import lookups
from app.correspondence import Correspondence
from app.data_folder import secret_key
from app.database_sentences import told_plainly
from app.language import Refused, say
from app.mail import post_room
from app.measures import media_gauges
from app.metering import BilledMeters, FactSink
from app.money import Money, now, opened_money, receipt_printer
from app.settings import Settings
from app.upkeep import Upkeep
from billing.io.search import PaymentSearch
from lobby.io.service import Lobby
from notify.io.post import Post
from sfu.engine import EngineUnavailable
from sfu.io.processes import MediaPortTaken
from sfu.io.workers import WorkerPool
from signalling.io import rows
from signalling.io.reception import Reception, ReceptionSettings
from signalling.io.server import WebSocketServer
from store.facts import HoldChanged
from store.ids import ConsultationId
from store.io.bus import LocalBus
from store.io.database import Database, DatabaseProblem
from store.io.outbox import Outbox
from web.io.application import build_app, page_texts, runner_of
from web.io.parts import MoneyParts, WebParts, WebSettings
from web.io.visitor import address_bucket, allowed_origins, is_this_machine, log_in_of

# How long an answer to /readyz may take.
_READY_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Records:
    """The database and the services on it. `key`: the secret behind invitations, tickets and pay links."""

    database: Database
    bus: LocalBus
    outbox: Outbox
    key: bytes
    agenda: Agenda
    credentials: Credentials
    lobby: Lobby


@dataclass(frozen=True, slots=True)
class Running:
    """A web side that runs: its records, its money, and whether another one has taken its database over."""

    records: Records
    money: Money
    superseded: asyncio.Event


@asynccontextmanager
async def opened_records(settings: Settings) -> AsyncIterator[Records]:
    """Give the services on the data folder's database, brought to this version. Raises `Refused`."""
    key = secret_key(settings.data)
    with _refusing():
        database = await Database.open(settings.database_url)
    try:
        bus = LocalBus()
        outbox = Outbox(database, bus)
        agenda = Agenda(database, outbox)
        yield Records(database, bus, outbox, key, agenda, Credentials(database), Lobby(database, outbox, key))
    finally:
        await database.close()


@asynccontextmanager
async def running(settings: Settings, listener: socket.socket, *, own_workers: bool) -> AsyncIterator[Running]:
    """Run the web side on `listener` as long as the context lasts. Raises `Refused`.

    With `own_workers` missing media workers are started, and all are stopped at the end; else they are only used.
    """
    async with AsyncExitStack() as stack:
        records = await stack.enter_async_context(opened_records(settings))
        if not await records.database.hold():
            raise Refused(say("Another Visavis uses this database already: stop it first, or give this one its own."))
        money = await stack.enter_async_context(
            opened_money(settings, records.database, records.outbox, records.bus, records.key)
        )
        sink = FactSink(money.billing)
        pool = WorkerPool(settings.media, own=own_workers)
        pool.subscribe_facts(sink.take)
        # A start that fails half-way is closed as well.
        stack.push_async_callback(pool.close, stop_workers=own_workers)
        with _refusing():
            await pool.start()
        reception = Reception(
            records.database,
            records.outbox,
            records.agenda,
            records.lobby,
            pool,
            ReceptionSettings(window=settings.join_window, lapsed=records.credentials.lapsed_sessions),
            BilledMeters(money.billing),
        )
        sink.reception = reception
        stack.callback(records.bus.subscribe(HoldChanged, sink.hold_changed))
        correspondence = _correspondence(settings, records, money, listener)
        stack.callback(correspondence.subscribe(records.bus))
        post = post_room(settings, records.database, now)
        upkeep = Upkeep(records.database, records.outbox, pool, money, correspondence, post)
        stack.push_async_callback(upkeep.close)
        runner = runner_of(build_app(_web_parts(settings, records, money, pool, reception, upkeep)))
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        stack.push_async_callback(reception.close)
        await reception.start()
        site = aioweb.SockSite(runner, listener)
        await site.start()
        if money.sandbox is not None:
            here = _on_this_machine(listener)
            money.sandbox.set_webhook_urls(f"{here}/webhooks/stripe", f"{here}/webhooks/stripe-connect")
            money.sandbox.set_public_origin(settings.url(listener.getsockname()[1]))
        stack.push_async_callback(site.stop)
        yield Running(records, money, upkeep.superseded)


def _web_parts(
    settings: Settings,
    records: Records,
    money: Money,
    pool: WorkerPool,
    reception: Reception,
    upkeep: Upkeep,
) -> WebParts:
    async def readiness() -> Sequence[tuple[str, bool]]:
        return [("database", await _answers(records.database)), ("media", bool(await pool.statistics()))]

    async def host_since(consultation: ConsultationId) -> datetime | None:
        async with records.database.reading() as tx:
            return await rows.host_since(tx, consultation)

    async def patient_seconds(consultation: ConsultationId, since: datetime) -> int:
        async with records.database.reading() as tx:
            return await rows.patient_seconds(tx, consultation, since)

    return WebParts(
        agenda=records.agenda,
        credentials=records.credentials,
        administrators=Administrators(records.database),
        lobby=records.lobby,
        money=MoneyParts(money.billing, PaymentSearch(records.database), money.sandbox, receipt_printer(settings)),
        post=Post(records.database),
        websocket=WebSocketServer(reception, log_in_of, allowed_origins, address_of_request=_counted_address).handle,
        readiness=readiness,
        settings=WebSettings(
            version=version("visavis"),
            public_url=settings.public_url or None,
            trusted_proxies=settings.trusted_proxies,
            join_window=settings.join_window,
            demo=settings.demo,
            mail_in_files=settings.mail.server is None,
            key=records.key,
        ),
        clock=lambda: datetime.now(UTC),
        on_logout=reception.revoke_practitioner,
        on_renewed_log_in=reception.renew_log_in,
        on_cancel=reception.cancelled,
        host_since=host_since,
        patient_seconds=patient_seconds,
        metrics=CollectorRegistry(),
        gauges=lambda: media_gauges(upkeep.statistics),
    )


def _correspondence(settings: Settings, records: Records, money: Money, listener: socket.socket) -> Correspondence:
    site = settings.url(listener.getsockname()[1])
    found = lookups(records.database, records.agenda, money.billing, records.lobby, site, page_texts().text)
    return Correspondence(records.database, Post(records.database), found)


def _on_this_machine(listener: socket.socket) -> str:
    """Return where programs on this machine reach the web side."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _counted_address(request: aioweb.Request) -> str | None:
    """Return under which address a visitor's sockets are counted; a load test on this machine may open many."""
    return None if is_this_machine(request) else address_bucket(request)


async def _answers(database: Database) -> bool:
    try:
        async with asyncio.timeout(_READY_SECONDS), database.reading() as tx:
            await tx.execute(select(literal(1)))
    except (TimeoutError, OSError, SQLAlchemyError, DatabaseProblem):
        return False
    return True


@contextmanager
def _refusing() -> Iterator[None]:
    """Turn what the operator can put right into a sentence."""
    try:
        yield
    except DatabaseProblem as error:
        raise Refused(told_plainly(error)) from error
    except MediaPortTaken as error:
        raise Refused(
            say(
                "Media port {port} is taken by another program: stop it, or choose others with --media-port.",
                port=error.args[0],
            )
        ) from error
    except EngineUnavailable as error:
        raise Refused(
            say("A media worker does not answer: see the file worker-0.log in the run folder, or start visavis worker.")
        ) from error
