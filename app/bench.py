"""`visavis bench`: the load tester's tool, with its own options."""

import argparse


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench`; what follows it is read by `bench.command`."""
    parser = commands.add_parser("bench", help="measure what a deployment carries", add_help=False, prefix_chars="\0")
    parser.add_argument("words", nargs=argparse.REMAINDER)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from bench import command  # noqa: PLC0415  # no other command should load numpy and the media libraries

    return command.main(arguments.words)
