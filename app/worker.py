"""`visavis worker`: one media worker in the foreground, for a service manager."""

import argparse
import os
import sys
from typing import NoReturn

from app import data_folder
from app.language import Refused, say
from app.ports import require_free_media_ports
from app.settings import add_options, number, read_settings
from app.workers import is_running
from sfu.io.processes import worker_command


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `worker`."""
    parser = commands.add_parser(
        "worker", help="run one media worker in the foreground", exit_on_error=False, allow_abbrev=False
    )
    add_options(parser)
    parser.add_argument("--index", default="0", metavar="I", help="which one: 0, 1, … below the number of workers")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> NoReturn:
    settings = read_settings(arguments, os.environ)
    index = number("index", arguments.index, 0, settings.workers - 1)
    data_folder.prepare(settings.data)
    if is_running(settings.run_dir, index):
        raise Refused(
            say("Worker {index} runs already on the data folder {folder}.", index=index, folder=settings.data)
        )
    port = settings.media_port + index
    require_free_media_ports(settings.media_bind, [port])
    # In place of this process, so that a worker holds nothing but the media side; its process id stays the same.
    command = worker_command(settings.media, index)
    os.execv(sys.executable, command)  # noqa: S606  # our own interpreter and arguments
