"""What `up` and `serve` share: hold the data folder, listen, run until a signal, and say when it is ready."""

import asyncio
import contextlib
import dataclasses
import os
import resource
import signal
import socket
from datetime import UTC, datetime

import msgspec
import uvloop

from app import data_folder
from app.demo import PATIENT, PAYING, PRACTITIONER, Demo, make_demo
from app.language import Refused, Sentence, say, terminal_language
from app.ports import listen, require_free_media_ports
from app.settings import Settings
from app.wiring import running
from app.workers import is_running


class Ready(msgspec.Struct, frozen=True):
    """The one line of `--json`. Without `--demo` only `url` is set."""

    url: str
    practitioner_url: str | None = None
    patient_url: str | None = None
    api_key: str | None = None
    paid_patient_url: str | None = None
    administrator_url: str | None = None


def serve(settings: Settings, *, own_workers: bool) -> int:
    """Run the web side until SIGTERM or SIGINT and return 0.

    Raises `Refused` when it cannot start, or when another process has taken its database over.
    """
    data_folder.prepare(settings.data)
    _allow_many_files()
    with data_folder.held(settings.data) as lock, contextlib.closing(listen(settings.host, settings.port)) as listener:
        if own_workers:
            missing = [index for index in range(settings.workers) if not is_running(settings.run_dir, index)]
            require_free_media_ports(settings.media_bind, [settings.media_port + index for index in missing])
        port = listener.getsockname()[1]
        data_folder.announce(lock, data_folder.WebProcess(os.getpid(), settings.host, port, settings.url(port)))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_until_signal(settings, listener, own_workers=own_workers))
    return 0


async def _until_signal(settings: Settings, listener: socket.socket, *, own_workers: bool) -> None:
    # A signal cancels this task, wherever it is: what was opened so far is closed on the way out.
    task = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, lambda: task and task.cancel())
    superseded = False
    with contextlib.suppress(asyncio.CancelledError):
        async with running(settings, listener, own_workers=own_workers) as site:
            url = settings.url(listener.getsockname()[1])
            demo = None
            if settings.demo:
                demo = await make_demo(site, url, settings.join_window, datetime.now(UTC))
            _report(settings, url, demo)
            await site.superseded.wait()
            superseded = True
    if superseded:
        raise Refused(say("Another Visavis has taken this database over: this one has stopped."))


def _report(settings: Settings, url: str, demo: Demo | None) -> None:
    if settings.json:
        ready = Ready(url, **dataclasses.asdict(demo)) if demo else Ready(url)
        print(msgspec.json.encode(ready).decode(), flush=True)
        return
    language = terminal_language(os.environ)
    lines = _demo_lines(demo) if demo else _plain_lines(url)
    if not settings.everyone_can_use_a_camera:
        lines.append(say("Browsers give camera and microphone on https only: see docs/deploy.md."))
    lines.append(say("Ctrl+C stops it."))
    print("\n".join(line.told(language) for line in lines), flush=True)


def _demo_lines(demo: Demo) -> list[Sentence]:
    return [
        say("Practitioner: open this link in one browser; it logs {name} in, once.", name=PRACTITIONER),
        Sentence("{url}", {"url": demo.practitioner_url}),
        say("Patient: open this link in another browser; {name} waits there until let in.", name=PATIENT),
        Sentence("{url}", {"url": demo.patient_url}),
        say("{name} comes to a consultation that costs something; the card 4242 4242 4242 4242 is good.", name=PAYING),
        Sentence("{url}", {"url": demo.paid_patient_url}),
        say("Administrator of the platform: this link logs in, once."),
        Sentence("{url}", {"url": demo.administrator_url}),
    ]


def _plain_lines(url: str) -> list[Sentence]:
    return [
        say("Visavis is ready:"),
        Sentence("{url}", {"url": url}),
        say("Make a practitioner with: visavis admin create-practitioner --email … --name …"),
    ]


def _allow_many_files() -> None:
    # Every WebSocket and every TCP path is a descriptor; the soft limit is often 1024 where far more is allowed.
    with contextlib.suppress(OSError, ValueError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
