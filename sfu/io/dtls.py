"""DTLS over aiortc's transport: the one file that touches aiortc's and pylibsrtp's private members.

`tests/sfu/io/test_dtls.py` fails loudly when a new aiortc changes what is used here. Two SRTP sessions come out of a
handshake, one for each direction.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import pylibsrtp
import structlog
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport, State
from OpenSSL import SSL
from pylibsrtp import Policy, Session
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
# Two flights of five datagrams each are all that a client sends in a handshake.
_QUEUE = 32

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

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_cipher_list(_CIPHERS)
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

    def __init__(self, receive: Session, send: Session, profile: str) -> None:
        self._owners = (receive, send)
        self.receive = receive._srtp[0]  # noqa: SLF001 — no copy: 0.67 µs for the pair against 3.0 µs
        self.send = send._srtp[0]  # noqa: SLF001
        self.profile = profile


class _Transport(RTCDtlsTransport):
    """aiortc's transport with our order of profiles and a smaller replay window."""

    def __init__(self, link: "_Link", certificate: Certificate) -> None:
        super().__init__(link, [certificate])  # type: ignore[arg-type]  # it uses _recv, _send and role only
        self._srtp_profiles = list(_PROFILES)
        self.profile = ""

    def _setup_srtp(self) -> None:
        selected = self._ssl.get_selected_srtp_profile()  # type: ignore[union-attr]  # there is a handshake by now
        chosen = next((profile for profile in _PROFILES if profile.openssl_profile == selected), None)
        if chosen is None:
            self._set_state(State.FAILED)
            return
        size = 2 * (chosen.key_length + chosen.salt_length)
        material = self._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", size)  # type: ignore[union-attr]
        self._rx_srtp = _session(chosen, material, 0, Policy.SSRC_ANY_INBOUND)
        self._tx_srtp = _session(chosen, material, 1, Policy.SSRC_ANY_OUTBOUND)
        self.profile = chosen.openssl_profile.decode()


def _session(profile: Any, material: bytes, index: int, kind: int) -> Session:
    policy = Policy(key=profile.get_key_and_salt(material, index), ssrc_type=kind, srtp_profile=profile.libsrtp_profile)
    # A second packet under one SSRC and sequence number would reuse a GCM nonce; a newcomer can announce the SSRCs of
    # the one before it, towards the session of the one who stayed.
    policy.allow_repeat_tx = False
    policy.window_size = _REPLAY_WINDOW
    return Session(policy)


class _Link:
    """What `RTCDtlsTransport` takes for its ICE transport: a queue in, a function out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], object]) -> None:
        self._out = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(_QUEUE)

    async def _recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._out(data)

    def put(self, datagram: bytes | None) -> bool:
        try:
            self._queue.put_nowait(datagram)
        except asyncio.QueueFull:
            return False
        return True


class Handshake:
    """One leg's DTLS: feed it datagrams as they come, start it when the answer's fingerprints are known."""

    def __init__(
        self,
        certificate: Certificate,
        send: Callable[[bytes], object],
        secured: Callable[[Keys], None],
        closed: Callable[[bool], None],
    ) -> None:
        """`secured` gets the keys; `closed` hears whether the other end hung up (else the handshake failed)."""
        self._link = _Link(send)
        self._transport = _Transport(self._link, certificate)
        self._transport._set_role("server")  # noqa: SLF001
        self._secured = secured
        self._closed = closed
        self._task: asyncio.Task[None] | None = None

    def feed(self, datagram: bytes) -> bool:
        """Queue a DTLS datagram. False when more waits than a handshake needs."""
        return self._link.put(datagram)

    def start(self, fingerprints: tuple[Fingerprint, ...]) -> None:
        """Begin; the certificate must match one of these, which is checked before any key exists."""
        self._task = asyncio.get_running_loop().create_task(self._run(fingerprints))

    async def _run(self, fingerprints: tuple[Fingerprint, ...]) -> None:
        transport = self._transport
        ended = asyncio.Event()
        transport.on("statechange", lambda: ended.set() if transport.state in ("closed", "failed") else None)
        expected = [RTCDtlsFingerprint(item.algorithm, item.value) for item in fingerprints]
        try:
            await transport.start(RTCDtlsParameters(fingerprints=expected))
        except Exception:
            # Whatever a stranger's handshake did to OpenSSL concerns this leg alone.
            log.exception("dtls")
        if transport.state != "connected":
            self._closed(False)
            return
        self._secured(Keys(transport._rx_srtp, transport._tx_srtp, transport.profile))  # noqa: SLF001
        await ended.wait()
        self._closed(True)

    async def stop(self) -> None:
        """Say goodbye (close_notify), so that the browser knows in less than a second, and end the task."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._transport.stop()
        # Idle transports wait in `_recv`; this lets the pump end instead of being collected while pending.
        self._link.put(None)
