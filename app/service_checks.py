"""The doctor's looks at what Visavis itself brings or needs: web process, database, packet loop, media workers."""

import json
import select
import socket
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

from app import workers
from app.data_folder import WebProcess
from app.database_sentences import told_plainly
from app.findings import Finding, fail, info, ok, warn
from app.language import say
from app.settings import Settings
from sfu.io.multi_message import MultiMessageSocket, batch_socket
from sfu.io.socket import open_socket
from store.io.database import Database, DatabaseProblem

PATIENCE = 2.0


def ready(web: WebProcess) -> Finding:
    """Return whether the running web process finds its database and its workers."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(web.host, web.host)
    place = f"[{host}]:{web.port}" if ":" in host else f"{host}:{web.port}"
    try:
        with urllib.request.urlopen(f"http://{place}/readyz", timeout=PATIENCE):
            return ok(
                "ready", say("Visavis runs on {place} and reaches its database and its media workers.", place=place)
            )
    except urllib.error.HTTPError:
        return fail(
            "ready", say("Visavis runs on {place} without its database or its media workers: see its log.", place=place)
        )
    except OSError:
        return fail("ready", say("Visavis runs but does not answer on {place}: see its log.", place=place))


def proxy(settings: Settings) -> Finding:
    """Return whether a visitor of the public address comes to the running web process."""
    url = settings.url()
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=PATIENCE) as answer:  # noqa: S310  # settings let only http(s) in
            arrived = json.loads(answer.read(1024)) == {"alive": True}
    except (OSError, ValueError):
        arrived = False
    if arrived:
        return ok("proxy", say("{url} leads to Visavis.", url=url))
    return fail("proxy", say("{url} does not lead to Visavis: look where the proxy sends its requests.", url=url))


async def database(settings: Settings) -> Finding:
    """Return whether the database opens at this version; one that is older is migrated, as at the next start."""
    path = settings.database_url.removeprefix("sqlite:///")
    if path != settings.database_url and not Path(path).exists():
        return info("database", say("The database will be made at the first start."))
    try:
        opened = await Database.open(settings.database_url)
    except DatabaseProblem as error:
        return fail("database", told_plainly(error))
    await opened.close()
    return ok("database", say("The database opens and has this version's schema."))


def packet_loop(settings: Settings) -> Finding:
    """Return which packet loop runs here, once a packet sent to itself has come back through the worker's socket."""
    from sfu.io.loops import NativeLoop  # noqa: PLC0415  # it loads the media libraries, which only the doctor needs

    udp = open_socket("127.0.0.1", 0)
    batch = batch_socket(udp)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"doctor", udp.getsockname())
        select.select([batch.fileno()], [], [], PATIENCE)
        if not batch.receive():
            return fail("loop", say("The packet loop does not hear its own packet: look for a local firewall."))
    finally:
        batch.close()
    if not isinstance(batch, MultiMessageSocket):
        return warn("loop", say("This system has no recvmmsg: packets go one by one, with fewer calls per core."))
    if settings.loop == "python" or NativeLoop is None:
        return _python_loop(settings)
    return ok("loop", say("Packets go through the loop in C, in batches (recvmmsg)."))


def _python_loop(settings: Settings) -> Finding:
    if settings.loop == "native":
        return fail(
            "loop", say("--loop native: the loop in C was not built. Install a C compiler, then Visavis again.")
        )
    if settings.loop == "python":
        return ok("loop", say("Packets go through the loop in Python, in batches (recvmmsg), as --loop asks."))
    return warn(
        "loop",
        say("Packets go through the loop in Python: with a C compiler at install, a core carries more calls."),
    )


def receipt_font(settings: Settings) -> Finding:
    """Return whether receipts can print Chinese, Japanese and Korean names."""
    from billing.io.receipt_fonts import east_asian_font, has_east_asian  # noqa: PLC0415  # for the doctor only

    path = east_asian_font(settings.money.font)
    if path is None:
        return info(
            "receipts",
            say(
                "Chinese, Japanese and Korean names are printed as □ on receipts: install the Debian package "
                "fonts-droid-fallback, or name a font with --receipt-font."
            ),
        )
    if not has_east_asian(path):
        return warn(
            "receipts",
            say("The font {file} lacks Chinese, Japanese or Korean: such names are printed as □.", file=path),
        )
    return ok("receipts", say("Receipts print Chinese, Japanese and Korean names with {file}.", file=path))


def running_workers(settings: Settings) -> list[int]:
    """Return the indices of the workers that answer on their sockets."""
    return [index for index in range(settings.workers) if workers.is_running(settings.run_dir, index)]


def all_workers(settings: Settings, present: Iterable[int]) -> Finding:
    """Return whether every worker that the settings name is there while the web process runs."""
    missing = ", ".join(str(index) for index in range(settings.workers) if index not in set(present))
    if missing:
        return fail(
            "workers", say("Media workers are missing: {missing}. See worker-….log in the run folder.", missing=missing)
        )
    return ok("workers", say("{count} media workers answer.", count=settings.workers))
