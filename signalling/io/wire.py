"""The wire to one page: what is to be sent stands in a short line, and a page that does not read it is cut off.

There are thousands of idle ones: a wire has no task and no timer of its own. A task sends while something stands in
line, and whoever keeps the wires (`signalling.io.server`) calls `check` now and then.
"""

import asyncio
import time

from aiohttp import WSMsgType
from aiohttp import web as aioweb

from signalling.close_code import CloseCode
from signalling.io.background import report

# A snapshot and a burst of news are some ten frames; a page this far behind is better served by resuming.
MAX_FRAMES = 256
MAX_BYTES = 1024 * 1024


class Wire:
    """A `signalling.io.participant.Socket` over a WebSocket.

    A frame that the network does not take within `stuck_seconds` ends it: the page is asleep or gone.
    """

    __slots__ = (
        "_bytes",
        "_code",
        "_ended",
        "_line",
        "_pinged",
        "_sender",
        "_sending_since",
        "_silent_since",
        "_transport",
        "_ws",
    )

    def __init__(self, ws: aioweb.WebSocketResponse[bool], transport: asyncio.Transport | None, now: float) -> None:
        self._ws = ws
        self._transport = transport
        self._line: list[tuple[WSMsgType, bytes]] = []
        self._bytes = 0
        self._sender: asyncio.Task[None] | None = None
        self._sending_since: float | None = None
        self._silent_since: float | None = now
        self._pinged = False
        self._code: CloseCode | None = None
        self._ended = False

    @property
    def closing(self) -> bool:
        """Whether nothing more is to be heard from this page."""
        return self._ended or self._code is not None

    def send(self, text: str) -> None:
        """Send the text after those before it; cut the page off when too much stands in line."""
        self._put(WSMsgType.TEXT, text.encode())

    def pong(self, data: bytes) -> None:
        """Answer the page's ping."""
        self._put(WSMsgType.PONG, data)

    def close(self, code: CloseCode) -> None:
        """Close once everything before it was sent."""
        if self._code is None:
            self._code = code
            self._silent_since = time.monotonic()
            self._start()

    def end(self) -> None:
        """Send nothing more: there is nobody at the other end."""
        self._ended = True

    def cut(self) -> None:
        """Drop the connection without a word: there is no room for one."""
        self._ended = True
        self._line.clear()
        if self._transport is not None:
            self._transport.abort()

    def listen(self, now: float) -> None:
        """Note that the page may speak, `now` in monotonic seconds: from now on it is silent."""
        self._silent_since = now
        self._pinged = False

    def heard(self) -> None:
        """Note that the page spoke: until `listen` it is being served, and its silence says nothing."""
        self._silent_since = None

    def check(self, now: float, stuck_seconds: float, heartbeat_seconds: float) -> None:
        """Cut off a page that takes nothing, or that was asked whether it is there and does not say so; or ask."""
        if self._ended:
            return
        silent = now - self._silent_since if self._silent_since is not None else 0.0
        stuck = now - self._sending_since if self._sending_since is not None else 0.0
        if stuck >= stuck_seconds or silent >= heartbeat_seconds * 1.5:
            self.cut()
        elif silent >= heartbeat_seconds and not self._pinged:
            self._pinged = True
            self._put(WSMsgType.PING, b"")

    async def sent(self) -> None:
        """Return when nothing is being sent any more."""
        if self._sender is not None:
            await self._sender

    def _put(self, kind: WSMsgType, data: bytes) -> None:
        if self.closing:
            return
        self._line.append((kind, data))
        self._bytes += len(data)
        if len(self._line) > MAX_FRAMES or self._bytes > MAX_BYTES:
            self.cut()
        else:
            self._start()

    def _start(self) -> None:
        if self._sender is None and not self._ended:
            self._sender = asyncio.create_task(self._send(), name="wire")

    async def _send(self) -> None:
        try:
            while self._line and not self._ended:
                kind, data = self._line.pop(0)
                self._sending_since = time.monotonic()
                await self._ws.send_frame(data, kind)
                self._sending_since = None
                self._bytes -= len(data)
            if self._code is not None and not self._ended:
                await self._ws.close(code=self._code)
        except ConnectionError:
            self._ended = True
        except Exception as error:  # noqa: BLE001  # the page comes back and resumes; the log says where to look
            report("sending failed", error)
            self.cut()
        finally:
            self._sender = None
