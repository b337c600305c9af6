"""A stand-in for the server: real pages, a scripted WebSocket. Over 300 lines: one server is read as a whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import segno
from aiohttp import WSMsgType, web

from tests.web.pages.till import Till
from web import pricing
from web.headers import security_headers
from web.io.catalogues import Catalogues
from web.io.rendering import Pages
from web.io.static_files import StaticFiles

WEB = Path(__file__).parents[3] / "web"
CONSULTATION = "con_AAAAAAAAAAAAAAAAAAAAAA"
OTHER_CONSULTATION = "con_BBBBBBBBBBBBBBBBBBBBBB"
INVITATION = "an-invitation-of-forty-three-characters-ABC"
PRACTITIONER = SimpleNamespace(name="Dr Anne Martin", email="anne@example.org")


class Socket:
    """One WebSocket of a page. Frames sent by `say` are numbered; every request is acknowledged at once."""

    def __init__(self, talk: "Talk", ws: web.WebSocketResponse, opening: dict[str, Any]) -> None:
        self._talk = talk
        self._ws = ws
        self.ack = opening["ack"]
        self.opening = opening["body"]
        self.requests: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    async def say(self, kind: str, **values: object) -> None:
        """Send the next numbered event."""
        self._talk.sent += 1
        frame = {"n": self._talk.sent, "ack": self._talk.received, "body": {"type": kind, **values}}
        self._talk.said.append(frame)
        await self.send(frame)

    async def send(self, frame: dict[str, object]) -> None:
        """Send a frame as it is."""
        await self._ws.send_str(json.dumps(frame))

    async def greet(self, *, resumed: bool = False) -> None:
        """Welcome the page; `resumed` also sends again what it had not seen."""
        body = {"type": "welcome", "session": self._talk.session, "role": "any", "resumed": resumed}
        await self.send({"n": 0, "ack": self._talk.received, "body": body})
        for frame in self._talk.said:
            if resumed and frame["n"] > self.ack:
                await self.send(frame)

    async def hear(self, kind: str) -> dict[str, Any]:
        """Return the next request of that kind, passing over all others."""
        while True:
            request = await asyncio.wait_for(self.requests.get(), 20)
            if request["type"] == kind:
                return request

    async def drop(self, code: int = 1011) -> None:
        """Close the socket."""
        await self._ws.close(code=code)


class Talk:
    """The server's side of the sessions: what it has said and received."""

    def __init__(self) -> None:
        self.session = "session-token-0001"
        self.arrivals: asyncio.Queue[Socket] = asyncio.Queue()
        self.frames: list[dict[str, Any]] = []
        self.acknowledging = True
        self.forget()

    def forget(self) -> None:
        """Begin a new session."""
        self.sent = 0
        self.received = 0
        self.said: list[dict[str, Any]] = []

    async def arrival(self) -> Socket:
        """Return the next socket that a page opens."""
        return await asyncio.wait_for(self.arrivals.get(), 20)

    async def welcomed(self) -> Socket:
        """Return the next socket, after the welcome to a new session."""
        socket = await self.arrival()
        self.forget()
        await socket.greet()
        return socket

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        """GET /ws."""
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        socket: Socket | None = None
        async for message in ws:
            if message.type is not WSMsgType.TEXT:
                break
            frame = json.loads(message.data)
            if socket is None:
                socket = Socket(self, ws, frame)
                await self.arrivals.put(socket)
                continue
            self.frames.append(frame)
            fresh = frame["n"] > self.received
            if self.acknowledging:
                self.received = max(self.received, frame["n"])
                await ws.send_str(json.dumps({"n": 0, "ack": self.received}))
            if frame.get("body") and fresh:
                await socket.requests.put(frame["body"])
        return ws


