"""The wire to one page: what is to be sent stands in a short line, and a page that does not read it is cut off."""

import asyncio
from collections import deque

from aiohttp import web as aioweb

from signalling.close_code import CloseCode

# A snapshot and a burst of news are some ten frames; a page this far behind is better served by resuming.
MAX_FRAMES = 256
MAX_BYTES = 1024 * 1024


class Wire:
    """A `signalling.io.participant.Socket` over a WebSocket. `run` sends until the end.

    A frame that the network does not take within `stuck_seconds` ends it: the page is asleep or gone.
    """

    def __init__(
        self, ws: aioweb.WebSocketResponse[bool], transport: asyncio.Transport | None, stuck_seconds: float
    ) -> None:
        self._ws = ws
        self._transport = transport
        self._stuck_seconds = stuck_seconds
        self._line: deque[str] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._code: CloseCode | None = None
        self._ended = False

    @property
    def closing(self) -> bool:
        """Whether nothing more is to be heard from this page."""
        return self._ended or self._code is not None

    def send(self, text: str) -> None:
        """Send the text after those before it; cut the page off when too much stands in line."""
        if self.closing:
            return
        self._line.append(text)
        self._bytes += len(text)
        if len(self._line) > MAX_FRAMES or self._bytes > MAX_BYTES:
            self._cut()
        self._wake.set()

    def close(self, code: CloseCode) -> None:
        """Close once everything before it was sent."""
        if self._code is None:
            self._code = code
        self._wake.set()

    def end(self) -> None:
        """Send nothing more: there is nobody at the other end."""
        self._ended = True
        self._wake.set()

    async def run(self) -> None:
        """Send what stands in line until the wire is closed or ended."""
        try:
            while not self._ended:
                if self._line:
                    text = self._line.popleft()
                    async with asyncio.timeout(self._stuck_seconds):
                        await self._ws.send_str(text)
                    self._bytes -= len(text)
                elif self._code is not None:
                    await self._ws.close(code=self._code)
                    return
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            self._cut()
        except ConnectionError:
            self._ended = True

    def _cut(self) -> None:
        """Drop the connection without a word: there is no room for one."""
        self._ended = True
        self._line.clear()
        if self._transport is not None:
            self._transport.abort()
