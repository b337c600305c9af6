"""recvmmsg and sendmmsg through cffi: two system calls for up to 64 packets each way (Linux).

Packets of one length that follow each other to one receiver leave as one message, which the kernel cuts again: see
`sfu/native/sending.h`, which does the same.
"""

import contextlib
import errno
import socket
import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Any

import cffi
from pylibsrtp._binding import ffi as srtp_ffi

from sfu.demux import MAX_DATAGRAM
from sfu.io.socket import (
    ADDRESS,
    BATCH,
    HEADROOM,
    SLOT,
    BatchSocket,
    Outgoing,
    SingleMessageSocket,
    readable_address,
    records,
)

# Not named by Python 3.11's socket module; since Linux 4.18.
_UDP_SEGMENT = 103
# What each path of IPv6 carries whole (RFC 8200 §5), without the headers: what is cut is never fragmented.
_SURELY_WHOLE = 1280 - 48
_MOST_TOGETHER = 65_000 // _SURELY_WHOLE
# A struct cmsghdr with the length to cut into, and its padding; see udp(7).
_CUT = struct.Struct("@NiiH6x")

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


def batch_socket(sock: socket.socket) -> BatchSocket:
    """Return the fastest batch socket that this system has."""
    if sys.platform == "linux":
        return MultiMessageSocket(sock)
    return SingleMessageSocket(sock)


def cuts(sock: socket.socket) -> bool:
    """Return whether the kernel cuts a long message of this socket into datagrams."""
    try:
        sock.setsockopt(socket.IPPROTO_UDP, _UDP_SEGMENT, 0)
    except OSError:
        return False
    return True


