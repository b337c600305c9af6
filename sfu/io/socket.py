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
from array import array
from collections.abc import Sequence
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

# A piece of the buffer to send: offset, length, destination as `BatchSocket.destination` gives it.
Outgoing = tuple[int, int, Any]

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


def batch_socket(sock: socket.socket) -> BatchSocket:
    """Return the fastest batch socket that this system has."""
    if sys.platform == "linux":
        return MultiMessageSocket(sock)
    return SingleMessageSocket(sock)


def records(layout: str) -> tuple[struct.Struct, ...]:
    """Return structs of 0, 1, … `BATCH` such records: a batch read in one call costs a tenth of one call each."""
    return tuple(struct.Struct("=" + layout * count) for count in range(BATCH + 1))


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
        self._in, self._in_vectors, in_names = self._headers()
        self._out, out_vectors, out_names = self._headers()
        self._start = int(srtp_ffi.cast("uintptr_t", self.buffer))
        for index in range(BATCH):
            self._in_vectors[index].iov_base = self._ffi.cast("void *", self._start + index * SLOT + HEADROOM)
            self._in_vectors[index].iov_len = MAX_DATAGRAM + 1
        # The same memory as Python reads and writes it fastest: one call for a whole batch.
        self._in_headers, self._in_names, self._out_names = map(self._bytes, (self._in, in_names, out_names))
        vectors = self._bytes(out_vectors).cast("L")
        self._out_starts, self._out_lengths = vectors[0::2], vectors[1::2]
        before = self._ffi.offsetof("struct mmsghdr", "msg_len")
        self._lengths = records(f"{before}xI{self._ffi.sizeof('struct mmsghdr') - before - 4}x")
        self._keys = records(f"{self.key_size}s{ADDRESS - self.key_size}x")
        self._addresses = records(f"{ADDRESS}s")

    def _headers(self) -> tuple[Any, Any, Any]:
        headers = self._ffi.new("struct mmsghdr[]", BATCH)
        # The headers only point to these two: the caller keeps them, as themselves or in a view.
        vectors = self._ffi.new("struct iovec[]", BATCH)
        names = self._ffi.new("uint8_t[]", BATCH * ADDRESS)
        for index in range(BATCH):
            header = headers[index].msg_hdr
            header.msg_iov = vectors + index
            header.msg_iovlen = 1
            header.msg_name = names + index * ADDRESS
            header.msg_namelen = self.address_size
        return headers, vectors, names

    def _bytes(self, memory: Any) -> memoryview:
        return memoryview(self._ffi.buffer(memory)).cast("B")

    def receive(self) -> int:
        count = self._recvmmsg(self._fd, self._in, BATCH, socket.MSG_DONTWAIT, self._ffi.NULL)
        # An ICMP error of an earlier send surfaces here; it concerns one peer and not this socket.
        return max(int(count), 0)

    def lengths(self, count: int) -> Sequence[int]:
        return self._lengths[count].unpack_from(self._in_headers)

    def addresses(self, count: int) -> Sequence[bytes]:
        return self._keys[count].unpack_from(self._in_names)

    def send_batch(self, batch: Sequence[Outgoing]) -> int:
        count = len(batch)
        if not count:
            return 0
        offsets, lengths, destinations = zip(*batch, strict=True)
        start = self._start
        self._out_starts[:count] = array("L", [start + offset for offset in offsets])
        self._out_lengths[:count] = array("L", lengths)
        self._addresses[count].pack_into(self._out_names, 0, *destinations)
        return self._send_all(count)

    def _send_all(self, count: int) -> int:
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

    def destination(self, address: bytes) -> bytes:
        return address

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, address)

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
        return _readable(self._family, address)

    def fileno(self) -> int:
        return self._sock.fileno()

    def close(self) -> None:
        self._sock.close()
