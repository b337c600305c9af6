"""Settings: from the command line first, then from `VISAVIS_…` in the environment, then the defaults."""

import argparse
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from agenda.consultation import JoinWindow
from app.addresses import is_loopback, media_addresses
from app.language import Refused, say
from app.mail_settings import MailSettings, read_mail
from app.money_settings import MoneySettings, read_money
from sfu.io.processes import WorkerSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Settings:
    """All that a run of Visavis is told from outside.

    `media_bind` is the address of the workers' sockets, `media_advertised` what browsers are told; worker i has
    `media_port + i`, UDP and TCP. An empty `public_url` stands for the web side's own address.
    """

    data: Path
    host: str
    port: int
    media_bind: str
    media_advertised: tuple[str, ...]
    media_port: int
    workers: int
    public_url: str
    trusted_proxies: tuple[Network, ...]
    database_url: str
    join_window: JoinWindow
    demo: bool
    json: bool
    loop: str
    money: MoneySettings
    mail: MailSettings

    @property
    def run_dir(self) -> Path:
        """Where locks and the workers' sockets are."""
        return self.data / "run"

    @property
    def mail_dir(self) -> Path:
        """Where letters are left as files while no mail server is set."""
        return self.data / "mail"

    @property
    def media(self) -> WorkerSettings:
        """Where the media workers listen."""
        return WorkerSettings(
            run_dir=self.run_dir,
            host=self.media_bind,
            advertised=self.media_advertised,
            port=self.media_port,
            workers=self.workers,
            loop=self.loop,
        )

    def url(self, port: int | None = None) -> str:
        """Return the address under which browsers reach the web side, without a slash at the end."""
        if self.public_url:
            return self.public_url
        host = self.host
        if host in {"0.0.0.0", "::"}:
            host = self.media_advertised[0]
        return f"http://[{host}]:{port or self.port}" if ":" in host else f"http://{host}:{port or self.port}"

    @property
    def everyone_can_use_a_camera(self) -> bool:
        """Whether browsers regard the address as secure: they give neither camera nor microphone elsewhere."""
        url = self.url()
        return url.startswith("https://") or is_loopback(url.removeprefix("http://").rsplit(":", 1)[0])


@dataclass(frozen=True, slots=True)
class Option:
    """One setting by its name on the command line; `VISAVIS_NAME` in the environment."""

    name: str
    default: str
    metavar: str
    help: str

    @property
    def variable(self) -> str:
        return "VISAVIS_" + self.name.upper().replace("-", "_")


