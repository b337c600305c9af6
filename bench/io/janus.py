"""Janus (Debian's `janus`) as a contender: its videocall plugin relays RTP between two, as our worker does.

It gets a configuration of its own with one event loop and without what is not needed, offers only what it would on a
public address (ICE lite, no trickle), and is steered over its WebSocket transport on loopback.
"""

import asyncio
import ipaddress
import json
import secrets
import shutil
import subprocess
from pathlib import Path
from typing import Any

import aiohttp

from bench.contest import JANUS
from bench.io.contender import PROFILE, ContenderMissing, Crowd, Ground
from bench.io.peer import MediaPeer
from bench.io.ports import free_port

_LIBRARIES = ("usr/lib/*/janus", "usr/lib/janus", "usr/local/lib/janus", "opt/janus/lib/janus")
_START_TIMEOUT = 15.0
_ANSWER_TIMEOUT = 10.0
_THINKS = 0.2
_PLUGIN = "janus.plugin.videocall"

_GENERAL = """
general: {{
    configs_folder = "{folder}"
    plugins_folder = "{libraries}/plugins"
    transports_folder = "{libraries}/transports"
    events_folder = "{libraries}/events"
    loggers_folder = "{libraries}/loggers"
    interface = "{host}"
    debug_level = 2
    event_loops = 1
    session_timeout = 0
}}
nat: {{
    ice_lite = true
    ice_enforce_list = "{host}"
}}
plugins: {{ disable = "{plugins}" }}
transports: {{ disable = "{transports}" }}
"""
_WEBSOCKETS = """
general: {{
    json = "compact"
    ws = true
    ws_ip = "127.0.0.1"
    ws_port = {port}
    wss = false
}}
"""

Message = dict[str, Any]


class JanusRefused(Exception):
    """Janus answered with an error; the text is its reason."""


