"""Whether media can reach this machine by the addresses that browsers are told, over UDP and over TCP."""

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Callable
from functools import partial
from pathlib import Path

from app.addresses import is_own
from app.findings import Finding, fail, ok, warn
from app.language import say
from app.settings import Settings
from app.workers import statistics
from sfu.drops import DropReason

# A packet to oneself takes microseconds; by way of a router that turns it around, some milliseconds.
PATIENCE = 1.0
# No STUN, DTLS or RTP begins so (RFC 7983): the worker counts it under a reason of its own.
PROBE = b"\xff"
PROBES = 16
COUNTED_AFTER = 0.2


async def media_path(settings: Settings, worker: int | None) -> list[Finding]:
    """Return one finding per advertised address and transport.

    `worker` is one of our workers that runs: its own counters tell what reached it. Without one the port is
    opened here.
    """
    findings = []
    port = settings.media_port + (worker or 0)
    for address in settings.media_advertised:
        for subject, send, receive in (("udp", _send_udp, _receives_udp), ("tcp", _send_tcp, _receives_tcp)):
            if worker is None:
                arrived = receive(settings, address)
            else:
                arrived = await _reaches(settings.run_dir, worker, partial(send, address, port))
            findings.append(_finding(subject, address, port, arrived))
    return findings


def _finding(subject: str, address: str, port: int, arrived: bool) -> Finding:
    place = {"address": address, "port": port, "kind": subject.upper()}
    if arrived:
        return ok(subject, say("{kind} reaches {address}:{port}.", **place))
    if is_own(address):
        return fail(
            subject,
            say(
                "{kind} to {address}:{port} does not arrive even from here: "
                "look for a local firewall (nft list ruleset).",
                **place,
            ),
        )
    return warn(
        subject,
        say(
            "{kind} to {address}:{port} did not come back from the router. Many routers cannot do that from inside: "
            "check from another network, and that the firewall lets port {port} in for {kind}.",
            **place,
        ),
    )


async def _reaches(run_dir: Path, worker: int, send: Callable[[], None]) -> bool:
    before = await statistics(run_dir, worker)
    with contextlib.suppress(OSError):
        send()
    await asyncio.sleep(COUNTED_AFTER)
    after = await statistics(run_dir, worker)
    if before is None or after is None:
        return False
    return after.dropped.get(DropReason.FIRST_BYTE, 0) > before.dropped.get(DropReason.FIRST_BYTE, 0)


def _send_udp(address: str, port: int) -> None:
    with socket.socket(_family(address), socket.SOCK_DGRAM) as sender:
        for _ in range(PROBES):
            sender.sendto(PROBE, (address, port))


def _send_tcp(address: str, port: int) -> None:
    with socket.create_connection((address, port), PATIENCE) as sender:
        sender.sendall(len(PROBE).to_bytes(2, "big") + PROBE)


def _receives_udp(settings: Settings, address: str) -> bool:
    token = secrets.token_bytes(16)
    family = _family(address)
    with socket.socket(family, socket.SOCK_DGRAM) as receiver, socket.socket(family, socket.SOCK_DGRAM) as sender:
        try:
            receiver.bind((settings.media_bind, settings.media_port))
            receiver.settimeout(PATIENCE)
            sender.sendto(token, (address, settings.media_port))
            return receiver.recv(64) == token
        except OSError:
            return False


def _receives_tcp(settings: Settings, address: str) -> bool:
    # A proxy on the way may accept for us, so only what arrives here counts.
    try:
        with socket.create_server((settings.media_bind, settings.media_port), family=_family(address)) as listener:
            listener.settimeout(PATIENCE)
            with socket.create_connection((address, settings.media_port), PATIENCE):
                listener.accept()[0].close()
    except OSError:
        return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
