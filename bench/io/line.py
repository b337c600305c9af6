"""One page's conversation without the page: numbered frames, acknowledgements, and nothing that costs much.

It speaks `docs/protocol.md` with its own few lines; thousands of them live in one process. It does not resume: a socket
that is lost is a finding.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self

import aiohttp
import msgspec

# What every browser offers for a WebSocket, so what a server must afford for each page.
_DEFLATE_BITS = 15
_MAX_FRAME = 16 * 1024 * 1024

Body = dict[str, Any]


class _Frame(msgspec.Struct):
    n: int
    ack: int
    body: Body | None = None


_decode = msgspec.json.Decoder(_Frame).decode
_encode = msgspec.json.Encoder().encode


class LineLost(Exception):
    """There is no socket, or not any more; the text is a short reason, fit to be counted."""


class Line:
    """Open with `Line.open`, read by `run` in a task of its own until `close`.

    `heard` is called with each event's body and the moment (monotonic seconds). `round_trips` collects the seconds from
    each request to the frame that acknowledges it, `bytes_in` counts what was heard, decompressed.
    """

    __slots__ = ("_received", "_sent", "_socket", "_unacked", "bytes_in", "heard", "round_trips", "spoke_at")

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool], heard: Callable[[Body, float], None]) -> None:
        self._socket = socket
        self._sent = 0
        self._received = 0
        self._unacked: deque[tuple[int, float]] = deque()
        self.heard = heard
        self.round_trips: list[float] = []
        self.spoke_at = 0.0
        self.bytes_in = 0

    @classmethod
    async def open(
        cls,
        http: aiohttp.ClientSession,
        base: str,
        opening: Body,
        heard: Callable[[Body, float], None],
        *,
        cookie: str = "",
        compress: bool = True,
    ) -> Self:
        """Return the line once its opening message is out. Raises `LineLost`.

        With `compress` it offers what browsers offer; `cookie` is that of a practitioner.
        """
        headers = {"Origin": base} | ({"Cookie": cookie} if cookie else {})
        try:
            socket = await http.ws_connect(
                f"{base}/ws",
                headers=headers,
                compress=_DEFLATE_BITS if compress else 0,
                max_msg_size=_MAX_FRAME,
                decode_text=False,
            )
            line = cls(socket, heard)
            await line._write(0, opening)
        except aiohttp.WSServerHandshakeError as error:
            raise LineLost(f"socket refused ({error.status})") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise LineLost("no socket") from error
        return line

    async def run(self) -> None:
        """Read until the socket is closed, by whom ever."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self.bytes_in += len(message.data)
                self._hear(_decode(message.data), time.monotonic())

    async def send(self, body: Body) -> None:
        """Send a request; its acknowledgement is timed. Raises `LineLost`."""
        self._sent += 1
        self._unacked.append((self._sent, time.monotonic()))
        try:
            await self._write(self._sent, body)
        except (aiohttp.ClientError, OSError) as error:
            raise LineLost("socket lost") from error

    async def close(self) -> None:
        """Close the socket as a browser does whose tab is closed."""
        await self._socket.close()

    @property
    def sent(self) -> int:
        """How many requests were sent."""
        return self._sent

    @property
    def closed(self) -> bool:
        return self._socket.closed

    async def _write(self, number: int, body: Body) -> None:
        self.spoke_at = time.monotonic()
        await self._socket.send_frame(
            _encode({"n": number, "ack": self._received, "body": body}), aiohttp.WSMsgType.TEXT
        )

    def _hear(self, frame: _Frame, at: float) -> None:
        while self._unacked and self._unacked[0][0] <= frame.ack:
            self.round_trips.append(at - self._unacked.popleft()[1])
        if frame.body is not None:
            self._received = max(self._received, frame.n)
            self.heard(frame.body, at)


async def close_all(lines: Sequence[Line]) -> None:
    """Close all of them, a few hundred at a time."""
    for start in range(0, len(lines), 200):
        await asyncio.gather(*(line.close() for line in lines[start : start + 200]), return_exceptions=True)
