"""One practice with two practitioners on a real SQLite database, behind the real application."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, DummyCookieJar
from aiohttp import web as aioweb
from aiohttp.test_utils import TestClient
from prometheus_client import CollectorRegistry

from agenda.consultation import Consultation
from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from agenda.people import Practitioner
from lobby.io.service import Lobby
from store.ids import ConsultationId, PractitionerId
from store.io.bus import LocalBus
from store.io.database import Database
from store.io.outbox import Outbox
from web.io.application import build_app
from web.io.parts import WebParts, WebSettings
from web.io.visitor import allowed_origins, practitioner_id

START = datetime(2026, 3, 10, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@dataclass
class Practice:
    """What a test acts on and looks at."""

    agenda: Agenda
    credentials: Credentials
    lobby: Lobby
    owner: Practitioner
    other: Practitioner
    client: TestClient[Any, Any] = None  # type: ignore[assignment]
    at: datetime = START
    ready: list[tuple[str, bool]] = field(default_factory=lambda: [("database", True), ("workers", True)])
    logged_out: list[PractitionerId] = field(default_factory=list)
    cancelled: list[ConsultationId] = field(default_factory=list)
    gauges: dict[str, float] = field(default_factory=lambda: {"visavis_calls_open": 2.0})

    def later(self, **by: float) -> None:
        self.at += timedelta(**by)

    @property
    def origin(self) -> str:
        return str(self.client.make_url("/")).rstrip("/")

    async def session(self, practitioner: Practitioner) -> str:
        return await self.credentials.start_session(practitioner.id, self.at)

    async def as_(self, practitioner: Practitioner) -> dict[str, str]:
        return {"Cookie": f"visavis={await self.session(practitioner)}"}

    async def key(self, practitioner: Practitioner | None) -> dict[str, str]:
        key = await self.credentials.create_key("test", practitioner.id if practitioner else None, self.at)
        return {"Authorization": f"Bearer {key}"}

    async def plan(self, who: Practitioner | None = None, name: str = "Jeanne Dupont", **by: float) -> Consultation:
        starts_at = self.at + timedelta(**by)
        return await self.agenda.plan((who or self.owner).id, name, starts_at, 30, self.at)

    async def get(self, path: str, headers: dict[str, str] | None = None) -> ClientResponse:
        return await self.client.get(path, headers=headers, allow_redirects=False)

    async def form(self, path: str, headers: dict[str, str] | None = None, **fields: str) -> ClientResponse:
        """Send a form as a page of ours does."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": "null"}
        return await self.client.post(path, data=fields, headers={**own, **(headers or {})}, allow_redirects=False)

    async def script(self, path: str, body: object, headers: dict[str, str] | None = None) -> ClientResponse:
        """Send JSON as a script of ours does."""
        own = {"Sec-Fetch-Site": "same-origin", "Origin": self.origin}
        return await self.client.post(path, json=body, headers={**own, **(headers or {})}, allow_redirects=False)

    async def log_in(self, email: str, password: str, headers: dict[str, str] | None = None) -> ClientResponse:
        return await self.form("/login", headers, email=email, password=password)


async def say_who(request: aioweb.Request) -> aioweb.StreamResponse:
    """Stand in for the WebSocket server: tells what it would have learnt of the caller."""
    known = {"practitioner": await practitioner_id(request), "origins": sorted(allowed_origins(request))}
    return aioweb.json_response(known)


Open = Callable[..., Awaitable[Practice]]


@pytest.fixture
async def opened(tmp_path: Path, aiohttp_client: Callable[..., Awaitable[Any]]) -> AsyncIterator[Open]:
    """Give a function that opens a practice with settings of the test's own."""
    databases: list[Database] = []

    async def open_(websocket: Any = say_who, **settings: Any) -> Practice:
        database = await Database.open(f"sqlite:///{tmp_path}/visavis.sqlite3")
        databases.append(database)
        outbox = Outbox(database, LocalBus())
        agenda, credentials = Agenda(database, outbox), Credentials(database)
        owner = await agenda.create_practitioner("anne@example.org", "Dr Anne Martin", PASSWORD, START)
        other = await agenda.create_practitioner("paul@example.org", "Dr Paul Petit", None, START)
        practice = Practice(agenda, credentials, Lobby(database, outbox, b"k" * 32), owner, other)

        async def readiness() -> list[tuple[str, bool]]:
            return practice.ready

        async def on_logout(who: PractitionerId) -> None:
            practice.logged_out.append(who)

        async def on_cancel(consultation: ConsultationId) -> None:
            kept = await agenda.consultation(consultation)
            assert kept is not None
            assert kept.cancelled_at is not None
            practice.cancelled.append(consultation)

        chosen = {"version": "1.2.3", "trusted_proxies": (ip_network("127.0.0.0/8"),), **settings}
        parts = WebParts(
            agenda=agenda,
            credentials=credentials,
            lobby=practice.lobby,
            websocket=websocket,
            readiness=readiness,
            settings=WebSettings(**chosen),
            clock=lambda: practice.at,
            on_logout=on_logout,
            on_cancel=on_cancel,
            metrics=CollectorRegistry(),
            gauges=lambda: practice.gauges,
        )
        practice.client = await aiohttp_client(build_app(parts), cookie_jar=DummyCookieJar())
        return practice

    yield open_
    for database in databases:
        await database.close()


@pytest.fixture
async def practice(opened: Open) -> Practice:
    return await opened()


@pytest.fixture
def page_data() -> Callable[[str], dict[str, Any]]:
    """Give a function that reads what a page tells its scripts."""

    def read(html: str) -> dict[str, Any]:
        _, _, rest = html.partition('<script type="application/json" id="page">')
        text, _, _ = rest.partition("</script>")
        data: dict[str, Any] = json.loads(text)
        return data

    return read


@pytest.fixture
def start() -> datetime:
    return START
