"""The WebSocket server: one socket's life from its upgrade to its end.

What comes in is checked here: who may open a socket, how large and how frequent frames are. What they mean is the
reception's. A request is carried out to its end also when its socket is lost: the runner must not cancel handlers
then (aiohttp's `handler_cancellation` is off by default).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiohttp import WSCloseCode, WSMsgType
from aiohttp import web as aioweb

from sfu.bucket import Bucket
from signalling.close_code import CloseCode
from signalling.io.background import report
from signalling.io.heartbeat import Heartbeat, SocketSettings
from signalling.io.participant import Participant
from signalling.io.reception import Reception
from signalling.io.socket_count import SocketCount
from signalling.io.wire import Wire
from signalling.protocol import MAX_FRAME, BadMessage, ClientFrame, Problem, ServerFrame, decode, encode
from signalling.revocations import LogIn

# People click slowly; a page that resumes sends what it has kept in one burst.
MESSAGES_A_SECOND = 20
BURST = 60

_ENDS = frozenset({WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR})


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
    """`log_in_of_request` says who is logged in; `allowed_origins` which pages may open a socket here.

    `address_of_request` names the client whose sockets are counted; None counts none.
    """

    def __init__(
        self,
        reception: Reception,
        log_in_of_request: Callable[[aioweb.Request], Awaitable[LogIn | None]],
        allowed_origins: Callable[[aioweb.Request], set[str]],
        settings: SocketSettings | None = None,
        address_of_request: Callable[[aioweb.Request], str | None] = lambda request: request.remote,
    ) -> None:
        self._reception = reception
        self._log_in_of_request = log_in_of_request
        self._allowed_origins = allowed_origins
        self._settings = settings or SocketSettings()
        self._heartbeat = Heartbeat(self._settings)
        self._address_of_request = address_of_request
        self._sockets = SocketCount(self._settings.most_per_address)

    async def handle(self, request: aioweb.Request) -> aioweb.StreamResponse:
        """Serve one socket. Before any upgrade, a foreign or missing Origin is answered 403, a crowded address 429.

        Whatever is wrong with what the page sends is said to it. This is one coroutine, as each one within it that
        waits for the page costs memory for every socket.
        """
        address = self._checked(request)
        try:
            ws = await _upgraded(request)
            wire = Wire(ws, request.transport, time.monotonic())
            self._heartbeat.add(wire)
            participant: Participant | None = None
            try:
                participant = await self._begin(request, ws, wire)
                bucket = Bucket(MESSAGES_A_SECOND, BURST, time.monotonic())
                while participant is not None and not wire.closing:
                    message = await ws.receive()
                    if message.type in _ENDS:
                        break
                    wire.heard()
                    frame = _frame(message.type, message.data, wire, bucket)
                    if frame is not None:
                        await self._reception.receive(participant, frame)
                    wire.listen(time.monotonic())
                    # What is idle keeps nothing.
                    del message, frame
            except asyncio.CancelledError:
                wire.cut()
                raise
            except Exception as error:  # noqa: BLE001  # the page comes back and resumes; the log says where to look
                _say_what_was_wrong(wire, error)
            finally:
                if participant is not None:
                    self._reception.lost(participant, wire)
                if ws.closed or not wire.closing:
                    wire.end()
                try:
                    await wire.sent()
                finally:
                    self._heartbeat.remove(wire)
            return ws
        finally:
            self._sockets.give_back(address)

    def _checked(self, request: aioweb.Request) -> str | None:
        """Return the client's address, now counted once more. Raises what is answered to one who may not connect."""
        if request.headers.get("Origin") not in self._allowed_origins(request):
            raise aioweb.HTTPForbidden(text="This page may not connect here.")
        if "Sec-WebSocket-Protocol" in request.headers:
            raise aioweb.HTTPBadRequest(text="There are no subprotocols here.")
        address = self._address_of_request(request)
        if not self._sockets.take(address):
            raise aioweb.HTTPTooManyRequests(text="There are too many connections from your address.")
        return address

    async def _begin(self, request: aioweb.Request, ws: _WebSocket, wire: Wire) -> Participant | None:
        """Return the session that the first frame begins, if any. Raises `BadMessage` and `TooFast`."""
        wire.heard()
        bucket = Bucket(MESSAGES_A_SECOND, BURST, time.monotonic())
        frame = None
        try:
            async with asyncio.timeout(self._settings.opening_seconds):
                while frame is None:
                    message = await ws.receive()
                    if message.type in _ENDS:
                        return None
                    frame = _frame(message.type, message.data, wire, bucket)
        except TimeoutError:
            raise BadMessage("no opening message in time") from None
        participant = await self._reception.open(frame, lambda: self._log_in_of_request(request), wire)
        wire.listen(time.monotonic())
        return participant


async def _upgraded(request: aioweb.Request) -> _WebSocket:
    ws = _WebSocket(
        # Pings and pongs pass through the wire; see `signalling.io.heartbeat`.
        autoping=False,
        timeout=2.0,
        # The state of a compressor is some 100 KB for each socket; the messages are short.
        compress=False,
        # aiohttp refuses what is as large as its limit; ours is the largest that is allowed.
        max_msg_size=MAX_FRAME + 1,
        decode_text=False,
    )
    await ws.prepare(request)
    # They are sent, and would be kept as long as the socket.
    ws.headers.clear()
    return ws


def _say_what_was_wrong(wire: Wire, error: Exception) -> None:
    if isinstance(error, BadMessage):
        wire.send(_problem("bad_message"))
        wire.close(CloseCode.BAD_MESSAGE)
    elif isinstance(error, TooFast):
        wire.send(_problem("too_fast"))
        wire.close(CloseCode.TOO_FAST)
    else:
        report("request failed", error)
        wire.close(CloseCode.FAILED)


def _frame(kind: WSMsgType, data: bytes, wire: Wire, bucket: Bucket) -> ClientFrame | None:
    """Return the frame; None for a ping, which is answered, and for a pong. Raises `BadMessage` and `TooFast`."""
    if not bucket.take(1, time.monotonic()):
        raise TooFast
    if kind is WSMsgType.TEXT:
        return decode(data)
    if kind is WSMsgType.PONG:
        return None
    if kind is not WSMsgType.PING:
        raise BadMessage("frames are text")
    wire.pong(data)
    return None


def _problem(code: str) -> str:
    return encode(ServerFrame(0, 0, Problem(code)))