OPTIONS = (
    Option("data", "./visavis-data", "DIR", "folder for the database, the keys and the workers' sockets"),
    Option("host", "127.0.0.1", "ADDRESS", "address of the web side"),
    Option("port", "8080", "PORT", "TCP port of the web side; 0 takes a free one"),
    Option("media-host", "", "ADDRESS", "address that browsers are told for media (default: the web side's)"),
    Option("media-port", "40000", "PORT", "UDP and TCP port of the first worker; worker i has this + i"),
    Option("workers", "", "N", "media workers (default: one per core)"),
    Option("public-url", "", "URL", "address of the web side in front of a proxy, like https://visio.example.org"),
    Option("trusted-proxies", "", "NETWORKS", "networks whose X-Forwarded headers are believed, with commas"),
    Option("database", "", "URL", "postgresql://… instead of SQLite in the data folder"),
    Option("join-before", "30", "MINUTES", "how long before the start a patient may wait"),
    Option("join-after", "30", "MINUTES", "how long after the planned end one may still come"),
    Option("currency", "EUR", "CODE", "currency of new prices, ISO 4217"),
    Option("country", "FR", "CODE", "country of practitioners' accounts at Stripe, ISO 3166-1"),
    Option("commission", "12", "PERCENT", "the platform's part of each payment"),
    Option("vat-note", "", "TEXT", "printed on receipts, for example why no VAT is charged"),
    Option("receipt-logo", "", "FILE", "PNG picture at the head of receipts"),
    Option(
        "receipt-font", "", "FILE", "font for Chinese, Japanese and Korean names on receipts (default: the system's)"
    ),
    Option("smtp-url", "", "URL", "mail server, like smtp://user:password@host:587 or smtps://…; else mails are files"),
    Option("mail-from", "", "ADDRESS", "who letters come from, like “Practice <visio@example.org>”"),
    Option("loop", "auto", "NAME", "packet loop: native, python, or auto for the best there is"),
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every setting to a command. `read_settings` judges the values, so that all refusals sound alike."""
    for option in OPTIONS:
        note = f" [{option.variable}" + (f", default {option.default}]" if option.default else "]")
        parser.add_argument(f"--{option.name}", metavar=option.metavar, help=option.help + note)


def read_settings(arguments: argparse.Namespace, environ: Mapping[str, str]) -> Settings:
    """Return the settings. Raises `Refused` with a sentence for the first one that makes no sense."""
    given = {option.name: _raw(option, arguments, environ) for option in OPTIONS}
    data = Path(given["data"]).expanduser().absolute()
    bind, advertised = media_addresses(given["media-host"] or given["host"])
    workers = number("workers", given["workers"] or str(os.cpu_count() or 1), 1, 256)
    media_port = number("media-port", given["media-port"], 1, 65535)
    if media_port + workers - 1 > 65535:
        raise Refused(say("--media-port {port} leaves no room for {count} workers.", port=media_port, count=workers))
    return Settings(
        data=data,
        host=given["host"],
        port=number("port", given["port"], 0, 65535),
        media_bind=bind,
        media_advertised=advertised,
        media_port=media_port,
        workers=workers,
        public_url=_public_url(given["public-url"]),
        trusted_proxies=_networks(given["trusted-proxies"]),
        database_url=_database_url(given["database"], data),
        join_window=JoinWindow(
            before=timedelta(minutes=number("join-before", given["join-before"], 0, 24 * 60)),
            after=timedelta(minutes=number("join-after", given["join-after"], 0, 24 * 60)),
        ),
        demo=bool(getattr(arguments, "demo", False)),
        json=bool(getattr(arguments, "json", False)),
        loop=_one_of("loop", given["loop"], ("auto", "native", "python")),
        money=read_money(given, environ),
        mail=read_mail(given),
    )


def number(name: str, text: str, low: int, high: int) -> int:
    """Return the number that an option was given. Raises `Refused`."""
    if text.isascii() and text.isdigit() and low <= int(text) <= high:
        return int(text)
    raise Refused(
        say("--{option} takes a number from {low} to {high}, not “{text}”.", option=name, low=low, high=high, text=text)
    )


def _raw(option: Option, arguments: argparse.Namespace, environ: Mapping[str, str]) -> str:
    written: str | None = getattr(arguments, option.name.replace("-", "_"), None)
    return (written if written is not None else environ.get(option.variable, option.default)).strip() or option.default


def _one_of(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text in choices:
        return text
    raise Refused(
        say("--{option} takes one of {choices}, not “{text}”.", option=name, choices=", ".join(choices), text=text)
    )


def _public_url(text: str) -> str:
    url = text.rstrip("/")
    if url and (not url.startswith(("https://", "http://")) or url.count("/") != 2 or url.endswith("//")):
        raise Refused(say("--public-url takes an address like https://visio.example.org, not “{text}”.", text=text))
    return url


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise Refused(
            say("--trusted-proxies takes addresses or networks like 127.0.0.1, 10.0.0.0/8, not “{text}”.", text=text)
        ) from error


def _database_url(text: str, data: Path) -> str:
    if not text:
        return f"sqlite:///{data / 'visavis.sqlite3'}"
    if text.startswith(("sqlite:///", "postgresql://")):
        return text
    # The value may hold a password, so the sentence does not repeat it.
    raise Refused(say("--database takes an address that starts with postgresql:// or sqlite:///."))
