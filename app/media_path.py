"""Whether media can reach this machine by the addresses that browsers are told, over UDP and over TCP."""

import asyncio
import contextlib
import secrets
import socket

from app.addresses import is_own
from app.findings import Finding, fail, ok, warn
from app.language import say
from app.settings import Settings
from app.workers import statistics
from sfu.drops import DropReason

# A packet to oneself takes microseconds; by way of a router that turns it around, some milliseconds.
PATIENCE = 1.0
PROBES = 16
COUNTED_AFTER = 0.2


async def media_path(settings: Settings, worker: int | None) -> list[Finding]:
    """Return one finding per advertised address and transport.

    `worker` is one of our workers that runs: its own counters tell what reached it. Without one the port is
    opened here.
    """
    findings = []
    for address in settings.media_advertised:
        if worker is None:
            udp, tcp = _udp_returns(settings, address), _tcp_returns(settings, address)
        else:
            udp = await _udp_reaches(settings, worker, address)
            tcp = _connects(address, settings.media_port + worker)
        port = settings.media_port + (worker or 0)
        findings += [_finding("udp", address, port, udp), _finding("tcp", address, port, tcp)]
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


def _udp_returns(settings: Settings, address: str) -> bool:
    token = secrets.token_bytes(16)
    with socket.socket(_family(address), socket.SOCK_DGRAM) as receiver, _sender(address) as sender:
        try:
            receiver.bind((settings.media_bind, settings.media_port))
            receiver.settimeout(PATIENCE)
            sender.sendto(token, (address, settings.media_port))
            return receiver.recv(64) == token
        except OSError:
            return False


async def _udp_reaches(settings: Settings, worker: int, address: str) -> bool:
    before = await statistics(settings.run_dir, worker)
    # No STUN, DTLS or RTP begins with 0xff (RFC 7983), so the worker counts it under a reason of its own.
    with _sender(address) as sender, contextlib.suppress(OSError):
        for _ in range(PROBES):
            sender.sendto(b"\xff", (address, settings.media_port + worker))
    await asyncio.sleep(COUNTED_AFTER)
    after = await statistics(settings.run_dir, worker)
    if before is None or after is None:
        return False
    reason = DropReason.FIRST_BYTE
    return after.dropped.get(reason, 0) > before.dropped.get(reason, 0)


def _tcp_returns(settings: Settings, address: str) -> bool:
    try:
        with socket.create_server((settings.media_bind, settings.media_port), family=_family(address)):
            return _connects(address, settings.media_port)
    except OSError:
        return False


def _connects(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), PATIENCE).close()
    except OSError:
        return False
    return True


def _sender(address: str) -> socket.socket:
    return socket.socket(_family(address), socket.SOCK_DGRAM)


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
