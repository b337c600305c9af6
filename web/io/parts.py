"""What the web side is built from, handed over by `app.wiring`, and what one application holds."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiohttp import web as aioweb
from prometheus_client import CollectorRegistry

from agenda.consultation import JoinWindow
from agenda.io.credentials import ApiKey, Credentials
from agenda.io.service import Agenda
from agenda.people import Practitioner
from lobby.io.service import Lobby
from store.ids import ConsultationId, PractitionerId
from web.io.measures import RequestMeasures
from web.io.rendering import Pages
from web.io.static_files import StaticFiles
from web.origins import Network
from web.throttle import Buckets, LoginThrottle


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the operator chose. `public_url` has no trailing slash; None means: as the visitor's browser says."""

    version: str
    public_url: str | None = None
    trusted_proxies: Sequence[Network] = ()
    join_window: JoinWindow = field(default_factory=JoinWindow)
    demo: bool = False


@dataclass(frozen=True, slots=True)
class WebParts:
    """Everything that the routes act through. `gauges` is asked at each scrape of /metrics."""

    agenda: Agenda
    credentials: Credentials
    lobby: Lobby
    websocket: Callable[[aioweb.Request], Awaitable[aioweb.StreamResponse]]
    readiness: Callable[[], Awaitable[Sequence[tuple[str, bool]]]]
    settings: WebSettings
    clock: Callable[[], datetime]
    on_logout: Callable[[PractitionerId], Awaitable[None]]
    on_cancel: Callable[[ConsultationId], Awaitable[None]]
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
    measures: RequestMeasures


SITE = aioweb.AppKey("SITE", Site)
WHO = aioweb.RequestKey("WHO", Practitioner)
API_KEY = aioweb.RequestKey("API_KEY", ApiKey)
