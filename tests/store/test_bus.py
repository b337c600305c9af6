"""The bus within a process."""

from datetime import datetime

import structlog

from store.facts import CallEnded, CallOpened, Fact
from store.ids import CallId, ConsultationId
from store.io.bus import LocalBus


def opened(at: datetime) -> CallOpened:
    return CallOpened(CallId("cal"), ConsultationId("con"), at)


async def test_each_subscriber_hears_the_facts_of_its_kind_until_it_stops(at: datetime):
    bus = LocalBus()
    heard: list[tuple[str, Fact]] = []

    async def first(fact: CallOpened) -> None:
        heard.append(("first", fact))

    async def second(fact: CallOpened) -> None:
        heard.append(("second", fact))

    stop = bus.subscribe(CallOpened, first)
    bus.subscribe(CallOpened, second)
    await bus.publish(CallEnded(CallId("cal"), ConsultationId("con"), "hung_up", at))
    await bus.publish(opened(at))
    stop()
    stop()
    await bus.publish(opened(at))
    assert heard == [("first", opened(at)), ("second", opened(at)), ("second", opened(at))]


async def test_one_handler_subscribed_twice_hears_twice_and_stops_once(at: datetime):
    bus = LocalBus()
    heard: list[Fact] = []

    async def hear(fact: CallOpened) -> None:
        heard.append(fact)

    stop = bus.subscribe(CallOpened, hear)
    bus.subscribe(CallOpened, hear)
    await bus.publish(opened(at))
    assert len(heard) == 2
    stop()
    await bus.publish(opened(at))
    assert len(heard) == 3


async def test_one_that_raises_is_logged_without_what_it_said_and_stops_nobody(at: datetime):
    bus = LocalBus()
    heard: list[Fact] = []

    async def fail(fact: CallOpened) -> None:
        raise ValueError("Madame Secret")

    async def hear(fact: CallOpened) -> None:
        heard.append(fact)

    bus.subscribe(CallOpened, fail)
    bus.subscribe(CallOpened, hear)
    with structlog.testing.capture_logs() as logged:
        await bus.publish(opened(at))
    assert heard == [opened(at)]
    [line] = logged
    assert (line["fact"], line["error"]) == ("CallOpened", "ValueError")
    assert "test_bus.py" in line["where"]
    assert "Secret" not in str(line)
