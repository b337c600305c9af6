"""Ports: open the web side's listener, and see which ports are free."""

import socket

from app.language import Refused, say

# Connections that wait while the event loop is busy; the kernel caps it (net.core.somaxconn).
BACKLOG = 1024


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket. Raises `Refused` for a port that is taken or not allowed, or a foreign host."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Refused(say("The name {host} given with --host does not resolve to an address.", host=host)) from error
    try:
        # Without it a restart would wait for the last connections' TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except PermissionError as error:
        listener.close()
        raise Refused(
            say(
                "This user may not open port {port}: choose one above 1023 with --port and put a proxy in front.",
                port=port,
            )
        ) from error
    except OSError as error:
        listener.close()
        if not is_bindable(host, 0, socket.SOCK_STREAM):
            raise Refused(
                say("{host} is no address of this machine: choose another with --host.", host=host)
            ) from error
        raise Refused(
            say(
                "Port {port} on {host} is taken by another program: stop it, or choose another with --port.",
                host=host,
                port=port,
            )
        ) from error
    listener.setblocking(False)
    return listener


def require_free_media_ports(bind: str, ports: list[int]) -> None:
    """Raise `Refused` for the first port whose UDP or TCP side another program holds."""
    for port in ports:
        for kind, name in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
            if not is_bindable(bind, port, kind):
                raise Refused(
                    say(
                        "Media port {port} ({kind}) is taken by another program: "
                        "stop it, or choose others with --media-port.",
                        port=port,
                        kind=name,
                    )
                )


def is_bindable(host: str, port: int, kind: socket.SocketKind) -> bool:
    """Whether a socket of that kind could be bound there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
