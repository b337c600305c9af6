"""A host of its own for a browser: a network namespace behind a veth pair, whose cable can be cut, filtered and heard.

Needs root and iproute2 and iptables; traffic stays between the namespace and this machine.
"""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

HERE, THERE = "10.213.7.1", "10.213.7.2"
_ETH_P_ALL = 3


def why_not() -> str | None:
    """Return why no namespace can be made here, or None."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    for tool in ("ip", "iptables"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return None


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


@dataclass
class Host:
    """The namespace; `wrapper` starts a program inside it."""

    name: str
    cable: str
    wrapper: Path
    heard: list[bytes] = field(default_factory=list)

    def block_udp(self) -> None:
        """Let no UDP out of the host any more."""
        _run("ip", "netns", "exec", self.name, "iptables", "-A", "OUTPUT", "-p", "udp", "-j", "DROP")
        _run("ip", "netns", "exec", self.name, "iptables", "-A", "INPUT", "-p", "udp", "-j", "DROP")

    def cut(self) -> None:
        """Pull the cable."""
        _run("ip", "link", "set", self.cable, "down")

    def mend(self) -> None:
        """Plug it in again."""
        _run("ip", "link", "set", self.cable, "up")

    @contextmanager
    def listening(self) -> Iterator[list[bytes]]:
        """Collect every UDP packet (its IPv4 or IPv6 packet) that the host puts on the wire."""
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
        sock.bind((self.cable, 0))
        sock.settimeout(0.1)
        packets: list[bytes] = []
        done = threading.Event()

        def collect() -> None:
            while not done.is_set():
                try:
                    packet, address = sock.recvfrom(65536)
                except TimeoutError:
                    continue
                outgoing = address[2] == socket.PACKET_OUTGOING  # ours towards the host
                version = packet[0] >> 4
                udp = (version == 4 and packet[9] == 17) or (version == 6 and packet[6] == 17)
                if udp and not outgoing:
                    packets.append(packet)

        thread = threading.Thread(target=collect)
        thread.start()
        try:
            yield packets
        finally:
            done.set()
            thread.join()
            sock.close()


@contextmanager
def host(folder: Path, chromium: str) -> Iterator[Host]:
    """Make the namespace and its cable; both are gone afterwards."""
    name, cable = f"visavis-{os.getpid()}", f"vv{os.getpid() % 100000}"
    wrapper = folder / "chromium-there"
    wrapper.write_text(f'#!/bin/sh\nexec ip netns exec {name} {chromium} "$@"\n')
    wrapper.chmod(0o755)
    _run("ip", "netns", "add", name)
    try:
        _run("ip", "link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "addr", "add", f"{HERE}/24", "dev", cable)
        _run("ip", "link", "set", cable, "up")
        for command in (
            ("addr", "add", f"{THERE}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            _run("ip", "-n", name, *command)
        yield Host(name, cable, wrapper)
    finally:
        subprocess.run(("ip", "netns", "del", name), check=False, capture_output=True)
        subprocess.run(("ip", "link", "del", cable), check=False, capture_output=True)
