"""`visavis serve`: the web side alone, with workers that are run by somebody else (`visavis worker`)."""

import argparse
import os

from app.serving import serve
from app.settings import add_options, read_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `serve`."""
    parser = commands.add_parser(
        "serve", help="run the web side alone, beside visavis worker", exit_on_error=False, allow_abbrev=False
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="say in one JSON line on stdout when it is ready")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    return serve(read_settings(arguments, os.environ), own_workers=False)
