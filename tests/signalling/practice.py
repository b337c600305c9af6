"""A whole practice for the tests: real database, real sockets, a media engine without media, a clock that stands."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from agenda.consultation import Consultation, JoinWindow
from agenda.io.service import Agenda
from agenda.people import Practitioner
from lobby.admission import MOST_WAITING
from lobby.io.service import Lobby
from signalling.io.heartbeat import SocketSettings
from signalling.io.reception import Reception, ReceptionSettings
from signalling.io.server import WebSocketServer
from signalling.metering import FreeOfCharge, Meters
from signalling.revocations import LogIn
from store.ids import PractitionerId
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.entropy import digest
from store.io.outbox import Outbox
from tests.migrated import migrated_file
from tests.signalling.engine_double import EngineDouble
from tests.signalling.page import ORIGIN, PATIENCE, Page

START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
SENDING = {"microphone": True, "camera": True, "screen": False}
DEVICES = {"camera": "ok", "microphone": "denied"}


@dataclass
class Clock:
    at: datetime = START

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **time: float) -> None:
        self.at += timedelta(**time)


@dataclass
class Practice:
    database: Database
    outbox: Outbox
    agenda: Agenda
    lobby: Lobby
    engine: EngineDouble
    clock: Clock
    sockets: SocketSettings
    limits: dict[str, Any] = field(default_factory=dict)
    window: JoinWindow = field(default_factory=JoinWindow)
    meters: Meters = field(default_factory=FreeOfCharge)
    pages: list[Page] = field(default_factory=list)
    logged_out: set[str] = field(default_factory=set)
    lapsed: set[str] = field(default_factory=set)
    reception: Reception = field(init=False)
    websockets: WebSocketServer = field(init=False)
    _runner: web.AppRunner = field(init=False)
    _client: aiohttp.ClientSession = field(init=False)

    @classmethod
    async def open(
        cls, folder: Path, sockets: SocketSettings | None = None, most_waiting: int = MOST_WAITING, **limits: Any
    ) -> "Practice":
        """`limits` are of `ReceptionSettings`."""
        database = await Database.open(f"sqlite:///{migrated_file(folder / 'visavis.sqlite3')}")
        outbox = Outbox(database, LocalBus())
        engine = EngineDouble()
        await engine.start()
        practice = cls(
            database,
            outbox,
            Agenda(database, outbox),
            Lobby(database, outbox, b"k" * 32, most_waiting),
            engine,
            Clock(),
            sockets or SocketSettings(),
            limits,
        )
        practice._client = aiohttp.ClientSession()
        await practice.start()
        return practice

    async def start(self) -> None:
        # A round is taken when a test says so: nothing here depends on how fast the machine is.
        limits = {"lapsed": self._lapsed, **self.limits}
        settings = ReceptionSettings(self.window, round_seconds=3600, clock=self.clock, **limits)
        self.reception = Reception(
            self.database, self.outbox, self.agenda, self.lobby, self.engine, settings, self.meters
        )
        await self.reception.start()
        self.websockets = WebSocketServer(self.reception, self._who, lambda _: {ORIGIN}, self.sockets)
        application = web.Application()
        application.router.add_get("/ws", self.websockets.handle)
        # As in production: aiohttp's own test server would cancel a request whose socket is lost.
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()

    async def stop(self) -> None:
        await self.reception.close()
        await self._runner.cleanup()

    async def restart(self) -> None:
        """The web process ends and starts again; the workers go on."""
        await self.stop()
        await self.start()
        for page in self.pages:
            page._url = self.url

    async def limit(self, **limits: Any) -> None:
        """Start anew with other limits of `ReceptionSettings`."""
        self.limits |= limits
        await self.restart()

    async def close(self) -> None:
        for page in self.pages:
            await page.close()
        await self.stop()
        await self._client.close()
        await self.engine.close()
        await self.outbox.deliver()
        await self.database.close()

    @property
    def url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}/ws"

    async def practitioner(self, name: str = "Dr Claire Martin", email: str = "claire@example.org") -> Practitioner:
        return await self.agenda.create_practitioner(email, name, None, self.clock())

    async def consultation(self, practitioner: Practitioner, **planned: Any) -> tuple[Consultation, str]:
        """Return a consultation that starts now, unless planned otherwise, and the invitation to it."""
        plan = {"patient_name": "Jean Dupont", "starts_at": self.clock(), "minutes": 30, **planned}
        consultation = await self.agenda.plan(practitioner.id, at=self.clock(), **plan)
        return consultation, await self.lobby.invite(consultation.id, self.clock())

    def page(self, practitioner: Practitioner | None = None, browser: str = "a browser") -> Page:
        headers = {"X-Practitioner": practitioner.id, "X-Browser": browser} if practitioner else None
        page = Page(self._client, self.url, headers)
        self.pages.append(page)
        return page

    async def desk(self, practitioner: Practitioner) -> Page:
        page = await self.page(practitioner).open(type="attend")
        await page.expect("lobby")
        return page

    async def host(self, practitioner: Practitioner, consultation: Consultation) -> Page:
        return await self.page(practitioner).open(type="enter", consultation=consultation.id, sending=SENDING)

    async def patient(self, invitation: str, name: str = "Jean Dupont", ticket: str | None = None) -> Page:
        return await self.page().open(type="knock", invitation=invitation, name=name, devices=DEVICES, ticket=ticket)

    async def waiting_patient(self, invitation: str, name: str = "Jean Dupont") -> tuple[Page, str]:
        """Return a patient in the waiting room, and the ticket."""
        page = await self.patient(invitation, name)
        return page, (await page.expect("waiting"))["ticket"]

    async def admit(self, host: Page, name: str = "Jean Dupont") -> None:
        """Let in the one of that name, as soon as the list shows them."""
        entry = await self.entry(host, name)
        await host.send("admit", admission=entry["admission"], version=entry["version"])

    async def entry(self, host: Page, name: str, **wanted: Any) -> dict[str, Any]:
        """Return the newest list's entry of that name, once it is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lists = [body for body in host.heard if body["type"] == "lobby"]
                for entry in lists[-1]["entries"] if lists else ():
                    if entry["name"] == name and all(entry[key] == value for key, value in wanted.items()):
                        return dict(entry)
                await host.news()

    async def call(self, practitioner: Practitioner, consultation: Consultation, invitation: str) -> tuple[Page, Page]:
        """Return the pages of a practitioner and a patient in a live call."""
        host = await self.host(practitioner, consultation)
        await host.expect("offer")
        patient, _ = await self.waiting_patient(invitation)
        await self.admit(host)
        await patient.until("peer", connected=True)
        await patient.until("call", state="live")
        await self.calm(host, patient)
        return host, patient

    async def vanish(self, page: Page) -> None:
        """Cut the page off; returns when the server has noticed."""
        await page.cut()
        participant = self.reception._services.presence.session(digest(page.session))
        await self.eventually(lambda: participant is None or not participant.attached)

    async def eventually(self, holds: Callable[[], bool]) -> None:
        """Return once that is so; for what happens after the last frame about it."""
        async with asyncio.timeout(PATIENCE):
            while not holds():  # noqa: ASYNC110  # what is waited for has no event
                await asyncio.sleep(0.01)

    async def calm(self, *pages: Page) -> None:
        """Return when nothing is under way between these pages, the reception and the engine."""
        for _ in range(3):
            for page in pages:
                await page.settled()
            await self.engine.heard()

    async def log_out(self, practitioner: Practitioner) -> None:
        """As the web side does: the cookie is worth nothing first, then the reception is told."""
        self.logged_out.add(practitioner.id)
        await self.reception.revoke_practitioner(practitioner.id)

    async def _lapsed(self, log_ins: Collection[str], _: datetime) -> set[str]:
        return self.lapsed & set(log_ins)

    async def _who(self, request: web.Request) -> LogIn | None:
        found = request.headers.get("X-Practitioner")
        if found is None or found in self.logged_out:
            return None
        return LogIn(PractitionerId(found), request.headers.get("X-Browser", "a browser"))
