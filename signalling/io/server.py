"""The WebSocket server: one socket's life from its upgrade to its end.

What comes in is checked here: who may open a socket, how large and how frequent frames are. What they mean is the
reception's. A request is carried out to its end also when its socket is lost: the runner must not cancel handlers
then (aiohttp's `handler_cancellation` is off by default).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import WSCloseCode, WSMsgType
from aiohttp import web as aioweb

from sfu.bucket import Bucket
from signalling.close_code import CloseCode
from signalling.io.background import report
from signalling.io.participant import Participant
from signalling.io.reception import Reception
from signalling.io.wire import Wire
from signalling.protocol import MAX_FRAME, BadMessage, ClientFrame, Problem, ServerFrame, decode, encode
from store.ids import PractitionerId

# People click slowly; a page that resumes sends what it has kept in one burst.
MESSAGES_A_SECOND = 20
BURST = 60


@dataclass(frozen=True, slots=True)
class SocketSettings:
    """Patience: with a socket that says nothing at first, with one that takes nothing, and between pings."""

    opening_seconds: float = 10.0
    stuck_seconds: float = 10.0
    heartbeat_seconds: float = 15.0


class TooFast(Exception):
    """Theirs: more messages than anybody needs."""


class _WebSocket(aioweb.WebSocketResponse[bool]):
    """Says what was wrong with a frame over the limit, which aiohttp closes for by itself."""

    async def close(self, *, code: int = WSCloseCode.OK, message: bytes = b"", drain: bool = True) -> bool:
        if code == WSCloseCode.MESSAGE_TOO_BIG and not self.closed:
            code = CloseCode.BAD_MESSAGE
            await self.send_str(_problem("bad_message"))
        return await super().close(code=code, message=message, drain=drain)


class WebSocketServer:
    """`practitioner_of_request` says who is logged in; `allowed_origins` which pages may open a socket here."""

    def __init__(
        self,
        reception: Reception,
        practitioner_of_request: Callable[[aioweb.Request], Awaitable[PractitionerId | None]],
        allowed_origins: Callable[[aioweb.Request], set[str]],
        settings: SocketSettings | None = None,
    ) -> None:
        self._reception = reception
        self._practitioner_of_request = practitioner_of_request
        self._allowed_origins = allowed_origins
        self._settings = settings or SocketSettings()

    async def handle(self, request: aioweb.Request) -> aioweb.StreamResponse:
        """Serve one socket. Answers 403 to a foreign or missing Origin, before any upgrade."""
        if request.headers.get("Origin") not in self._allowed_origins(request):
            raise aioweb.HTTPForbidden(text="This page may not connect here.")
        if "Sec-WebSocket-Protocol" in request.headers:
            raise aioweb.HTTPBadRequest(text="There are no subprotocols here.")
        practitioner = await self._practitioner_of_request(request)
        ws = _WebSocket(
            heartbeat=self._settings.heartbeat_seconds,
            timeout=2.0,
            # aiohttp refuses what is as large as its limit; ours is the largest that is allowed.
            max_msg_size=MAX_FRAME + 1,
            decode_text=False,
        )
        await ws.prepare(request)
        wire = Wire(ws, request.transport, self._settings.stuck_seconds)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(wire.run(), name="wire")
            try:
                await self._converse(ws, wire, practitioner)
            finally:
                if ws.closed or not wire.closing:
                    wire.end()
        return ws

    async def _converse(self, ws: _WebSocket, wire: Wire, practitioner: PractitionerId | None) -> None:
        """Hear the page until its socket ends. Whatever is wrong with what it sends is said to it."""
        participant: Participant | None = None
        try:
            if (first := await self._first_frame(ws)) is not None:
                participant = await self._reception.open(first, practitioner, wire)
            if participant is not None:
                await self._hear(ws, wire, participant)
        except BadMessage:
            wire.send(_problem("bad_message"))
            wire.close(CloseCode.BAD_MESSAGE)
        except TooFast:
            wire.send(_problem("too_fast"))
            wire.close(CloseCode.TOO_FAST)
        except Exception as error:  # noqa: BLE001  # the page comes back and resumes; the log says where to look
            report("request failed", error)
            wire.close(CloseCode.FAILED)
        finally:
            if participant is not None:
                self._reception.lost(participant, wire)

    async def _first_frame(self, ws: _WebSocket) -> ClientFrame | None:
        try:
            async with asyncio.timeout(self._settings.opening_seconds):
                return await _next_frame(ws)
        except TimeoutError:
            raise BadMessage("no opening message in time") from None

    async def _hear(self, ws: _WebSocket, wire: Wire, participant: Participant) -> None:
        bucket = Bucket(MESSAGES_A_SECOND, BURST, time.monotonic())
        while not wire.closing and (frame := await _next_frame(ws)) is not None:
            if not bucket.take(1, time.monotonic()):
                raise TooFast
            await self._reception.receive(participant, frame)


async def _next_frame(ws: _WebSocket) -> ClientFrame | None:
    """Return the next frame, or None when the socket is closed. Raises `BadMessage`."""
    message = await ws.receive()
    if message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
        return None
    if message.type is not WSMsgType.TEXT:
        raise BadMessage("frames are text")
    return decode(message.data)


def _problem(code: str) -> str:
    return encode(ServerFrame(0, 0, Problem(code)))
