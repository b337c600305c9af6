"""recvmmsg and sendmmsg by address, for many sockets: one call for each socket that has something to do.

Messages are received into one arena, one after the other whatever socket they came from, so that numpy looks at all
of them at once. Only the first `SLOT` bytes of a message are kept, which holds every STUN message and RTP header.
The kernel says when each arrived, so that whoever reads it late does not make it late.
"""

import errno
import socket
import struct

import cffi
import numpy as np
import numpy.typing as npt

SLOT = 256
_ROOM = 4096
# More than one burst of one peer; a socket that has more is asked again.
BATCH = 64
# A struct cmsghdr with a struct timespec.
_CONTROL = 32
# Linux's SO_TIMESTAMPNS (old form: two 64-bit numbers on 64-bit systems), which Python's socket module does not name.
_SO_TIMESTAMPNS = 35
_UDP_SEGMENT = 103
# A struct cmsghdr with two bytes, and its padding.
_CUT_CONTROL = 24
_FLAGS = socket.MSG_DONTWAIT | socket.MSG_TRUNC

_ffi = cffi.FFI()
# Addresses go in as numbers: the arrays belong to numpy.
_ffi.cdef("""
int recvmmsg(int sockfd, uintptr_t msgvec, unsigned int vlen, int flags, uintptr_t timeout);
int sendmmsg(int sockfd, uintptr_t msgvec, unsigned int vlen, int flags);
int setsockopt(int sockfd, int level, int optname, const void *optval, unsigned int optlen);
""")
_libc = _ffi.dlopen(None)
_recvmmsg, _sendmmsg, _setsockopt = _libc.recvmmsg, _libc.sendmmsg, _libc.setsockopt


def send(descriptor: int, headers: int, count: int) -> int:
    """Send `count` messages whose `struct mmsghdr`s begin at an address. Returns how many the kernel took."""
    sent = 0
    refused = False
    while sent < count:
        done = _sendmmsg(descriptor, headers + 64 * sent, count - sent, socket.MSG_DONTWAIT)
        if done > 0:
            sent += done
        elif _ffi.errno == errno.ECONNREFUSED and not refused:
            refused = True  # an ICMP answer to an earlier message; this one has not been tried yet
        else:
            break
    return sent


def timestamp(descriptor: int) -> None:
    """Let the kernel note when each of a socket's datagrams arrives, by the clock of `time.time_ns`."""
    if _setsockopt(descriptor, socket.SOL_SOCKET, _SO_TIMESTAMPNS, _ffi.new("int *", 1), 4):
        raise OSError(_ffi.errno, "no time stamps")


def cut_into(size: int) -> npt.NDArray[np.uint8]:
    """Return the control data of a message that the kernel is to cut into datagrams of `size` bytes; see udp(7).

    The last one may be shorter.
    """
    packed = struct.pack("@NiiH", _CUT_CONTROL - 6, socket.IPPROTO_UDP, _UDP_SEGMENT, size)
    return np.frombuffer(packed.ljust(_CUT_CONTROL, b"\0"), np.uint8)


class Arena:
    """Where messages of sockets that were given to `timestamp` arrive."""

    def __init__(self) -> None:
        self.rows = np.zeros((_ROOM, SLOT), np.uint8)
        self._headers = np.zeros((_ROOM, 8), np.uint64)
        self._vectors = np.zeros((_ROOM, 2), np.uint64)
        self._vectors[:, 0] = self.rows.ctypes.data + SLOT * np.arange(_ROOM, dtype=np.uint64)
        self._vectors[:, 1] = SLOT
        self._headers[:, 2] = self._vectors.ctypes.data + 16 * np.arange(_ROOM, dtype=np.uint64)
        self._headers[:, 3] = 1
        self._stamps = np.zeros((_ROOM, _CONTROL // 8), np.int64)
        self._headers[:, 4] = self._stamps.ctypes.data + _CONTROL * np.arange(_ROOM, dtype=np.uint64)
        self._headers[:, 5] = _CONTROL
        self._start = self._headers.ctypes.data
        self.used = 0

    @property
    def full(self) -> bool:
        """Whether the next `receive` may find too little room; `clear` first."""
        return self.used > _ROOM - BATCH

    def receive(self, descriptor: int) -> int:
        """Receive up to `BATCH` messages behind those that are there; return how many came."""
        count = _recvmmsg(descriptor, self._start + 64 * self.used, BATCH, _FLAGS, 0)
        if count <= 0:
            return 0
        self.used += count
        return int(count)

    def lengths(self) -> npt.NDArray[np.uint32]:
        """Return the messages' full lengths."""
        return self._headers[: self.used, 7].astype(np.uint32)

    def times(self) -> npt.NDArray[np.int64]:
        """Return when each message arrived, in nanoseconds of `time.time_ns`."""
        return self._stamps[: self.used, 2] * 1_000_000_000 + self._stamps[: self.used, 3]

    def clear(self) -> None:
        """Make room."""
        self._headers[: self.used, 5] = _CONTROL
        self.used = 0
