"""The bare C loop (`bench/bare/loop.c`) in a process of its own, in a thread; standard input registers pairs.

    python -m bench.io.bare_process LIBRARY HOST moves|protects

It says its port in the first line; each line it reads is a JSON `Pair`, each is answered by a line `ok`. It ends with
its input.
"""

import socket
import struct
import sys
import threading
from collections.abc import Iterator
from typing import Any

import cffi
import msgspec
from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi as srtp_ffi
from pylibsrtp._binding import lib as srtp_lib

_DECLARATIONS = """
typedef struct bare bare;
bare *bare_new(int fd, void *unprotect, void *protect, void *unprotect_rtcp, void *protect_rtcp);
int bare_route(bare *loop, uint32_t from_host, uint16_t from_port, uint32_t to_host, uint16_t to_port, void *receive,
               void *send);
void bare_run(bare *loop);
void bare_stop(bare *loop);
"""
_FUNCTIONS = ("srtp_unprotect", "srtp_protect", "srtp_unprotect_rtcp", "srtp_protect_rtcp")
# What the kernel may hold: the same as for the worker's socket.
SOCKET_BUFFER = 2 * 1024 * 1024
REPLAY_WINDOW = 128
_STOP_CHECK = 0.2


class End(msgspec.Struct):
    """One participant: its address, the key of what it sends and of what it receives (hex, key and salt)."""

    host: str
    port: int
    sends: str
    receives: str


class Pair(msgspec.Struct):
    """Two participants whose packets go to each other."""

    first: End
    second: End


def gcm_session(key: str, direction: int) -> Session:
    """Return an AES-128-GCM session; `direction` is `Policy.SSRC_ANY_INBOUND` or `SSRC_ANY_OUTBOUND`."""
    policy = Policy(key=bytes.fromhex(key), ssrc_type=direction, srtp_profile=Policy.SRTP_PROFILE_AEAD_AES_128_GCM)
    policy.allow_repeat_tx = True
    policy.window_size = REPLAY_WINDOW
    return Session(policy)


class BareLoop:
    """The loop and what it points to: cffi frees what nobody holds."""

    def __init__(self, library: str, sock: socket.socket, *, protects: bool) -> None:
        self._ffi = cffi.FFI()
        self._ffi.cdef(_DECLARATIONS)
        self._lib = self._ffi.dlopen(library)
        self._protects = protects
        self._sessions: list[Session] = []
        self._socket = sock
        functions = [
            self._pointer(srtp_ffi.addressof(srtp_lib, name)) if protects else self._ffi.NULL for name in _FUNCTIONS
        ]
        self._loop = self._lib.bare_new(sock.fileno(), *functions)
        if self._loop == self._ffi.NULL:
            raise MemoryError
        self._thread = threading.Thread(target=self._lib.bare_run, args=(self._loop,), daemon=True)
        self._thread.start()

    def _pointer(self, foreign: Any) -> Any:
        return self._ffi.cast("void *", int(srtp_ffi.cast("uintptr_t", foreign)))

    def _session(self, key: str, direction: int) -> Any:
        if not self._protects:
            return self._ffi.NULL
        session = gcm_session(key, direction)
        self._sessions.append(session)
        return self._pointer(session._srtp[0])  # noqa: SLF001 — as the worker does, without a copy

    def register(self, pair: Pair) -> None:
        """Let packets flow between the two, both ways."""
        for sender, receiver in ((pair.first, pair.second), (pair.second, pair.first)):
            receive = self._session(sender.sends, Policy.SSRC_ANY_INBOUND)
            send = self._session(receiver.receives, Policy.SSRC_ANY_OUTBOUND)
            if self._lib.bare_route(self._loop, *_address(sender), *_address(receiver), receive, send):
                raise MemoryError

    def stop(self) -> None:
        """End the thread, within the receive timeout."""
        self._lib.bare_stop(self._loop)
        self._thread.join()


def _address(end: End) -> tuple[int, int]:
    (host,) = struct.unpack("=I", socket.inet_aton(end.host))
    return host, socket.htons(end.port)


def _open(host: str) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
    seconds, rest = divmod(_STOP_CHECK, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", int(seconds), int(rest * 1_000_000)))
    sock.bind((host, 0))
    return sock


def _pairs() -> Iterator[Pair]:
    decoder = msgspec.json.Decoder(Pair)
    for line in sys.stdin:
        yield decoder.decode(line)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Run until standard input ends. Returns the exit status."""
    library, host, what = sys.argv[1:]
    with _open(host) as sock:
        loop = BareLoop(library, sock, protects=what == "protects")
        _say(str(sock.getsockname()[1]))
        for pair in _pairs():
            loop.register(pair)
            _say("ok")
        loop.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
