"""DTLS with aiortc's certificate and SRTP profiles: the one file that touches private members of it and of pylibsrtp.

`tests/sfu/io/test_dtls.py` fails loudly when a new aiortc changes what is used here. Two SRTP sessions come out of a
handshake, one for each direction. The handshake itself is OpenSSL's, moved on by the datagrams that come; no task waits
for them, and a timer runs only while a flight of ours may have been lost.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from functools import cache
from typing import Any

import pylibsrtp
import structlog
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate
from OpenSSL import SSL
from pylibsrtp import Policy
from pylibsrtp._binding import ffi, lib

from sfu.answer import Fingerprint

# GCM-128 costs 0.33 µs an operation, CM-SHA1-80 0.96 µs: ours is the choice, as we are the DTLS server.
_PROFILES = (
    aiortc_dtls.SRTP_AEAD_AES_128_GCM,
    aiortc_dtls.SRTP_AEAD_AES_256_GCM,
    aiortc_dtls.SRTP_AES128_CM_SHA1_80,
)
# Without the CBC suites that aiortc still lists.
_CIPHERS = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
# 1024, aiortc's own, costs 2-3 % of the packet path.
_REPLAY_WINDOW = 128
_PROFILES_BY_NAME = {profile.openssl_profile: profile for profile in _PROFILES}
# RFC 8122 §5 without the broken ones, and OpenSSL's names of them.
_DIGESTS = {"sha-256": "sha256", "sha-384": "sha384", "sha-512": "sha512"}
# Two flights of five datagrams each are all that a client sends in a handshake.
_QUEUE = 32
# A flight of ours has some 800 bytes, as our certificate is small; OpenSSL never makes a datagram longer than this.
_DATAGRAM = 1500

srtp_protect = lib.srtp_protect
srtp_unprotect = lib.srtp_unprotect
srtp_protect_rtcp = lib.srtp_protect_rtcp
srtp_unprotect_rtcp = lib.srtp_unprotect_rtcp
new_length_cell: Callable[[], Any] = lambda: ffi.new("int *")  # noqa: E731 — a name for a constructor of another library


def srtp_version() -> str:
    """Return which SRTP library runs, for the start-up line (libsrtp #817 concerns older ones)."""
    return f"pylibsrtp {pylibsrtp.__version__}"


log = structlog.get_logger()


class Certificate(RTCCertificate):
    """One per process; its DTLS context offers our SRTP profiles and no CBC suites.

    All legs share that context: making one costs as much as a quarter of a leg's whole set-up.
    """

    _context: SSL.Context | None = None

    @property
    def context(self) -> SSL.Context:
        """What every connection is made from."""
        if self._context is None:
            self._context = self._create_ssl_context(list(_PROFILES))
            self._context.set_cipher_list(_CIPHERS)
            # After the handshake a connection is silent until it ends.
            self._context.set_mode(SSL.MODE_RELEASE_BUFFERS)
            # Every browser is new to us: a session that could be resumed would only be kept for nothing.
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def sha256(self) -> str:
        """The fingerprint for `a=fingerprint:sha-256`."""
        return next(item.value for item in self.getFingerprints() if item.algorithm == "sha-256")


class Keys:
    """The SRTP sessions of a leg, as raw pointers for the packet loop; it keeps their owners alive."""

    __slots__ = ("_owners", "profile", "receive", "send")

    def __init__(self, receive: Any, send: Any, profile: str) -> None:
        """Both are cells that hold a session and end it with themselves, as `_session` returns them."""
        self._owners = (receive, send)
        self.receive = receive[0]
        self.send = send[0]
        self.profile = profile


def _keys(connection: SSL.Connection) -> Keys | None:
    """Return the sessions of a finished handshake (RFC 5764 §4.2), or None when no SRTP profile was agreed on."""
    profile = _PROFILES_BY_NAME.get(connection.get_selected_srtp_profile())
    if profile is None:
        return None
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (profile.key_length + profile.salt_length))
    return Keys(
        _session(profile, material, 0, Policy.SSRC_ANY_INBOUND),
        _session(profile, material, 1, Policy.SSRC_ANY_OUTBOUND),
        profile.openssl_profile.decode(),
    )


