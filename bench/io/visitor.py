"""A participant at the WebSocket: patient or practitioner, with or without media, for thousands in one process.

It speaks `docs/protocol.md` with its own few lines, as another implementation would. Offers are answered by a
`MediaPeer` where `streams` were given, and connecting goes on beside.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

from bench.io.peer import MediaPeer, PeerFailed
from bench.sdp import Streams

Body = dict[str, Any]
# The server acknowledges after 5 s of silence, and so do browsers.
_ALIVE_EVERY = 5.0
_DEVICES = {"camera": "ok", "microphone": "ok"}
SENDING = {"microphone": True, "camera": True, "screen": False}


class VisitorFailed(Exception):
    """What was awaited did not come; the text is a short reason, fit to be counted."""


class Visitor:
    """One WebSocket session. `http` is shared by many: its cookie jar must be a `DummyCookieJar`.

    `received` holds (monotonic seconds, body) of every message in order; `on_body` hears each as it comes. `media` is
    the peer of the newest fresh offer, `ticket` and `session` what the server gave to come back with.
    """

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        *,
        streams: Streams | None = None,
        profile: str | None = None,
        on_body: Callable[[Body, float], None] | None = None,
    ) -> None:
        self._http = http
        self._url = url
        self._streams = streams
        self._profile = profile
        self._on_body = on_body
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._reader: asyncio.Task[None] | None = None
        self._alive: asyncio.TimerHandle | None = None
        self._sent = self._seen = 0
        self._changed = asyncio.Event()
        self._unacknowledged: list[tuple[int, Body]] = []
        self.received: list[tuple[float, Body]] = []
        self.media: MediaPeer | None = None
        self.media_failure = ""
        self.media_connected_at: float | None = None
        self.ticket: str | None = None
        self.session: str | None = None
        self.cookie = ""
        self.bytes_in = self.bytes_out = 0

    # -- opening ---------------------------------------------------------------------------------------------

    async def knock(self, invitation: str, name: str, *, ticket: str | None = None) -> None:
        """Arrive as a patient. Raises `VisitorFailed` when there is no socket to be had."""
        opening: Body = {"type": "knock", "invitation": invitation, "name": name, "devices": _DEVICES}
        if ticket is not None:
            opening["ticket"] = ticket
        await self._open(opening, 0)

    async def enter(self, consultation: str, cookie: str) -> None:
        """Take the practitioner's seat; `cookie` comes from `Target.entry`. Raises `VisitorFailed`."""
        self.cookie = cookie
        await self._open({"type": "enter", "consultation": consultation, "sending": SENDING}, 0)

    async def attend(self, cookie: str) -> None:
        """Watch the waiting lists of all the practitioner's consultations. Raises `VisitorFailed`."""
        self.cookie = cookie
        await self._open({"type": "attend"}, 0)

    async def resume(self) -> None:
        """Come back on a new socket after `drop()`, and say again what was not acknowledged. Raises `VisitorFailed`."""
        await self._open({"type": "resume", "session": self.session}, self._seen)
        for number, body in self._unacknowledged:
            await self._write(number, body)

    async def _open(self, opening: Body, ack: int) -> None:
        headers = {"Origin": self._url} | ({"Cookie": self.cookie} if self.cookie else {})
        try:
            self._socket = await self._http.ws_connect(
                f"{self._url}/ws", headers=headers, max_msg_size=256 * 1024, autoclose=True
            )
        except aiohttp.WSServerHandshakeError as error:
            raise VisitorFailed(f"socket refused ({error.status})") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise VisitorFailed("no socket") from error
        if opening["type"] != "resume":
            self._sent = self._seen = 0
            self._unacknowledged.clear()
        frame = msgspec.json.encode({"n": 0, "ack": ack, "body": opening}).decode()
        self.bytes_out += len(frame)
        await self._socket.send_str(frame)
        self._reader = asyncio.get_running_loop().create_task(self._read(self._socket))
        self._stay_alive()

    # -- saying ----------------------------------------------------------------------------------------------

    async def say(self, body: Body) -> None:
        """Send a numbered message. Raises `VisitorFailed` when the socket is gone."""
        self._sent += 1
        self._unacknowledged.append((self._sent, body))
        await self._write(self._sent, body)

    async def admit(self, entry: Body) -> None:
        """Let in the patient of this entry of a `lobby` message."""
        await self.say({"type": "admit", "admission": entry["admission"], "version": entry["version"]})

    async def decline(self, entry: Body) -> None:
        """Refuse the patient of this entry."""
        await self.say({"type": "decline", "admission": entry["admission"], "version": entry["version"]})

    async def leave(self) -> None:
        """Give up the place or the seat; the practitioner's leaving ends the call."""
        await self.say({"type": "leave"})

    async def _write(self, number: int, body: Body | None) -> None:
        if self._socket is None or self._socket.closed:
            raise VisitorFailed("socket lost")
        frame = msgspec.json.encode({"n": number, "ack": self._seen, "body": body}).decode()
        self.bytes_out += len(frame)
        try:
            await self._socket.send_str(frame)
        except (aiohttp.ClientError, OSError) as error:
            raise VisitorFailed("socket lost") from error

    def _stay_alive(self) -> None:
        if self._alive is not None:
            self._alive.cancel()
        self._alive = asyncio.get_running_loop().call_later(_ALIVE_EVERY, self._say_alive)

    def _say_alive(self) -> None:
        if self._socket is not None and not self._socket.closed:
            self._spawn(self.say({"type": "alive"}))
            self._stay_alive()

    # -- hearing ---------------------------------------------------------------------------------------------

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            at = time.monotonic()
            self.bytes_in += len(message.data)
            frame = msgspec.json.decode(message.data)
            self._unacknowledged = [kept for kept in self._unacknowledged if kept[0] > frame["ack"]]
            if frame["body"] is not None:
                self._seen = max(self._seen, frame["n"])
                self._hear(frame["body"], at)
        self._changed.set()

    def _hear(self, body: Body, at: float) -> None:
        self.received.append((at, body))
        kind = body["type"]
        if kind == "welcome":
            self.session = body["session"]
        elif kind in ("waiting", "admitted"):
            self.ticket = body["ticket"]
        if kind == "admitted":
            self._spawn(self.say({"type": "sending", "sending": SENDING}))
        elif kind == "offer" and self._streams is not None:
            self._spawn(self._answer(body, self._streams))
        if self._on_body is not None:
            self._on_body(body, at)
        self._changed.set()

    async def _answer(self, offer: Body, streams: Streams) -> None:
        old = self.media
        fresh = old is None or bool(offer["fresh"])
        peer = MediaPeer(streams, profile=self._profile) if old is None or fresh else old
        self.media = peer
        try:
            answer = peer.answer(offer["sdp"])
            await self.say({"type": "answer", "negotiation": offer["negotiation"], "sdp": answer})
            if fresh:
                await peer.connect()
                self.media_connected_at = time.monotonic()
        except (PeerFailed, VisitorFailed) as error:
            self.media_failure = str(error)
        self._changed.set()
        if fresh and old is not None:
            await old.close()

    @property
    def open(self) -> bool:
        """Whether the socket is open."""
        return self._socket is not None and not self._socket.closed

    def types(self) -> list[str]:
        """Return the types of all messages, in order."""
        return [body["type"] for _, body in self.received]

    async def until(
        self, *types: str, within: float = 20.0, where: Callable[[Body], bool] = lambda _: True, after: int = 0
    ) -> tuple[float, Body]:
        """Return the first message from position `after` on that is one of these types and fits `where`.

        With its time of arrival, monotonic seconds. Raises `VisitorFailed` after `within` seconds, when the socket
        ends, or with the server's reason when a `problem` comes that nobody asked for.
        """
        position = after
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    while position < len(self.received):
                        at, body = self.received[position]
                        position += 1
                        if body["type"] in types and where(body):
                            return at, body
                        if body["type"] == "problem" and "problem" not in types:
                            raise VisitorFailed(f"problem {body['code']}")
                    if self._reader is None or self._reader.done():
                        raise VisitorFailed("socket lost")
                    await self._changed.wait()
        except TimeoutError:
            raise VisitorFailed(f"no {' or '.join(types)} in time") from None

    async def media_ready(self, within: float = 20.0) -> MediaPeer:
        """Return the media peer once it has connected. Raises `VisitorFailed`."""
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    if self.media_failure:
                        raise VisitorFailed(self.media_failure)
                    if self.media is not None and self.media.connected.is_set():
                        return self.media
                    await self._changed.wait()
        except TimeoutError:
            raise VisitorFailed("media did not connect in time") from None

    # -- going -----------------------------------------------------------------------------------------------

    async def drop(self) -> None:
        """Lose the socket as a bad network would: no leave is said; media goes on."""
        if self._alive is not None:
            self._alive.cancel()
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await asyncio.gather(self._reader, return_exceptions=True)

    async def close(self) -> None:
        """Close socket and media; says no leave."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.drop()
        if self.media is not None:
            await self.media.close()
            self.media = None

    def _spawn(self, work: Any) -> None:
        async def guarded() -> None:
            with contextlib.suppress(VisitorFailed):
                await work

        task = asyncio.get_running_loop().create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
