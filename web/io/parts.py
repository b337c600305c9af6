"""What the web side is built from, handed over by `app.wiring`, and what one application holds."""

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Protocol

from aiohttp import web as aioweb
from prometheus_client import CollectorRegistry

from agenda.consultation import JoinWindow
from agenda.io.administrators import Administrators
from agenda.io.credentials import ApiKey, Credentials
from agenda.io.service import Agenda
from agenda.people import Administrator, Practitioner
from billing.io.search import PaymentSearch
from billing.io.service import Billing
from billing.receipt import ReceiptBody
from lobby.io.service import Lobby
from notify.io.post import Post
from store.ids import ConsultationId, PractitionerId
from web.io.measures import RequestMeasures
from web.io.rendering import Pages
from web.io.static_files import StaticFiles
from web.origins import Network
from web.throttle import Buckets, LoginThrottle


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the operator chose. `public_url` has no trailing slash; None means: as the visitor's browser says.

    `key` signs what browsers keep for us; without one of the installation's own it lasts as long as the process.
    """

    version: str
    public_url: str | None = None
    trusted_proxies: Sequence[Network] = ()
    join_window: JoinWindow = field(default_factory=JoinWindow)
    demo: bool = False
    mail_in_files: bool = False
    key: bytes = field(default_factory=partial(secrets.token_bytes, 32), repr=False)


class SandboxPages(Protocol):
    """The sandbox, as far as the pages need it; `url` is its address on this machine."""

    @property
    def url(self) -> str: ...

    def card_form_url(self, client_secret: str, return_url: str, lang: str = "") -> str:
        """Return the relative address of the form on which a card is entered."""
        ...


@dataclass(frozen=True, slots=True)
class MoneyParts:
    """Billing and what its pages need. `sandbox` is None with a real provider. `print_receipt` gives a PDF."""

    billing: Billing
    search: PaymentSearch
    sandbox: SandboxPages | None
    print_receipt: Callable[[ReceiptBody, str], bytes]


@dataclass(frozen=True, slots=True)
class WebParts:
    """Everything that the routes act through. `gauges` is asked at each scrape of /metrics."""

    agenda: Agenda
    credentials: Credentials
    administrators: Administrators
    lobby: Lobby
    money: MoneyParts
    post: Post
    websocket: Callable[[aioweb.Request], Awaitable[aioweb.StreamResponse]]
    readiness: Callable[[], Awaitable[Sequence[tuple[str, bool]]]]
    settings: WebSettings
    clock: Callable[[], datetime]
    on_logout: Callable[[PractitionerId, str | None], Awaitable[None]]
    on_renewed_log_in: Callable[[str, str], None]
    on_cancel: Callable[[ConsultationId], Awaitable[None]]
    host_since: Callable[[ConsultationId], Awaitable[datetime | None]]
    patient_seconds: Callable[[ConsultationId, datetime], Awaitable[int]]
    metrics: CollectorRegistry
    gauges: Callable[[], dict[str, float]]


@dataclass(frozen=True, slots=True)
class Site:
    """One application's parts and what it keeps in memory while it runs."""

    parts: WebParts
    pages: Pages
    statics: StaticFiles
    logins: LoginThrottle
    looks: Buckets
    codes: Buckets
    measures: RequestMeasures


SITE = aioweb.AppKey("SITE", Site)
ADMINISTRATOR = aioweb.RequestKey("ADMINISTRATOR", Administrator)
WHO = aioweb.RequestKey("WHO", Practitioner)
API_KEY = aioweb.RequestKey("API_KEY", ApiKey)
