"""One UDP socket, read and written in batches: what a packet loop needs of it, and how any system can do it.

Every datagram lies in a slot of one shared buffer, behind `HEADROOM` bytes in which a header may grow, so a
packet is unprotected, changed, protected and sent without being copied. Addresses are the raw `sockaddr`
bytes, which serve as dictionary keys as they are.
"""

import contextlib
import socket
import struct
from collections.abc import Sequence
from typing import Any, Protocol

from pylibsrtp._binding import ffi as srtp_ffi

from sfu.demux import MAX_DATAGRAM

BATCH = 64
HEADROOM = 64
# A slot holds the headroom, the longest datagram and what SRTP appends (16 + 4 bytes at most).
SLOT = 2048
# What the kernel may hold for us while Python is busy: 20 ms at 100,000 packets/s of 1100 bytes.
SOCKET_BUFFER = 2 * 1024 * 1024
# sockaddr_in6 is the longest address we meet.
ADDRESS = 28

# A piece of the buffer to send: offset, length, destination as `BatchSocket.destination` gives it.
Outgoing = tuple[int, int, Any]


class BatchSocket(Protocol):
    """What a packet loop needs of a socket. `buffer` is shared: slot i starts at `i * SLOT + HEADROOM`.

    There is one slot more than a batch has, for packets that come by another way (TCP) or that we write.
    """

    buffer: Any
    view: memoryview

    def receive(self) -> int:
        """Fill slots from 0 on; return how many datagrams there are. Never blocks."""
        ...

    def lengths(self, count: int) -> Sequence[int]:
        """Return the first datagrams' lengths; what did not fit is reported as longer than `MAX_DATAGRAM`."""
        ...

    def addresses(self, count: int) -> Sequence[bytes]:
        """Return where the first datagrams came from, as opaque keys."""
        ...

    def send_batch(self, batch: Sequence[Outgoing]) -> int:
        """Send up to `BATCH` pieces of the buffer. Returns how many the kernel did not take."""
        ...

    def destination(self, address: bytes) -> Any:
        """Return what `send_batch` wants for that address."""
        ...

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        """Send one datagram now to (host, port), outside the batch; one that the kernel does not take is lost."""
        ...

    def readable(self, address: bytes) -> tuple[str, int]:
        """Return an address as (host, port)."""
        ...

    def fileno(self) -> int: ...
    def close(self) -> None: ...


def open_socket(host: str, port: int) -> socket.socket:
    """Return a bound, non-blocking UDP socket. Raises `OSError` when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
        sock.bind((host, port))
    except OSError:
        sock.close()
        raise
    return sock


def records(layout: str, order: str = "=") -> tuple[struct.Struct, ...]:
    """Return structs of 0, 1, … `BATCH` such records: a batch read in one call costs a tenth of one call each."""
    return tuple(struct.Struct(order + layout * count) for count in range(BATCH + 1))


def readable_address(family: int, address: bytes) -> tuple[str, int]:
    """Return the raw bytes of a sockaddr as (host, port)."""
    port = int.from_bytes(address[2:4], "big")
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, address[8:24]), port
    return socket.inet_ntop(socket.AF_INET, address[4:8]), port


class SingleMessageSocket:
    """The socket over recvfrom_into and sendto, for systems without recvmmsg: one call for each packet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._family = sock.family
        self.buffer = srtp_ffi.new("uint8_t[]", (BATCH + 1) * SLOT)
        self.view = memoryview(srtp_ffi.buffer(self.buffer)).cast("B")
        self._slots = [self.view[i * SLOT + HEADROOM : i * SLOT + HEADROOM + MAX_DATAGRAM + 1] for i in range(BATCH)]
        self._lengths = [0] * BATCH
        self._addresses: list[bytes] = [b""] * BATCH

    def receive(self) -> int:
        for index in range(BATCH):
            try:
                self._lengths[index], source = self._sock.recvfrom_into(self._slots[index])
            except BlockingIOError:
                return index
            except OSError:
                return index
            self._addresses[index] = self._packed(source)
        return BATCH

    def _packed(self, source: Any) -> bytes:
        head = struct.pack("=H", self._family) + struct.pack("!H", source[1])
        if self._family == socket.AF_INET6:
            return head + bytes(4) + socket.inet_pton(socket.AF_INET6, source[0]) + struct.pack("=I", source[3])
        return head + socket.inet_pton(socket.AF_INET, source[0])

    def lengths(self, count: int) -> Sequence[int]:
        return self._lengths[:count]

    def addresses(self, count: int) -> Sequence[bytes]:
        return self._addresses[:count]

    def send_batch(self, batch: Sequence[Outgoing]) -> int:
        failed = 0
        for offset, length, destination in batch:
            try:
                self._sock.sendto(self.view[offset : offset + length], destination)
            except OSError:
                failed += 1
        return failed

    def destination(self, address: bytes) -> Any:
        return self.readable(address)

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, address)

    def readable(self, address: bytes) -> tuple[str, int]:
        return readable_address(self._family, address)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()
