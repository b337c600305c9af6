"""`visavis doctor`: looks at everything that a consultation needs and says, line by line, what to do."""

import argparse
import asyncio
import os

import msgspec

from app import data_folder, machine_checks, service_checks
from app.findings import Finding, Grade, fail, ok
from app.language import Refused, say, terminal_language
from app.mail import mail
from app.media_path import media_path
from app.settings import Settings, add_options, read_settings


class Line(msgspec.Struct, frozen=True):
    """One finding in `--json`."""

    subject: str
    grade: Grade
    text: str


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `doctor`."""
    parser = commands.add_parser(
        "doctor",
        help="look at everything that a consultation needs and say what to do",
        description="Give it the same options (or environment) as the server.",
        exit_on_error=False,
        allow_abbrev=False,
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="print a JSON list of findings")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    settings = read_settings(arguments, os.environ)
    findings = asyncio.run(examine(settings))
    language = terminal_language(os.environ)
    lines = [Line(finding.subject, finding.grade, finding.sentence.told(language)) for finding in findings]
    if settings.json:
        print(msgspec.json.encode(lines).decode())
    else:
        for line in lines:
            print(f"{line.grade:<4}  {line.subject:<9} {line.text}")
    return 1 if any(finding.grade is Grade.FAIL for finding in findings) else 0


async def examine(settings: Settings) -> list[Finding]:
    """Return the findings about this machine with these settings, whether or not the server runs."""
    try:
        data_folder.prepare(settings.data)
        data_folder.secret_key(settings.data)
    except Refused as refused:
        return [fail("folder", refused.sentence)]
    web = data_folder.running_web(settings.data)
    present = service_checks.running_workers(settings)
    findings = [
        ok("folder", say("The data folder {folder} can be written.", folder=settings.data)),
        machine_checks.disk(settings),
        service_checks.ready(web) if web else await service_checks.database(settings),
        machine_checks.web_port(settings, web),
        machine_checks.media_ports(settings, frozenset(settings.media_port + index for index in present)),
    ]
    if web:
        findings.append(service_checks.all_workers(settings, present))
    certificate = machine_checks.tls(settings)
    if web and settings.public_url and certificate.grade is not Grade.FAIL:
        findings.append(service_checks.proxy(settings))
    return [
        *findings,
        *await media_path(settings, present[0] if present else None),
        service_checks.packet_loop(settings),
        certificate,
        await mail(settings),
        service_checks.receipt_font(settings),
        machine_checks.clock(),
        machine_checks.open_files(),
    ]
