import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from sfu.control import Event, LegStateChanged, OfferMade, OpenLeg
from sfu.io.dtls import Certificate
from sfu.io.loops import NativeLoop
from sfu.io.multi_message import MultiMessageSocket
from sfu.io.python_loop import PythonLoop
from sfu.io.socket import BatchSocket, SingleMessageSocket, open_socket
from sfu.io.switchboard import Switchboard
from sfu.leg import Leg
from sfu.offer import Endpoint
from tests.requirements import missing
from tests.sfu.io.wire_client import WireClient


class Ground:
    """A switchboard and its packet loop on a real UDP socket, in the test's own event loop."""

    def __init__(self, make_socket: Any, make_loop: Any) -> None:
        udp = open_socket("127.0.0.1", 0)
        self.port = udp.getsockname()[1]
        self.socket: BatchSocket = make_socket(udp)
        self.events: list[Event] = []
        certificate = Certificate.generateCertificate()
        endpoint = Endpoint(("127.0.0.1",), self.port, certificate.sha256)
        self.shift = 0.0
        self.board = Switchboard(endpoint, certificate, self.clock, time.time, self.events.append)
        self.loop = self.board.loop = make_loop(self.socket, self.clock, self.board)
        self.clients: list[WireClient] = []
        asyncio.get_running_loop().add_reader(self.socket.fileno(), self.loop.on_readable)

    def clock(self) -> float:
        return time.monotonic() + self.shift

    def open(self, name: str, seat: str, *, call: str = "call", replaces: str | None = None) -> str:
        """Open a leg and return its offer."""
        self.board.open_leg(OpenLeg(0, call, name, seat, replaces=replaces))
        return self.offer(name)

    def offer(self, name: str) -> str:
        return next(event.sdp for event in reversed(self.events) if isinstance(event, OfferMade) and event.leg == name)

    def leg(self, name: str) -> Leg:
        self.loop.collect()
        return next(leg for leg in self.board.legs() if leg.id == name)

    def states(self, name: str) -> list[str]:
        return [event.state for event in self.events if isinstance(event, LegStateChanged) and event.leg == name]

    def dropped(self) -> dict[str, int]:
        self.loop.collect()
        return {reason.value: count for reason, count in self.loop.dropped.items()}

    def client(self, offer: str, **options: Any) -> WireClient:
        client = WireClient(offer, self.port, **options)
        self.clients.append(client)
        return client

    async def agree(self, name: str, client: WireClient) -> None:
        """Answer the leg's newest offer."""
        self.board.answer(name, self.leg(name).negotiation, client.answer())

    async def join(self, name: str, seat: str, **options: Any) -> WireClient:
        """Open a leg and connect a client to it."""
        client = self.client(self.open(name, seat), **options)
        await self.agree(name, client)
        await client.bind()
        await client.shake_hands()
        await self.until(lambda: "connected" in self.states(name))
        return client

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 — state is polled where nothing signals it
                await asyncio.sleep(0.005)

    async def close(self) -> None:
        for client in self.clients:
            await client.close()
        self.board.close()
        asyncio.get_running_loop().remove_reader(self.socket.fileno())
        self.socket.close()


LOOPS = {
    "recvmmsg": (MultiMessageSocket, PythonLoop),
    "recvfrom": (SingleMessageSocket, PythonLoop),
    "native": (MultiMessageSocket, NativeLoop),
}


@pytest.fixture(params=LOOPS)
async def ground(request: pytest.FixtureRequest) -> AsyncIterator[Ground]:
    make_socket, make_loop = LOOPS[request.param]
    if make_loop is None:
        missing("the packet loop in C was not built (no C compiler at install)")
    ground = Ground(make_socket, make_loop)
    yield ground
    await ground.close()
