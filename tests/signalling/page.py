"""A page as docs/protocol.md describes it: over a real WebSocket, numbered, acknowledging, resuming.

It answers offers by itself unless told not to. `heard` is every event in the order in which it arrived, once each.
"""

import asyncio
import contextlib
import json
from typing import Any

import aiohttp

ORIGIN = "http://clinic.example"
# Seconds after which something that should come is taken to be missing, on however busy a machine.
PATIENCE = 60

Body = dict[str, Any]


class Page:
    def __init__(self, session: aiohttp.ClientSession, url: str, headers: dict[str, str] | None = None) -> None:
        self._client = session
        self._url = url
        self._headers = {"Origin": ORIGIN, **(headers or {})}
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._sent = 0
        self._unacked: list[tuple[int, Body]] = []
        self._looked = 0
        self.received = 0
        self.session = ""
        self.heard: list[Body] = []
        self.numbers: list[int] = []
        self.answers = True
        self.close_code: int | None = None
        self.online = False

    async def open(self, **opening: Any) -> "Page":
        """Connect and say the opening message; returns at once."""
        await self._connect({"n": 0, "ack": 0, "body": opening})
        return self

    async def resume(self) -> "Page":
        """Come back on a new socket."""
        await self._connect({"n": 0, "ack": self.received, "body": {"type": "resume", "session": self.session}})
        await self.expect("welcome")
        return self

    async def send(self, kind: str, **fields: Any) -> None:
        self._sent += 1
        body = {"type": kind, **fields}
        self._unacked.append((self._sent, body))
        await self._transmit(self._sent, body)

    async def send_raw(self, data: str | bytes) -> None:
        """Send something; the server may close before it has taken all of it."""
        assert self._ws is not None
        with contextlib.suppress(ConnectionError):
            if isinstance(data, bytes):
                await self._ws.send_bytes(data)
            else:
                await self._ws.send_str(data)

    async def expect(self, kind: str, **fields: Any) -> Body:
        """Return the next event of that kind with these fields, from where the last look ended."""

        def fits(body: Body) -> bool:
            return body["type"] == kind and all(body.get(key) == value for key, value in fields.items())

        async with asyncio.timeout(PATIENCE):
            while True:
                while self._looked < len(self.heard):
                    body = self.heard[self._looked]
                    self._looked += 1
                    if fits(body):
                        return body
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code}, no {kind} {fields} in {self.kinds()}")
                await self.news()

    async def until(self, kind: str, **fields: Any) -> Body:
        """Return the newest event of that kind, once it has these fields."""
        async with asyncio.timeout(PATIENCE):
            while True:
                newest = next((body for body in reversed(self.heard) if body["type"] == kind), None)
                if newest is not None and all(newest.get(key) == value for key, value in fields.items()):
                    return newest
                if self.close_code is not None:
                    raise AssertionError(f"closed with {self.close_code}, no {kind} {fields} in {self.kinds()}")
                await self.news()

    async def closed(self) -> int:
        """Return the code with which the server closed."""
        assert self._reader is not None
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([self._reader])
        assert self.close_code is not None
        return self.close_code

    async def settled(self) -> None:
        """Return when the server has carried out everything that was asked."""
        await self.send("alive")
        async with asyncio.timeout(PATIENCE):
            while self._unacked:
                await self.news()

    async def news(self) -> None:
        """Return when a frame has arrived, or the socket is closed."""
        self._news.clear()
        await self._news.wait()

    def kinds(self) -> list[str]:
        return [body["type"] for body in self.heard]

    def last(self, kind: str) -> Body:
        return next(body for body in reversed(self.heard) if body["type"] == kind)

    async def cut(self) -> None:
        """The network is gone: no close frame, what is on its way may be lost."""
        if self._ws is not None and self._ws._response.connection is not None:
            transport = self._ws._response.connection.transport
            if transport is not None:
                transport.abort()
        await self._stop()

    async def close(self) -> None:
        """The page is closed."""
        if self._ws is not None:
            await self._ws.close()
        await self._stop()

    async def _stop(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
            self._reader = None
        self._ws = None

    async def _connect(self, first: Body) -> None:
        await self._stop()
        self.online = False
        self.close_code = None
        self._ws = await self._client.ws_connect(self._url, headers=self._headers, compress=15)
        await self._ws.send_str(json.dumps(first))
        self._reader = asyncio.create_task(self._read(self._ws))

    async def _transmit(self, n: int, body: Body | None) -> None:
        if self._ws is None:
            return
        try:
            await self._ws.send_str(json.dumps({"n": n, "ack": self.received, "body": body}))
        except (ConnectionError, aiohttp.ClientError):
            return

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in ws:
                if message.type is aiohttp.WSMsgType.TEXT:
                    await self._hear(json.loads(message.data))
        finally:
            if ws is self._ws:
                self.close_code = ws.close_code
                self.online = False
            self._news.set()

    async def _hear(self, frame: Body) -> None:
        body = frame.get("body")
        if body is not None and body["type"] == "welcome":
            self.session = body["session"]
            self.online = True
            if not body["resumed"]:
                self.received = 0
        self._unacked = [(n, sent) for n, sent in self._unacked if n > frame["ack"]]
        if body is not None and (frame["n"] == 0 or frame["n"] > self.received):
            if frame["n"] > 0:
                assert frame["n"] == self.received + 1, "a gap"
                self.received = frame["n"]
                self.numbers.append(frame["n"])
            self.heard.append(body)
            if body["type"] == "welcome":
                for n, sent in self._unacked:
                    await self._transmit(n, sent)
            if body["type"] == "offer" and self.answers:
                await self.send("answer", negotiation=body["negotiation"], sdp="answer")
        self._news.set()