@cache
def _policy(profile: Any, kind: int) -> Policy:
    policy = Policy(ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    # A second packet under one SSRC and sequence number would reuse a GCM nonce; a newcomer can announce the SSRCs of
    # the one before it, towards the session of the one who stayed.
    policy.allow_repeat_tx = False
    policy.window_size = _REPLAY_WINDOW
    return policy


def _session(profile: Any, material: bytes, index: int, kind: int) -> Any:
    """Return a cell with a new session. pylibsrtp's own would each bring a policy and a buffer that we never use."""
    policy = _policy(profile, kind)
    policy.key = profile.get_key_and_salt(material, index)
    cell = ffi.new("srtp_t *")
    try:
        if lib.srtp_create(cell, policy._policy):  # noqa: SLF001
            raise pylibsrtp.Error("no SRTP session")
    finally:
        policy.key = None
    return ffi.gc(cell, _end_session)


def _end_session(cell: Any) -> None:
    lib.srtp_dealloc(cell[0])


def _is_expected(connection: SSL.Connection, fingerprints: tuple[Fingerprint, ...]) -> bool:
    """Whether the peer's certificate matches all fingerprints of a known kind, of which there must be one at least."""
    certificate = connection.get_peer_certificate()
    known = [(_DIGESTS[item.algorithm.lower()], item) for item in fingerprints if item.algorithm.lower() in _DIGESTS]
    if certificate is None or not known:
        return False
    return all(item.value.upper() == certificate.digest(digest).decode() for digest, item in known)


class _Stage(Enum):
    """Where a handshake stands."""

    WAITING = auto()
    SHAKING = auto()
    SECURED = auto()
    ENDED = auto()


class Handshake:
    """One leg's DTLS: feed it datagrams as they come, start it when the answer's fingerprints are known.

    It works in a turn of the event loop of its own, never inside `feed` or `start`: its callbacks may close the leg.
    """

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], object],
        secured: Callable[[Keys], None],
        closed: Callable[[bool], None],
    ) -> None:
        """`secured` gets the keys; `closed` hears whether the other end hung up (else the handshake failed)."""
        self._certificate = certificate
        self._send = send
        self._secured = secured
        self._closed = closed
        self._loop = asyncio.get_running_loop()
        self._stage = _Stage.WAITING
        self._queue: deque[bytes] = deque()
        self._fingerprints: tuple[Fingerprint, ...] = ()
        self._connection: SSL.Connection | None = None
        self._turn: asyncio.Handle | None = None
        self._timer: asyncio.TimerHandle | None = None

    def feed(self, datagram: bytes) -> bool:
        """Queue a DTLS datagram. False when more waits than a handshake needs."""
        if len(self._queue) >= _QUEUE or self._stage is _Stage.ENDED:
            return False
        self._queue.append(datagram)
        self._schedule()
        return True

    def start(self, fingerprints: tuple[Fingerprint, ...]) -> None:
        """Begin; the certificate must match these, which is checked before any key exists."""
        self._fingerprints = fingerprints
        self._connection = SSL.Connection(self._certificate.context)
        self._connection.set_accept_state()
        self._stage = _Stage.SHAKING
        self._schedule()

    def stop(self) -> None:
        """Say goodbye (close_notify), so that the browser knows in less than a second. Nothing runs afterwards."""
        if self._connection is not None and self._stage is not _Stage.ENDED:
            with contextlib.suppress(SSL.Error):  # there is no goodbye within a handshake
                self._connection.shutdown()
            self._flush(self._connection)
        self._let_go()

    def _let_go(self) -> None:
        self._stage = _Stage.ENDED
        self._connection = None
        self._queue.clear()
        for handle in (self._turn, self._timer):
            if handle is not None:
                handle.cancel()
        self._turn = self._timer = None

    def _end(self, *, hung_up: bool) -> None:
        self._let_go()
        self._closed(hung_up)

    # -- turns of the event loop -------------------------------------------------------------------------------

    def _schedule(self) -> None:
        if self._queue and self._turn is None and self._connection is not None:
            self._turn = self._loop.call_soon(self._work)

    def _work(self) -> None:
        self._turn = None
        self._guarded(self._take_all)

    def _on_timeout(self) -> None:
        self._timer = None
        self._guarded(self._send_again)

    def _guarded(self, step: Callable[[SSL.Connection], None]) -> None:
        """Take a step, and set the timer anew. Whatever a stranger did to OpenSSL concerns this leg alone."""
        try:
            if self._connection is not None:
                step(self._connection)
            self._set_timer()
        except SSL.Error:
            self._end(hung_up=False)
        except Exception:
            log.exception("dtls")
            self._end(hung_up=False)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # OpenSSL counts only while a flight of ours waits for its answer (RFC 6347 §4.2.4).
        delay = None if self._connection is None else self._connection.DTLSv1_get_timeout()
        if delay is not None:
            self._timer = self._loop.call_later(delay, self._on_timeout)

    def _send_again(self, connection: SSL.Connection) -> None:
        connection.DTLSv1_handle_timeout()
        self._flush(connection)

    def _take_all(self, connection: SSL.Connection) -> None:
        while self._queue:
            connection.bio_write(self._queue.popleft())
            if self._stage is _Stage.SHAKING:
                self._shake(connection)
            # Also what came in the last flight's datagram, and that flight again when our answer to it was lost.
            if self._stage is _Stage.SECURED:
                self._listen(connection)

    def _shake(self, connection: SSL.Connection) -> None:
        try:
            connection.do_handshake()
        except SSL.WantReadError:
            self._flush(connection)
            return
        self._flush(connection)
        keys = _keys(connection) if _is_expected(connection, self._fingerprints) else None
        if keys is None:
            self._end(hung_up=False)
            return
        self._stage = _Stage.SECURED
        self._secured(keys)

    def _listen(self, connection: SSL.Connection) -> None:
        """Pass over what the peer sends inside DTLS, until it says goodbye."""
        hung_up = False
        try:
            while True:
                connection.recv(_DATAGRAM)
        except SSL.ZeroReturnError:
            hung_up = True
        except SSL.Error:  # nothing more, or nothing that was ever meant for us
            pass
        self._flush(connection)
        if hung_up:
            self._end(hung_up=True)

    def _flush(self, connection: SSL.Connection) -> None:
        with contextlib.suppress(SSL.WantReadError):  # OpenSSL has nothing to say
            self._send(connection.bio_read(_DATAGRAM))
