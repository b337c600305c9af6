"""A WebRTC endpoint without media engine: STUN, DTLS and SRTP sessions over one UDP socket of its own.

It is light enough for 800 of them in one process. `answer()` serves Visavis, which offers; `offer()` and
`apply_answer()` serve servers that answer. Once connected, `bench.io.traffic.Traffic` takes the socket over and
uses the SRTP sessions by their pointers.
"""

import asyncio
import contextlib
import secrets
import socket
from typing import Any

from aioice import stun
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from bench.sdp import BadSdp, Remote, Streams, read_remote, write_answer, write_offer

__all__ = ["PROFILES", "MediaPeer", "PeerFailed", "Remote"]

PROFILES = {
    "gcm-128": aiortc_dtls.SRTP_AEAD_AES_128_GCM,
    "gcm-256": aiortc_dtls.SRTP_AEAD_AES_256_GCM,
    "cm-sha1-80": aiortc_dtls.SRTP_AES128_CM_SHA1_80,
}
# RFC 7675 §5.1 asks for one every 5 s at the most; browsers check every 2.5 s.
CHECK_EVERY = 2.5
_CONNECT_TIMEOUT = 20.0
_RETRY = 0.25
_SOCKET_BUFFER = 2 * 1024 * 1024


class PeerFailed(Exception):
    """The peer could not connect; the text says how far it came."""


class _Link:
    """What `RTCDtlsTransport` takes for its ICE transport."""

    role = "controlling"

    def __init__(self, peer: "MediaPeer") -> None:
        self._peer = peer
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def _recv(self) -> bytes:
        datagram = await self.queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, data: bytes) -> None:
        self._peer.send(data)


