"""Ports for servers that bench and tests start, away from those that the kernel hands out by itself."""

import random
import socket

# Below Linux's ephemeral range (32768 on), above what services of a machine use.
_FIRST, _LAST = 20000, 32000
# Processes side by side draw different ones.
_draw = random.SystemRandom()


def free_port() -> int:
    """Return a port that is free for UDP and TCP on every address now."""
    while True:
        port = _draw.randint(_FIRST, _LAST)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as stream,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        ):
            try:
                stream.bind(("0.0.0.0", port))
                datagrams.bind(("0.0.0.0", port))
            except OSError:
                continue
            return port