class StandIn:
    """The pages of a small practice. A test changes `look`, `desk` and the like before it opens a page."""

    def __init__(self) -> None:
        statics = StaticFiles(WEB / "static")
        self.pages = Pages(WEB / "templates", Catalogues(WEB / "locales"), statics, "0.1.0")
        self.talk = Talk()
        self.till = Till()
        self.sandbox = False
        self.language = "fr"
        self.look: dict[str, object] | None = invited()
        self.opens_to: str | None = "/desk"
        self.logged_in: SimpleNamespace | None = None
        self.consultations: list[SimpleNamespace] = []
        self.desk: dict[str, object] = {"problem": None, "form": EMPTY_FORM}
        self.can_charge = True
        self.mail_in_files = False
        self.login: dict[str, object] = {"problem": None, "email": ""}
        self.posted: list[tuple[str, dict[str, str]]] = []
        self.url = ""
        self.app = web.Application()
        self.app.on_response_prepare.append(_add_headers)
        self.app.add_routes(
            [
                web.get("/ws", self.talk.handle),
                web.get("/static/{path:.*}", self._static(statics)),
                web.get("/login", self._login),
                web.get("/open", self._open_page),
                web.post("/open", self._open),
                web.get("/desk", self._desk),
                web.get("/desk/consultations/{id}/invitation.svg", _qr),
                web.get("/consultations/{id}", self._room),
                web.get("/join", self._join),
                web.post("/join/look", self._look),
                web.get("/pay", self._pay),
                *self.till.routes(),
                web.post("/language", self._choose_language),
                web.get("/error/{status}/{code}", self._error),
                web.get("/robot", _robot),
                web.post("/{path:.*}", self._post),
            ]
        )

    async def _page(self, request: web.Request, name: str, **values: Any) -> web.Response:
        text = self.pages.html(name, self.language, request.path, sandbox=self.sandbox, **values)
        return web.Response(text=text, content_type="text/html")

    async def _open_page(self, request: web.Request) -> web.Response:
        return await self._page(request, "open", practitioner=self.logged_in, login_path="/login")

    async def _join(self, request: web.Request) -> web.Response:
        return await self._page(request, "join")

    async def _pay(self, request: web.Request) -> web.Response:
        return await self._page(request, "pay")

    async def _login(self, request: web.Request) -> web.Response:
        return await self._page(request, "login", action="/login", **self.login)

    async def _desk(self, request: web.Request) -> web.Response:
        return await self._page(
            request,
            "desk",
            practitioner=PRACTITIONER,
            consultations=self.consultations,
            time_zone="Europe/Paris",
            currency="EUR",
            can_charge=self.can_charge,
            mail_in_files=self.mail_in_files,
            **{"wrong": WRONG.get(str(self.desk["problem"])), **self.desk},
        )

    async def _room(self, request: web.Request) -> web.Response:
        data = {
            "consultation": CONSULTATION,
            "practitioner": PRACTITIONER.name,
            "patient_name": "Jean Dupont",
            "starts_at": _soon().isoformat(),
            "minutes": 30,
            "invitation_url": f"{self.url}/join#{INVITATION}",
            "priced": self.till.invoice is not None,
        }
        consultation = SimpleNamespace(patient_name="Jean Dupont")
        return await self._page(request, "room", practitioner=PRACTITIONER, data=data, consultation=consultation)

    async def _error(self, request: web.Request) -> web.Response:
        status, code = int(request.match_info["status"]), request.match_info["code"]
        return await self._page(request, "error", status=status, code=code, reference="4fe2a1c0")

    async def _look(self, request: web.Request) -> web.Response:
        await request.json()
        if self.look is None:
            return web.json_response({"status": 404}, status=404)
        return web.json_response(self.look)

    async def _open(self, request: web.Request) -> web.Response:
        asked = await request.json()
        self.posted.append((request.path, asked))
        if self.logged_in and not asked["replace"]:
            return web.json_response({"status": 409}, status=409)
        if self.opens_to is None:
            return web.json_response({"status": 404}, status=404)
        return web.json_response({"location": self.opens_to})

    async def _choose_language(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.language = str(form["lang"])
        return web.Response(status=303, headers={"Location": str(form["next"])})

    async def _post(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.posted.append((request.path, form))
        return web.Response(status=303, headers={"Location": "/desk"})

    def _static(self, statics: StaticFiles) -> Any:
        async def answer(request: web.Request) -> web.Response:
            return statics.answer(request)

        return answer


EMPTY_FORM = {"patient_name": "", "when": "now", "starts_at": "", "minutes": "30", **pricing.EMPTY}
# Which field each problem of the form is about.
WRONG = {"bad_minutes": "minutes", "bad_amount": "amount", "price_zero": "amount"}


def invited(*obstacles: str, opens_in: timedelta = timedelta(minutes=-20)) -> dict[str, object]:
    """Return what an invitation leads to."""
    opens_at = datetime.now(UTC) + opens_in
    return {
        "practitioner": PRACTITIONER.name,
        "patient_name": "Jean Dupont",
        "starts_at": (opens_at + timedelta(minutes=30)).isoformat(),
        "minutes": 30,
        "opens_at": opens_at.isoformat(),
        "closes_at": (opens_at + timedelta(minutes=90)).isoformat(),
        "obstacles": list(obstacles),
    }


def waiting(host: str = "present") -> dict[str, object]:
    """Return the values of a `waiting` event."""
    since = datetime.now(UTC) - timedelta(minutes=3)
    return {
        "ticket": "v1.ticket-of-this-place",
        "since": since.isoformat(),
        "practitioner": PRACTITIONER.name,
        "starts_at": _soon().isoformat(),
        "host": host,
    }


def entry(name: str = "Jean Dupont", letter: str = "A", **changes: object) -> dict[str, object]:
    """Return one who waits, as `lobby` shows them."""
    return {
        "admission": f"adm_{letter * 22}",
        "version": 1,
        "consultation": CONSULTATION,
        "name": name,
        "since": (datetime.now(UTC) - timedelta(minutes=4)).isoformat(),
        "devices": {"camera": "ok", "microphone": "ok"},
        "connected": True,
        "same_link": False,
        **changes,
    }


def peer(name: str, **changes: object) -> dict[str, object]:
    """Return the values of a `peer` event."""
    sending = {"microphone": True, "camera": True, "screen": False}
    return {"present": True, "connected": True, "name": name, "sending": sending, **changes}


@asynccontextmanager
async def running(stand_in: StandIn) -> AsyncIterator[StandIn]:
    """Serve it on a free port of this machine."""
    runner = web.AppRunner(stand_in.app, shutdown_timeout=0.2)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    stand_in.url = f"http://localhost:{port}"
    try:
        yield stand_in
    finally:
        await runner.cleanup()


async def _qr(request: web.Request) -> web.Response:
    body = segno.make(f"{request.url.origin()}/join#{INVITATION}").svg_inline(scale=4)
    body = body.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
    return web.Response(text=body, content_type="image/svg+xml")


async def _robot(_: web.Request) -> web.Response:
    page = f"<!doctype html><title>Robot</title><script>{(Path(__file__).parent / 'robot.js').read_text()}</script>"
    return web.Response(text=page, content_type="text/html")


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if request.path != "/robot":
        response.headers.update(security_headers(https=False))


def _soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=10)