class MediaPeer:
    """See the module's text. `streams` are the SSRCs it announces; make it inside a running event loop.

    After `connect()`: `tx` and `rx` are libsrtp session pointers for `pylibsrtp._binding.lib`, `connected` is set,
    and checks go out by themselves until `hold()` hands the socket to somebody else.
    """

    _certificate: RTCCertificate | None = None

    def __init__(self, streams: Streams, *, profile: str | None = None) -> None:
        self.streams = streams
        self.connected = asyncio.Event()
        self.closed = asyncio.Event()
        self.remote: Remote | None = None
        self.socket: socket.socket | None = None
        self.ufrag, self.password = secrets.token_hex(4), secrets.token_hex(12)
        self.inbox: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._link = _Link(self)
        if MediaPeer._certificate is None:
            MediaPeer._certificate = RTCCertificate.generateCertificate()
        self._dtls = RTCDtlsTransport(self._link, [MediaPeer._certificate])  # type: ignore[arg-type]
        self._dtls._set_role("client")  # noqa: SLF001 — as the answer says: setup:active
        if profile is not None:
            self._dtls._srtp_profiles = [PROFILES[profile]]  # noqa: SLF001
        self._dtls.on("statechange", self._on_dtls_state)
        self._bound = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._reading = False
        self._peer_address: tuple[str, int] | None = None

    # -- SDP -------------------------------------------------------------------------------------------------

    @property
    def fingerprint(self) -> str:
        """Our certificate's SHA-256 digest, as in `a=fingerprint:sha-256`."""
        certificate = MediaPeer._certificate
        assert certificate is not None  # noqa: S101 — made by the first peer
        return next(item.value for item in certificate.getFingerprints() if item.algorithm == "sha-256")

    def answer(self, offer: str) -> str:
        """Take an offer, open the socket on the first, and return the answer. Raises `PeerFailed`.

        A later offer changes nothing but the remote ICE credentials: streams and certificate stay.
        """
        self._take_remote(offer)
        return write_answer(offer, self.ufrag, self.password, self.fingerprint, self.streams)

    def offer(self) -> str:
        """Return an offer of one audio and one video section with our streams."""
        return write_offer(self.ufrag, self.password, self.fingerprint, self.streams)

    def apply_answer(self, answer: str) -> None:
        """Take the answer to our offer. Raises `PeerFailed`."""
        self._take_remote(answer)

    def _take_remote(self, sdp: str) -> None:
        try:
            self.remote = read_remote(sdp)
        except BadSdp as error:
            raise PeerFailed(str(error)) from error
        if self.socket is None:
            self._open(self.remote)

    def _open(self, remote: Remote) -> None:
        family = socket.AF_INET6 if ":" in remote.host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self.socket.setsockopt(socket.SOL_SOCKET, option, _SOCKET_BUFFER)
        try:
            # A connected socket spares the kernel a route lookup for each packet, and us strangers' packets.
            self.socket.connect((remote.host, remote.port))
        except OSError as error:
            raise PeerFailed("the server's media address cannot be reached") from error
        self.resume()

    # -- connecting ------------------------------------------------------------------------------------------

    async def connect(self) -> None:
        """Bind by STUN, then shake hands. Raises `PeerFailed` after 20 s or when DTLS fails."""
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT):
                while not self._bound.is_set():
                    self.send(self.check())
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._bound.wait(), _RETRY)
                assert self.remote is not None  # noqa: S101 — `check` needs it too
                expected = RTCDtlsParameters([RTCDtlsFingerprint("sha-256", self.remote.fingerprint)])
                await self._dtls.start(expected)
        except TimeoutError:
            how_far = "DTLS did not finish" if self._bound.is_set() else "no answer to ICE checks"
            raise PeerFailed(how_far) from None
        if self._dtls.state != "connected":
            raise PeerFailed("DTLS failed")
        self.connected.set()
        self._check_again()

    def _on_dtls_state(self) -> None:
        if self._dtls.state in ("closed", "failed"):
            self.closed.set()

    def check(self) -> bytes:
        """Return a new connectivity check, nominating, as the controlling agent."""
        remote = self.remote
        if remote is None:
            raise PeerFailed("no SDP of the server yet")
        attributes: dict[str, Any] = {
            "USERNAME": f"{remote.ufrag}:{self.ufrag}",
            "PRIORITY": 1853824767,
            "ICE-CONTROLLING": 1,
            "USE-CANDIDATE": None,
        }
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)
        message.add_message_integrity(remote.password.encode())
        message.add_fingerprint()
        return bytes(message)

    def _check_again(self) -> None:
        self.send(self.check())
        self._timer = self._loop.call_later(CHECK_EVERY, self._check_again)

    # -- the socket ------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """Send a datagram as it is; one that the kernel does not take is lost."""
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.send(data)

    def hold(self) -> None:
        """Stop reading and checking: somebody else does both from now on, and passes on to `take` what is no media."""
        if self._reading and self.socket is not None:
            self._loop.remove_reader(self.socket.fileno())
        self._reading = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def resume(self) -> None:
        """Read and check again."""
        if self.socket is None or self._reading:
            return
        self._loop.add_reader(self.socket.fileno(), self._read)
        self._reading = True
        if self.connected.is_set() and self._timer is None:
            self._check_again()

    def _read(self) -> None:
        while self._reading and self.socket is not None:
            try:
                datagram = self.socket.recv(2048)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send
                continue
            self.take(datagram)

    def take(self, datagram: bytes) -> None:
        """Handle a datagram. RTP and RTCP go, still protected, to `inbox`, which keeps the newest 1000."""
        if not datagram:
            return
        first = datagram[0]
        if first < 4:
            self._take_stun(datagram)
        elif 20 <= first < 64:
            self._link.queue.put_nowait(datagram)
        elif first >= 128:
            self.inbox.append(datagram)
            del self.inbox[:-1000]

    def _take_stun(self, datagram: bytes) -> None:
        try:
            message = stun.parse_message(datagram)
        except Exception:  # noqa: BLE001 — aioice raises more than ValueError on odd bytes
            return
        if message.message_class is stun.Class.RESPONSE:
            self._bound.set()
        elif message.message_class is stun.Class.REQUEST and self.socket is not None:
            reply = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id)
            reply.attributes["XOR-MAPPED-ADDRESS"] = self.socket.getpeername()[:2]
            reply.add_message_integrity(self.password.encode())
            reply.add_fingerprint()
            self.send(bytes(reply))

    # -- SRTP ------------------------------------------------------------------------------------------------

    @property
    def tx(self) -> Any:
        """The libsrtp session that protects what we send; valid until `close`."""
        return self._dtls._tx_srtp._srtp[0]  # noqa: SLF001

    @property
    def rx(self) -> Any:
        """The libsrtp session that unprotects what we receive; valid until `close`."""
        return self._dtls._rx_srtp._srtp[0]  # noqa: SLF001

    def protect(self, packet: bytes) -> bytes:
        """Return an RTP packet protected; for single packets only."""
        return bytes(self._dtls._tx_srtp.protect(packet))  # noqa: SLF001

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Return an RTCP packet protected; for single packets only."""
        return bytes(self._dtls._tx_srtp.protect_rtcp(packet))  # noqa: SLF001

    def unprotect(self, packet: bytes) -> bytes:
        """Return an RTP packet in the clear. Raises `pylibsrtp.Error`."""
        return bytes(self._dtls._rx_srtp.unprotect(packet))  # noqa: SLF001

    async def close(self) -> None:
        """Say goodbye (close_notify) and close the socket."""
        self.hold()
        await self._dtls.stop()
        self._link.queue.put_nowait(None)
        if self.socket is not None:
            self.socket.close()
            self.socket = None
        self.closed.set()
