"""A client that is no browser, aiortc's own peer connection, calls a Chromium through the whole product."""

import asyncio

import pytest

from bench.participant import Participant
from tests.end_to_end.people import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def test_aiortc_and_chromium_see_and_hear_each_other(deployment, practitioner):
    planned = await deployment.plan()
    await practitioner.enter(planned["practitioner_url"])
    patient = Participant(planned["patient_url"], "Automate")
    task = asyncio.create_task(patient.take_part())
    await patient.reached("waiting")
    assert "offer" not in patient.states
    await practitioner.admit("Automate")
    await patient.reached("offer")
    await asyncio.gather(practitioner.sees(), practitioner.hears())

    async def received() -> bool:
        return patient.caller.received.video > 10 and patient.caller.received.audio > 20

    await until(received, "aiortc decodes Chromium's picture and sound")
    await patient.leave()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
