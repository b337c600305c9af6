"""A patient that is no browser: knocks by the WebSocket protocol, waits, and answers offers with a `Caller`.

It speaks `docs/protocol.md` with its own few lines, as a second implementation should.
"""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from bench.caller import Caller


class Participant:
    """One patient. `states` collects the types of the messages that came, in order."""

    def __init__(self, patient_url: str, name: str) -> None:
        parts = urlsplit(patient_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._invitation = parts.fragment
        self._name = name
        self._sent = 0
        self._seen = 0
        self._sending = {"microphone": True, "camera": True, "screen": False}
        self.caller = Caller()
        self.states: list[str] = []
        self.changed = asyncio.Event()

    async def take_part(self) -> None:
        """Knock, wait and talk until the server ends it or this task is cancelled."""
        headers = {"Origin": self._origin}
        try:
            async with (
                aiohttp.ClientSession(headers=headers) as session,
                session.ws_connect(f"{self._origin}/ws", max_msg_size=64 * 1024) as socket,
            ):
                self._socket = socket
                devices = {"camera": "ok", "microphone": "ok"}
                knock = {"type": "knock", "invitation": self._invitation, "name": self._name, "devices": devices}
                await self._send(knock, number=0)
                async for message in socket:
                    if message.type is aiohttp.WSMsgType.TEXT:
                        await self._receive(json.loads(message.data))
        finally:
            await self.caller.close()

    async def reached(self, *states: str) -> None:
        """Wait until a message of one of these types has come. Raises `TimeoutError` after 20 s."""
        async with asyncio.timeout(20):
            while not set(states) & set(self.states):
                self.changed.clear()
                await self.changed.wait()

    async def leave(self) -> None:
        """Give up the place or the seat."""
        await self._send({"type": "leave"})

    async def _send(self, body: dict[str, Any] | None, *, number: int | None = None) -> None:
        if number is None and body is not None:
            self._sent += 1
            number = self._sent
        await self._socket.send_json({"n": number or self._sent, "ack": self._seen, "body": body})

    async def _receive(self, frame: dict[str, Any]) -> None:
        body = frame.get("body")
        if body is None:
            return
        self._seen = max(self._seen, frame["n"])
        if body["type"] == "offer":
            answer = await self.caller.answer(body["sdp"])
            await self._send({"type": "answer", "negotiation": body["negotiation"], "sdp": answer})
        elif body["type"] == "admitted":
            await self._send({"type": "sending", "sending": self._sending})
        self.states.append(body["type"])
        self.changed.set()
