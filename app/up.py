"""`visavis up`: everything on one machine, the web side and its media workers."""

import argparse
import os

from app.serving import serve
from app.settings import add_options, read_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `up`."""
    parser = commands.add_parser("up", help="run everything on this machine", exit_on_error=False, allow_abbrev=False)
    add_options(parser)
    parser.add_argument(
        "--demo", action="store_true", help="make a practitioner and a consultation that starts now; print two links"
    )
    parser.add_argument("--json", action="store_true", help="say in one JSON line on stdout when it is ready")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    return serve(read_settings(arguments, os.environ), own_workers=True)
