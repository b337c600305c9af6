"""Ways to a browser: a UDP address, or a TCP connection with framed packets (RFC 4571, RFC 6544)."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, cast

from sfu.demux import MAX_DATAGRAM
from sfu.io.socket import BatchSocket

# A browser behind a slow TCP link: half a second of video, then packets are dropped as a full UDP queue would.
MAX_TCP_BACKLOG = 192 * 1024
# Whoever connects must show an authenticated STUN check within this time.
TCP_GRACE = 10.0
MAX_TCP_CONNECTIONS = 1024


class Path(Protocol):
    """Where one browser can be reached. `destination` is None for paths that do not go through the batch."""

    address: bytes
    destination: Any
    transport: str

    def send(self, data: bytes) -> bool:
        """Send one datagram now; False when it was dropped."""
        ...

    def readable(self) -> tuple[str, int]:
        """Return (host, port)."""
        ...

    def keep(self) -> None:
        """Note that an authenticated packet came this way."""
        ...

    def close(self) -> None:
        """Give the way up."""
        ...


class UdpPath:
    """An address behind the worker's one UDP socket."""

    transport = "udp"
    __slots__ = ("_readable", "_socket", "address", "destination")

    def __init__(self, socket: BatchSocket, address: bytes) -> None:
        self._socket = socket
        self._readable = socket.readable(address)
        self.address = address
        self.destination = socket.destination(address)

    def send(self, data: bytes) -> bool:
        self._socket.send(data, self._readable)
        return True

    def readable(self) -> tuple[str, int]:
        return self._readable

    def keep(self) -> None:
        """Nothing to keep open."""

    def close(self) -> None:
        """Nothing to close."""


class TcpPath(asyncio.Protocol):
    """A browser's connection to the passive ICE-TCP candidate."""

    transport = "tcp"
    destination = None

    def __init__(self, receive: Callable[["TcpPath", bytes], None], connections: set["TcpPath"]) -> None:
        self._receive = receive
        self._connections = connections
        self._stream: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._grace: asyncio.TimerHandle | None = None
        self._peer: tuple[str, int] = ("", 0)
        self.address = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods but not the base class.
        stream = cast("asyncio.Transport", transport)
        if len(self._connections) >= MAX_TCP_CONNECTIONS:
            stream.abort()
            return
        self._connections.add(self)
        self._stream = stream
        self._peer = stream.get_extra_info("peername")[:2]
        # No sockaddr starts with these bytes, so a TCP path never shares a key with a UDP one.
        self.address = b"tcp" + id(self).to_bytes(8, "big")
        self._grace = asyncio.get_running_loop().call_later(TCP_GRACE, stream.abort)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        position = 0
        while len(buffer) - position >= 2:
            length = buffer[position] << 8 | buffer[position + 1]
            if not 0 < length <= MAX_DATAGRAM:
                self.close()
                return
            if len(buffer) - position - 2 < length:
                break
            self._receive(self, bytes(buffer[position + 2 : position + 2 + length]))
            position += 2 + length
        del buffer[:position]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 — asyncio's signature
        self._stream = None
        self._connections.discard(self)
        self._cancel_grace()

    def _cancel_grace(self) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None

    def send(self, data: bytes) -> bool:
        stream = self._stream
        if stream is None or stream.get_write_buffer_size() > MAX_TCP_BACKLOG:
            return False
        stream.write(len(data).to_bytes(2, "big") + data)
        return True

    def readable(self) -> tuple[str, int]:
        return self._peer

    def keep(self) -> None:
        self._cancel_grace()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
            # Closing waits until the backlog has been read, which a peer may never do.
            self._cancel_grace()
            self._grace = asyncio.get_running_loop().call_later(TCP_GRACE, self._stream.abort)
