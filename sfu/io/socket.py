"""One UDP socket, read and written in batches: by recvmmsg and sendmmsg where the system has them, else one by one.

Every datagram lies in a slot of one shared buffer, behind `HEADROOM` bytes in which a header may grow, so a
packet is unprotected, changed, protected and sent without being copied. Addresses are the raw `sockaddr`
bytes, which serve as dictionary keys as they are.
"""

import contextlib
import errno
import socket
import struct
import sys
from typing import Any, Protocol

import cffi
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

_DECLARATIONS = """
struct iovec { void *iov_base; size_t iov_len; };
struct msghdr {
    void *msg_name; uint32_t msg_namelen; struct iovec *msg_iov; size_t msg_iovlen;
    void *msg_control; size_t msg_controllen; int msg_flags;
};
struct mmsghdr { struct msghdr msg_hdr; unsigned int msg_len; };
int recvmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags, void *timeout);
int sendmmsg(int sockfd, struct mmsghdr *msgvec, unsigned int vlen, int flags);
"""


class BatchSocket(Protocol):
    """What a packet loop needs of a socket. `buffer` is shared: slot i starts at `i * SLOT + HEADROOM`.

    There is one slot more than a batch has, for packets that come by another way (TCP) or that we write.
    """

    buffer: Any
    view: memoryview

    def receive(self) -> int:
        """Fill slots from 0 on; return how many datagrams there are. Never blocks."""
        ...

    def length(self, index: int) -> int:
        """Return the length of datagram `index`; more than fits is reported as longer than `MAX_DATAGRAM`."""
        ...

    def address(self, index: int) -> bytes:
        """Return where datagram `index` came from, as an opaque key."""
        ...

    def queue(self, offset: int, length: int, destination: Any) -> None:
        """Add bytes of the buffer to the batch to send; `destination` comes from `destination()`."""
        ...

    def flush(self) -> int:
        """Send the batch. Returns how many datagrams the kernel did not take."""
        ...

    def destination(self, address: bytes) -> Any:
        """Return what `queue` wants for that address; keep it as long as it is used."""
        ...

    def send(self, data: bytes, address: bytes) -> None:
        """Send one datagram now, outside the batch; one that the kernel does not take is lost."""
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


def batch_socket(sock: socket.socket) -> BatchSocket:
    """Return the fastest batch socket that this system has."""
    if sys.platform == "linux":
        return MultiMessageSocket(sock)
    return SingleMessageSocket(sock)


def _readable(family: int, address: bytes) -> tuple[str, int]:
    port = int.from_bytes(address[2:4], "big")
    if family == socket.AF_INET6:
        return socket.inet_ntop(socket.AF_INET6, address[8:24]), port
    return socket.inet_ntop(socket.AF_INET, address[4:8]), port


