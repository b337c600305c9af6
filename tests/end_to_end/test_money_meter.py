"""The meter against the truth: the time in which both pages received media at once (`payers.both_received`)."""

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from playwright.async_api import expect

from tests.end_to_end.payers import Earner, Payer, Spans, both_received, recorded_call, seconds_of
from tests.end_to_end.people import until
from tests.end_to_end.practice import Practice

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

# 1.00 a second.
PRICE = {"basis": "per_minute", "per_minute": 6000, "pay": "after"}
# What billing may be away from the truth, and how much a killed worker may take with it: a sign of life's interval.
NEAR, TICK = 1.0, 5.0


async def billed(practice: Practice, earner: Earner, payer: Payer, planned: dict[str, Any]) -> tuple[Spans, Spans]:
    """End the call and confirm what the meter says. Returns what is billed and what is true."""
    await earner.leaves()
    true = await both_received(earner, payer)
    await practice.has_last_facts(planned["id"])
    await earner.charges()
    await payer.is_told("À payer")
    (call,) = practice.calls(planned["id"])
    verified = await practice.verify(call)
    assert verified.status == 0
    assert practice.payment(planned["id"])["seconds"] == verified.seconds == int(seconds_of(list(verified.spans)))
    return list(verified.spans), true


async def test_a_call_is_metered_to_the_second_without_ringing_waiting_and_the_time_of_a_stopped_meter(
    practice, earner, payer
):
    planned = await practice.plan("Léa Bernard", price=PRICE)
    await recorded_call(earner, payer, planned, waiting=3)
    await earner.meters(4)
    stopping = time.time() * 1000
    await earner.page.get_by_role("button", name="Arrêter le compteur").click()
    for page in (earner.page, payer.page):
        await expect(page.locator("dl.meter")).to_contain_text("Compteur arrêté")
    stopped = time.time() * 1000
    # What the pages counted by themselves since the last sign of life comes back with the next one.
    await payer.meters(4)
    before = await payer.metered()
    await asyncio.sleep(2)
    assert await payer.metered() == before
    resuming = time.time() * 1000
    await earner.page.get_by_role("button", name="Relancer le compteur").click()
    await expect(earner.page.locator("dl.meter")).not_to_contain_text("Compteur arrêté")
    resumed = time.time() * 1000
    await earner.meters(7)
    metered, true = await billed(practice, earner, payer, planned)
    assert len(metered) == 2
    # Each click takes effect between its beginning and when the page shows it.
    least = seconds_of(without(true, stopping, resumed))
    most = seconds_of(without(true, stopped, resuming))
    print(f"\nmetered {seconds_of(metered):.3f} s, true {least:.3f} to {most:.3f} s")
    assert least - NEAR <= seconds_of(metered) <= most + NEAR


def without(spans: Spans, start: float, end: float) -> Spans:
    """Return the spans as far as they are not between start and end."""
    parts = [part for began, ended in spans for part in ((began, min(ended, start)), (max(began, end), ended))]
    return [(began, ended) for began, ended in parts if began < ended]


async def test_a_worker_that_is_killed_in_mid_call_costs_the_practitioner_a_tick_at_most_and_the_patient_nothing(
    practice, earner, payer
):
    planned = await practice.plan("Marc Blanc", price=PRICE)
    await recorded_call(earner, payer, planned)
    await earner.meters(6)
    (worker,) = practice.worker_pids()
    killed = time.time() * 1000
    os.kill(worker, signal.SIGKILL)

    async def replaced() -> bool:
        return bool(practice.worker_pids()) and worker not in practice.worker_pids()

    await until(replaced, "a new worker runs")
    await asyncio.gather(earner.sees(seconds=30), payer.sees(seconds=30))
    shown = await earner.metered() or 0
    await earner.meters(shown + 3)
    metered, true = await billed(practice, earner, payer, planned)
    print(f"\nmetered {seconds_of(metered):.3f} s, true {seconds_of(true):.3f} s")
    assert seconds_of(true) - TICK - NEAR <= seconds_of(metered) <= seconds_of(true) + NEAR
    (_, last), *_, (first, _) = metered
    assert killed - TICK * 1000 - NEAR * 1000 <= last <= killed
    assert first > killed
