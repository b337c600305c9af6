"""Every test here runs on SQLite and on PostgreSQL; those of the gateway at the sandbox and at Stripe."""

from collections.abc import AsyncIterator
from datetime import datetime

import pytest

from agenda.io.credentials import Credentials
from agenda.io.service import Agenda
from lobby.io.service import Lobby
from store.facts import Fact
from store.io.database import Database
from store.io.outbox import Outbox
from tests.billing.gateway_double import GatewayDouble
from tests.billing.till import Till
from tests.contracts.payment_provider import Provider, opened_provider


class RecordingBus:
    """A bus with one subscriber that keeps everything it hears."""

    def __init__(self) -> None:
        self.heard: list[Fact] = []

    def subscribe(self, kind, handler):
        raise NotImplementedError

    async def publish(self, fact: Fact) -> None:
        self.heard.append(fact)


@pytest.fixture(params=["sandbox", pytest.param("stripe", marks=pytest.mark.stripe_test)])
async def provider(request: pytest.FixtureRequest) -> AsyncIterator[Provider]:
    async for made in opened_provider(request.param):
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database with the present schema."""
    return request.getfixturevalue(f"migrated_{request.param}_url")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = await Database.open(database_url)
    yield database
    await database.close()


@pytest.fixture
def bus() -> RecordingBus:
    return RecordingBus()


@pytest.fixture
def outbox(database: Database, bus: RecordingBus) -> Outbox:
    return Outbox(database, bus)


@pytest.fixture
def agenda(database: Database, outbox: Outbox) -> Agenda:
    return Agenda(database, outbox)


@pytest.fixture
def credentials(database: Database) -> Credentials:
    return Credentials(database)


@pytest.fixture
def lobby(database: Database, outbox: Outbox) -> Lobby:
    return Lobby(database, outbox, b"a key for tests of thirty-two by")


@pytest.fixture
async def till(database: Database, at: datetime) -> Till:
    """Billing, with a practitioner who can charge."""
    till = Till(database, GatewayDouble(lambda: till.at), at)
    await till.open_account()
    return till
