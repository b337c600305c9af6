"""The command `visavis`: what the operator can put right is one line on stderr and a non-zero exit code."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from app import admin, bench, doctor, reconcile, serve, up, verify, worker
from app.language import Refused, say, terminal_language
from app.logs import configure_logs

_SUBCOMMANDS = (up, serve, worker, doctor, admin, bench, verify, reconcile)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 refused, 2 not understood."""
    language = terminal_language(os.environ)
    configure_logs()
    try:
        arguments = _parse(sys.argv[1:] if argv is None else list(argv))
    except Refused as refused:
        print(refused.sentence.told(language), file=sys.stderr)
        return 2
    run: Callable[[argparse.Namespace], int] = arguments.run
    try:
        code = run(arguments)
        sys.stdout.flush()
    except Refused as refused:
        print(refused.sentence.told(language), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our answer has seen enough; the interpreter must not try again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def _parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="visavis",
        description="One-to-one video consultations that a practice hosts itself.",
        exit_on_error=False,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"visavis {version('visavis')}")
    commands = parser.add_subparsers(metavar="COMMAND", title="commands")
    for subcommand in _SUBCOMMANDS:
        subcommand.add_parser(commands)
    try:
        arguments, unknown = parser.parse_known_args(argv)
    except argparse.ArgumentError as error:
        # argparse's own words are English only, so the sentence names the place and leaves the rest to --help.
        name = error.argument_name or ""
        if name == "COMMAND":
            raise Refused(say("There is no such command: see visavis --help.")) from error
        raise Refused(
            say("{option} lacks its value, or has one that it does not take: see --help.", option=name)
        ) from error
    if unknown:
        raise Refused(say("“{option}” is not understood: see --help.", option=unknown[0]))
    if not hasattr(arguments, "run"):
        parser.print_help(sys.stderr)
        raise Refused(say("Say what to do, for example: visavis up --demo"))
    return arguments