class Janus:
    """See `bench.io.contender.Contender`."""

    name = JANUS

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._http: aiohttp.ClientSession | None = None
        self._line: _Line | None = None
        self._joined = 0
        self._crowd = Crowd()

    async def start(self, ground: Ground) -> None:
        command, libraries = shutil.which("janus"), _libraries()
        if command is None or libraries is None:
            raise ContenderMissing("Janus is not installed (Debian: apt-get install janus).")
        if ipaddress.ip_address(ground.host).is_loopback:
            raise ContenderMissing("Janus pairs with no loopback address, and this machine has no other.")
        port = free_port()
        _configure(ground, libraries, port)
        with ground.pinning.for_server(), (ground.folder / "janus.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: ASYNC220 — our own arguments
                [command, "-F", str(ground.folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._http = aiohttp.ClientSession()
        try:
            self._line = await self._connect(port)
        except ContenderMissing:
            await self.stop()
            raise

    async def _connect(self, port: int) -> "_Line":
        assert self._http is not None  # noqa: S101 — made by `start`
        assert self._process is not None  # noqa: S101
        deadline = asyncio.get_running_loop().time() + _START_TIMEOUT
        while asyncio.get_running_loop().time() < deadline and self._process.poll() is None:
            try:
                socket = await self._http.ws_connect(f"ws://127.0.0.1:{port}", protocols=["janus-protocol"])
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)
                continue
            line = _Line(socket)
            await line.open()
            return line
        raise ContenderMissing("Janus is installed but did not start.")

    def pids(self) -> list[int]:
        return [] if self._process is None else [self._process.pid]

    async def stop(self) -> None:
        if self._line is not None:
            await self._line.close()
        if self._http is not None:
            await self._http.close()
        if self._process is not None:
            self._process.terminate()
            await asyncio.to_thread(_reap, self._process)
        self._line = self._http = self._process = None
        await self._crowd.close()

    async def join(self) -> tuple[MediaPeer, MediaPeer]:
        line = self._line
        if line is None:
            raise ContenderMissing("Janus is not running.")
        self._joined += 1
        peers = self._crowd.pair(self._peer(), self._peer())
        names = f"caller{self._joined}", f"callee{self._joined}"
        caller, callee = await line.attach(), await line.attach()
        await line.say(caller, {"request": "register", "username": names[0]})
        await line.say(callee, {"request": "register", "username": names[1]})
        called = {"request": "call", "username": names[1]}
        await line.say(caller, called, jsep={"type": "offer", "sdp": peers[0].offer()})
        offer = await line.heard_sdp(callee)
        await line.say(callee, {"request": "accept"}, jsep={"type": "answer", "sdp": peers[1].answer(offer)})
        peers[0].apply_answer(await line.heard_sdp(caller))
        for peer in peers:
            peer.send(peer.check())
        # Janus drops a ClientHello that comes before it has thought about the check; the next one comes a second later.
        await asyncio.sleep(_THINKS)
        await asyncio.gather(peers[0].connect(), peers[1].connect())
        return peers

    def _peer(self) -> MediaPeer:
        return MediaPeer(self._crowd.streams(), profile=PROFILE)


class _Line:
    """Janus's JSON protocol on one WebSocket, with one session that holds every handle."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._session = 0
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._sdp: dict[int, asyncio.Future[str]] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def open(self) -> None:
        """Make the session."""
        self._session = (await self._ask({"janus": "create"}))["data"]["id"]

    async def attach(self) -> int:
        """Return a new handle of the plugin."""
        handle = int((await self._ask({"janus": "attach", "plugin": _PLUGIN}))["data"]["id"])
        self._sdp[handle] = asyncio.get_running_loop().create_future()
        return handle

    async def say(self, handle: int, body: Message, **more: Message) -> None:
        """Send a request to the plugin and wait until it was done. Raises `JanusRefused`."""
        await self._ask({"janus": "message", "handle_id": handle, "body": body, **more})

    async def heard_sdp(self, handle: int) -> str:
        """Return the SDP that Janus has sent to the handle. Raises `TimeoutError`."""
        return await asyncio.wait_for(self._sdp[handle], _ANSWER_TIMEOUT)

    async def _ask(self, request: Message) -> Message:
        transaction = secrets.token_hex(8)
        future = self._waiting[transaction] = asyncio.get_running_loop().create_future()
        if self._session:
            request["session_id"] = self._session
        try:
            await self._socket.send_json({**request, "transaction": transaction})
            return await asyncio.wait_for(future, _ANSWER_TIMEOUT)
        finally:
            del self._waiting[transaction]

    async def _read(self) -> None:
        async for frame in self._socket:
            if frame.type is aiohttp.WSMsgType.TEXT:
                self._dispatch(json.loads(frame.data))

    def _dispatch(self, message: Message) -> None:
        if message["janus"] == "ack":
            return  # the event with the same transaction follows
        sdp = self._sdp.get(message.get("sender", 0))
        if sdp is not None and not sdp.done() and "jsep" in message:
            sdp.set_result(message["jsep"]["sdp"])
        future = self._waiting.get(message.get("transaction", ""))
        if future is None or future.done():
            return
        reason = _refusal(message)
        if reason is None:
            future.set_result(message)
        else:
            future.set_exception(JanusRefused(reason))

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()


def _refusal(message: Message) -> str | None:
    if message["janus"] == "error":
        return str(message["error"]["reason"])
    data = message.get("plugindata", {}).get("data", {})
    return str(data["error"]) if "error" in data else None


def _libraries() -> str | None:
    return next((str(found) for pattern in _LIBRARIES for found in Path("/").glob(pattern)), None)


def _configure(ground: Ground, libraries: str, port: int) -> None:
    unneeded = {kind: _modules(f"{libraries}/{kind}") for kind in ("plugins", "transports")}
    settings = _GENERAL.format(
        folder=ground.folder,
        libraries=libraries,
        host=ground.host,
        plugins=",".join(name for name in unneeded["plugins"] if "videocall" not in name),
        transports=",".join(name for name in unneeded["transports"] if "websockets" not in name),
    )
    (ground.folder / "janus.jcfg").write_text(settings)
    (ground.folder / "janus.transport.websockets.jcfg").write_text(_WEBSOCKETS.format(port=port))


def _modules(folder: str) -> list[str]:
    return sorted(path.name for path in Path(folder).glob("*.so"))


def _reap(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