class MultiMessageSocket:
    """See the module's text and `sfu.io.socket.BatchSocket`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._family = sock.family
        self._fd = sock.fileno()
        self._together = cuts(sock)
        self._ffi = cffi.FFI()
        self._ffi.cdef(_DECLARATIONS)
        libc = self._ffi.dlopen(None)
        self._recvmmsg, self._sendmmsg = libc.recvmmsg, libc.sendmmsg
        self.buffer = srtp_ffi.new("uint8_t[]", (BATCH + 1) * SLOT)
        self.view = memoryview(srtp_ffi.buffer(self.buffer)).cast("B")
        self.address_size = 16 if self._family == socket.AF_INET else ADDRESS
        # The part of a sockaddr that tells peers apart: family, port and address, without trailing padding.
        self.key_size = 8 if self._family == socket.AF_INET else ADDRESS
        self._start = int(srtp_ffi.cast("uintptr_t", self.buffer))
        self._prepare_to_receive()
        self._prepare_to_send()

    def _prepare_to_receive(self) -> None:
        self._in, self._in_vectors, names = self._headers()
        for index in range(BATCH):
            self._in_vectors[index].iov_base = self._ffi.cast("void *", self._start + index * SLOT + HEADROOM)
            self._in_vectors[index].iov_len = MAX_DATAGRAM + 1
        # The same memory as Python reads and writes it fastest: one call for a whole batch.
        self._in_headers, self._in_names = self._bytes(self._in), self._bytes(names)
        before = self._ffi.offsetof("struct mmsghdr", "msg_len")
        self._lengths = records(f"{before}xI{self._ffi.sizeof('struct mmsghdr') - before - 4}x")
        self._keys = records(f"{self.key_size}s{ADDRESS - self.key_size}x")

    def _prepare_to_send(self) -> None:
        self._out, self._out_vectors, names = self._headers()
        self._cuts = self._ffi.new("uint8_t[]", BATCH * _CUT.size)
        for index in range(BATCH):
            place = index * _CUT.size
            _CUT.pack_into(self._ffi.buffer(self._cuts), place, _CUT.size - 6, socket.IPPROTO_UDP, _UDP_SEGMENT, 0)
            self._out[index].msg_hdr.msg_control = self._cuts + place
        vectors, headers = self._bytes(self._out_vectors).cast("L"), self._bytes(self._out).cast("L")
        self._out_starts, self._out_lengths = vectors[0::2], vectors[1::2]
        self._first_vector = int(self._ffi.cast("uintptr_t", self._out_vectors))

        def column(field: str) -> memoryview:
            return headers[self._ffi.offsetof("struct msghdr", field) // headers.itemsize :: len(headers) // BATCH]

        self._out_firsts, self._out_counts = column("msg_iov"), column("msg_iovlen")
        self._out_controls = column("msg_controllen")
        self._out_cuts = self._bytes(self._cuts).cast("H")[(_CUT.size - 8) // 2 :: _CUT.size // 2]
        self._out_names = self._bytes(names)
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

    # -- receiving ---------------------------------------------------------------------------------------------

    def receive(self) -> int:
        count = self._recvmmsg(self._fd, self._in, BATCH, socket.MSG_DONTWAIT, self._ffi.NULL)
        # An ICMP error of an earlier send surfaces here; it concerns one peer and not this socket.
        return max(int(count), 0)

    def lengths(self, count: int) -> Sequence[int]:
        return self._lengths[count].unpack_from(self._in_headers)

    def addresses(self, count: int) -> Sequence[bytes]:
        return self._keys[count].unpack_from(self._in_names)

    # -- sending -----------------------------------------------------------------------------------------------

    def send_batch(self, batch: Sequence[Outgoing]) -> int:
        count = len(batch)
        if not count:
            return 0
        offsets, lengths, destinations = zip(*batch, strict=True)
        start = self._start
        self._out_starts[:count] = array("L", [start + offset for offset in offsets])
        self._out_lengths[:count] = array("L", lengths)
        firsts = self._firsts(lengths, destinations)
        self._describe(firsts, lengths, [destinations[first] for first in firsts])
        return self._send_all(batch, firsts)

    def _firsts(self, lengths: Sequence[int], destinations: Sequence[bytes]) -> list[int]:
        """Return which packets begin a message: all that cannot go with the one before them."""
        if not self._together:
            return list(range(len(lengths)))
        firsts: list[int] = []
        receiver, cut, end = b"", 0, 0
        for index, (length, destination) in enumerate(zip(lengths, destinations, strict=True)):
            if destination is receiver and length <= cut and index < end:
                if length < cut:
                    cut = 0  # the kernel takes a shorter one at the end only
                continue
            firsts.append(index)
            receiver, end = destination, index + _MOST_TOGETHER
            cut = length if length <= _SURELY_WHOLE else 0
        return firsts

    def _describe(self, firsts: list[int], lengths: Sequence[int], receivers: list[bytes]) -> None:
        messages = len(firsts)
        sizes = [end - first for first, end in zip(firsts, [*firsts[1:], len(lengths)], strict=True)]
        start = self._first_vector
        self._out_firsts[:messages] = array("L", [start + 16 * first for first in firsts])
        self._out_counts[:messages] = array("L", sizes)
        self._out_controls[:messages] = array("L", [_CUT.size if size > 1 else 0 for size in sizes])
        self._out_cuts[:messages] = array("H", [lengths[first] for first in firsts])
        self._addresses[messages].pack_into(self._out_names, 0, *receivers)

    def _send_all(self, batch: Sequence[Outgoing], firsts: list[int]) -> int:
        sent = failed = 0
        ends = [*firsts[1:], len(batch)]
        while sent < len(firsts):
            done = self._sendmmsg(self._fd, self._out + sent, len(firsts) - sent, socket.MSG_DONTWAIT)
            if done > 0:
                sent += done
                continue
            # The first of the rest was refused. A full socket buffer refuses the others too.
            if self._ffi.errno in (errno.EAGAIN, errno.ENOBUFS):
                return failed + len(batch) - firsts[sent]
            if ends[sent] - firsts[sent] > 1:
                failed += self._send_apart(batch[firsts[sent] : ends[sent]], self._ffi.errno)
            else:
                failed += 1
            sent += 1
        return failed

    def _send_apart(self, batch: Sequence[Outgoing], error: int) -> int:
        """Send what the kernel refused as one message; return how many it did not take."""
        if error in (errno.EIO, errno.EINVAL):
            # No checksums by this device, or no such length on this path: never again.
            self._together = False
        failed = 0
        for offset, length, destination in batch:
            try:
                self._sock.sendto(self.view[offset : offset + length], self.readable(destination))
            except OSError:
                failed += 1
        return failed

    def destination(self, address: bytes) -> bytes:
        return address

    def send(self, data: bytes, address: tuple[str, int]) -> None:
        with contextlib.suppress(OSError):
            self._sock.sendto(data, address)

    def readable(self, address: bytes) -> tuple[str, int]:
        return readable_address(self._family, address)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        self._sock.close()
