"""The doctor's looks at this machine: folder, ports, certificate, clock, limits. None of them changes anything."""

import os
import resource
import shutil
import socket
import ssl
import statistics
import subprocess
import time
import urllib.parse
from datetime import UTC, datetime

from app.addresses import is_loopback
from app.data_folder import WebProcess
from app.findings import Finding, fail, info, ok, warn
from app.language import say
from app.ports import is_bindable
from app.settings import Settings

# A call keeps two TCP sockets at most and a WebSocket per participant; this leaves room for a few hundred calls.
ENOUGH_FILES = 4096
SLOW_SYNC = 0.05
CLOCK_WATCH = 0.25
CLOCK_SLIP = 0.02
# Caddy renews when a third of the lifetime is left.
OVERDUE = 0.25


def disk(settings: Settings) -> Finding:
    """Return how long a commit takes to reach the disk (median of five)."""
    path = settings.run_dir / f"sync-{os.getpid()}"
    seconds = []
    try:
        with path.open("wb") as file:
            for _ in range(5):
                begun = time.perf_counter()
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
                seconds.append(time.perf_counter() - begun)
    except OSError:
        return fail(
            "disk", say("The data folder {folder} cannot be written, or its disk is full.", folder=settings.data)
        )
    finally:
        path.unlink(missing_ok=True)
    median = statistics.median(seconds)
    shown = f"{median * 1000:.1f}"
    if median > SLOW_SYNC:
        return warn(
            "disk",
            say("A commit takes {shown} ms to reach the disk: a faster disk makes entering quicker.", shown=shown),
        )
    return ok("disk", say("A commit takes {shown} ms to reach the disk.", shown=shown))


def web_port(settings: Settings, web: WebProcess | None) -> Finding:
    """Return whether the web side's port is free, or ours."""
    place = {"host": settings.host, "port": settings.port}
    if web is not None and web.port == settings.port:
        return ok("web", say("Visavis holds port {port} on {host}.", **place))
    if is_bindable(settings.host, settings.port, socket.SOCK_STREAM):
        return ok("web", say("Port {port} on {host} is free.", **place))
    return fail(
        "web",
        say("Port {port} on {host} is taken by another program: stop it, or choose another with --port.", **place),
    )


def media_ports(settings: Settings, ours: frozenset[int]) -> Finding:
    """Return whether each worker's port is free or held by our own worker, for UDP and TCP."""
    wanted = range(settings.media_port, settings.media_port + settings.workers)
    taken = [
        port
        for port in wanted
        if port not in ours
        and not all(is_bindable(settings.media_bind, port, kind) for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM))
    ]
    if taken:
        ports = ", ".join(map(str, taken))
        return fail(
            "media",
            say("Media ports are taken by another program: {ports}. Choose others with --media-port.", ports=ports),
        )
    span = f"{wanted[0]}-{wanted[-1]}" if len(wanted) > 1 else str(wanted[0])
    if ours:
        return ok("media", say("Visavis holds the media ports {span}, or they are free.", span=span))
    return ok("media", say("The media ports {span} are free for UDP and TCP.", span=span))


def tls(settings: Settings) -> Finding:
    """Return whether browsers will regard the address as secure, and how long its certificate lasts."""
    url = settings.url()
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        if is_loopback(host):
            return ok("tls", say("Not needed: {url} is this machine only.", url=url))
        return fail(
            "tls", say("Browsers give no camera on {url}: put Caddy in front and set --public-url https://….", url=url)
        )
    try:
        return _certificate(host, parts.port or 443)
    except ssl.SSLCertVerificationError as error:
        reason = error.verify_message
        return fail("tls", say("The certificate of {host} is not valid: {reason}.", host=host, reason=reason))
    except socket.gaierror:
        return fail("tls", say("The name {host} does not resolve: set its DNS record.", host=host))
    except OSError:
        return fail("tls", say("Nobody answers on {url}: start the proxy and open its port.", url=url))


def _certificate(host: str, port: int) -> Finding:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), 5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        certificate = secured.getpeercert() or {}
    begins, ends = (ssl.cert_time_to_seconds(str(certificate[name])) for name in ("notBefore", "notAfter"))
    until = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if ends - time.time() < OVERDUE * (ends - begins):
        return warn(
            "tls", say("The certificate of {host} ends on {until}: look why it is not renewed.", host=host, until=until)
        )
    return ok("tls", say("The certificate of {host} is valid until {until}.", host=host, until=until))


def clock() -> Finding:
    """Return whether UTC runs evenly and is kept by NTP; invitations and time windows depend on it."""
    wall, steady = time.time(), time.monotonic()
    time.sleep(CLOCK_WATCH)
    if abs((time.time() - wall) - (time.monotonic() - steady)) > CLOCK_SLIP:
        return warn("clock", say("The clock was set or runs unevenly just now: look at this machine's time service."))
    synchronised = _ntp_synchronised()
    if synchronised is None:
        return info("clock", say("The clock runs evenly; whether NTP keeps it cannot be told here."))
    if not synchronised:
        return warn("clock", say("NTP does not keep the clock: run timedatectl set-ntp true."))
    return ok("clock", say("The clock runs evenly and NTP keeps it."))


def open_files() -> Finding:
    """Return whether a process may open enough files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # Every process raises its own limit to the hard one at start.
    reachable = max(soft, hard) if hard != resource.RLIM_INFINITY else ENOUGH_FILES
    if reachable < ENOUGH_FILES:
        return warn("files", say("Only {limit} open files are allowed: set LimitNOFILE=65536.", limit=reachable))
    return ok("files", say("{limit} open files are allowed.", limit=reachable))


def _ntp_synchronised() -> bool | None:
    command = shutil.which("timedatectl")
    if command is None:
        return None
    try:
        answer = subprocess.run(  # noqa: S603  # a fixed command without input
            [command, "show", "--property=NTPSynchronized", "--value"],
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(answer.stdout.strip())
