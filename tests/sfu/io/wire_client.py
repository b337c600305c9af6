"""A participant made of single packets: STUN, DTLS and SRTP by hand over one UDP socket, so that tests can attack."""

import asyncio
import re
import socket
from typing import Any

from aioice import stun
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport

from tests.sfu.sdp import write_answer


def field(offer: str, name: str) -> str:
    match = re.search(rf"^a={name}:(.*)$", offer, re.MULTILINE)
    assert match is not None
    return match[1].strip()


class Link:
    role = "controlling"

    def __init__(self, client: "WireClient") -> None:
        self._client = client
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()

    async def _recv(self) -> bytes:
        return await self.queue.get()

    async def _send(self, data: bytes) -> None:
        self._client.send(data)


class WireClient:
    """`offer` is the worker's; `host` and `port` are where it listens."""

    def __init__(self, offer: str, port: int, *, ufrag: str = "wire", streams: dict[str, Any] | None = None) -> None:
        self.offer = offer
        self._remote = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self._ufrag = ufrag
        self._streams = streams
        self._certificate = RTCCertificate.generateCertificate()
        self._link = Link(self)
        self.dtls = RTCDtlsTransport(self._link, [self._certificate])
        self.dtls._set_role("client")
        self.stun_answers: list[stun.Message] = []
        self.media: list[bytes] = []
        self.reports: list[bytes] = []
        self.arrived = asyncio.Event()
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self._read)

    def answer(self, **changes: Any) -> str:
        fingerprint = next(f.value for f in self._certificate.getFingerprints() if f.algorithm == "sha-256")
        return write_answer(**{"ufrag": self._ufrag, "fingerprint": fingerprint, "streams": self._streams} | changes)

    def send(self, data: bytes) -> None:
        self.socket.sendto(data, self._remote)

    def check(self, *, nominate: bool = True, offer: str | None = None, password: str | None = None) -> bytes:
        """Return an ICE connectivity check against the newest offer."""
        offer = offer or self.offer
        attributes: dict[str, Any] = {"USERNAME": f"{field(offer, 'ice-ufrag')}:{self._ufrag}", "PRIORITY": 1}
        if nominate:
            attributes["USE-CANDIDATE"] = None
        message = stun.Message(stun.Method.BINDING, stun.Class.REQUEST, attributes=attributes)
        message.add_message_integrity((password or field(offer, "ice-pwd")).encode())
        return bytes(message)

    async def bind(self, **changes: Any) -> None:
        """Send a check and wait for its answer."""
        before = len(self.stun_answers)
        self.send(self.check(**changes))
        await self.until(lambda: len(self.stun_answers) > before)

    async def shake_hands(self) -> None:
        """Run DTLS; the keys are there afterwards."""
        digest = field(self.offer, "fingerprint").split(" ")[1]
        await self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint("sha-256", digest)]))

    def protect(self, packet: bytes) -> bytes:
        return self.dtls._tx_srtp.protect(packet)

    def protect_rtcp(self, packet: bytes) -> bytes:
        return self.dtls._tx_srtp.protect_rtcp(packet)

    def received(self) -> list[bytes]:
        """Return the RTP that came in so far, unprotected."""
        packets, self.media = self.media, []
        return [self.dtls._rx_srtp.unprotect(data) for data in packets]

    def received_rtcp(self) -> list[bytes]:
        packets, self.reports = self.reports, []
        return [self.dtls._rx_srtp.unprotect_rtcp(data) for data in packets]

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()

    def _read(self) -> None:
        while True:
            try:
                data = self.socket.recv(2048)
            except BlockingIOError:
                return
            self.take(data)

    def take(self, data: bytes) -> None:
        """Take in one datagram, however it came."""
        if data[0] < 4:
            self.stun_answers.append(stun.parse_message(data))
        elif data[0] < 64:
            self._link.queue.put_nowait(data)
        elif 192 <= data[1] <= 223:
            self.reports.append(data)
        else:
            self.media.append(data)
        self.arrived.set()

    async def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        await self.dtls.stop()
        self.socket.close()