class MultiMessageSocket:
    """recvmmsg and sendmmsg through cffi: two system calls for up to 64 packets each way (Linux)."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._family = sock.family
        self._fd = sock.fileno()
        self._ffi = cffi.FFI()
        self._ffi.cdef(_DECLARATIONS)
        libc = self._ffi.dlopen(None)
        self._recvmmsg, self._sendmmsg = libc.recvmmsg, libc.sendmmsg
        self.buffer = srtp_ffi.new("uint8_t[]", (BATCH + 1) * SLOT)
        self.view = memoryview(srtp_ffi.buffer(self.buffer)).cast("B")
        self.address_size = 16 if self._family == socket.AF_INET else ADDRESS
        # The part of a sockaddr that tells peers apart: family, port and address, without trailing padding.
        self.key_size = 8 if self._family == socket.AF_INET else ADDRESS
        self._names = self._ffi.new("uint8_t[]", BATCH * ADDRESS)
        self._names_view = memoryview(self._ffi.buffer(self._names)).cast("B")
        self._in, self._in_vectors = self._headers()
        self._out, self._out_vectors = self._headers()
        for index in range(BATCH):
            vector, header = self._in_vectors[index], self._in[index].msg_hdr
            vector.iov_base = self.buffer + (index * SLOT + HEADROOM)
            vector.iov_len = MAX_DATAGRAM + 1
            header.msg_name = self._names + index * ADDRESS
            header.msg_namelen = ADDRESS
        self._queued = 0
        self._out_headers = [self._out[index].msg_hdr for index in range(BATCH)]
        self._out_iov = [self._out_vectors[index] for index in range(BATCH)]

    def _headers(self) -> tuple[Any, Any]:
        headers = self._ffi.new("struct mmsghdr[]", BATCH)
        vectors = self._ffi.new("struct iovec[]", BATCH)
        for index in range(BATCH):
            headers[index].msg_hdr.msg_iov = vectors + index
            headers[index].msg_hdr.msg_iovlen = 1
        return headers, vectors

    def receive(self) -> int:
        count = self._recvmmsg(self._fd, self._in, BATCH, socket.MSG_DONTWAIT, self._ffi.NULL)
        # An ICMP error of an earlier send surfaces here; it concerns one peer and not this socket.
        return max(int(count), 0)

    def length(self, index: int) -> int:
        return int(self._in[index].msg_len)

    def address(self, index: int) -> bytes:
        start = index * ADDRESS
        return bytes(self._names_view[start : start + self.key_size])

    def queue(self, offset: int, length: int, destination: Any) -> None:
        index = self._queued
        vector, header = self._out_iov[index], self._out_headers[index]
        vector.iov_base = self.buffer + offset
        vector.iov_len = length
        header.msg_name = destination
        header.msg_namelen = self.address_size
        self._queued = index + 1

    def flush(self) -> int:
        count, self._queued = self._queued, 0
        sent = failed = 0
        while sent < count:
            done = self._sendmmsg(self._fd, self._out + sent, count - sent, socket.MSG_DONTWAIT)
            if done > 0:
                sent += done
                continue
            # The first of the rest was refused. A full socket buffer refuses the others too.
            if self._ffi.errno in (errno.EAGAIN, errno.ENOBUFS):
                return failed + count - sent
            failed += 1
            sent += 1
        return failed

    def destination(self, address: bytes) -> Any:
        return self._ffi.new("uint8_t[]", address.ljust(self.address_size, b"\0"))

    def send(self, data: bytes, address: bytes) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, self.readable(address))

    def readable(self, address: bytes) -> tuple[str, int]:
        return _readable(self._family, address)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        self._sock.close()


class SingleMessageSocket:
    """The same over recvfrom_into and sendto, for systems without recvmmsg."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._family = sock.family
        self.buffer = srtp_ffi.new("uint8_t[]", (BATCH + 1) * SLOT)
        self.view = memoryview(srtp_ffi.buffer(self.buffer)).cast("B")
        self._slots = [self.view[i * SLOT + HEADROOM : i * SLOT + HEADROOM + MAX_DATAGRAM + 1] for i in range(BATCH)]
        self._lengths = [0] * BATCH
        self._addresses: list[bytes] = [b""] * BATCH
        self._queue: list[tuple[int, int, tuple[str, int]]] = []

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

    def length(self, index: int) -> int:
        return self._lengths[index]

    def address(self, index: int) -> bytes:
        return self._addresses[index]

    def queue(self, offset: int, length: int, destination: Any) -> None:
        self._queue.append((offset, length, destination))

    def flush(self) -> int:
        failed = 0
        for offset, length, destination in self._queue:
            try:
                self._sock.sendto(self.view[offset : offset + length], destination)
            except OSError:
                failed += 1
        self._queue.clear()
        return failed

    def destination(self, address: bytes) -> Any:
        return self.readable(address)

    def send(self, data: bytes, address: bytes) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, self.readable(address))

    def readable(self, address: bytes) -> tuple[str, int]:
        return _readable(self._family, address)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()
