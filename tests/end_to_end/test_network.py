"""The patient on a host of their own: the wire before admission, a call without UDP, and a cable that is cut."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect

from tests.end_to_end.conftest import FLAGS, chromium_path
from tests.end_to_end.network import HERE, Host, host, why_not
from tests.end_to_end.payers import Payer, both_received, recorded_call, seconds_of
from tests.end_to_end.people import together
from tests.end_to_end.practice import Practice
from tests.requirements import missing

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    reason = why_not()
    if reason is not None:
        missing(reason)
    with host(tmp_path_factory.mktemp("host"), chromium_path()) as there:
        yield there


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def deployment(there: Host, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Practice]:
    folder: Path = tmp_path_factory.mktemp("visavis") / "data"
    deployment = Practice(folder, host=HERE)
    await deployment.start()
    yield deployment
    deployment.stop()


def flags(deployment: Practice) -> list[str]:
    # Camera and microphone want a secure context; in production that is TLS, here the one address is declared safe.
    return [*FLAGS, f"--unsafely-treat-insecure-origin-as-secure={deployment.url}"]


@pytest_asyncio.fixture(loop_scope="session")
async def browser(playwright: Playwright, deployment: Practice) -> AsyncIterator[Browser]:
    """The practitioner's browser, on this side of the cable."""
    browser = await playwright.chromium.launch(executable_path=chromium_path(), args=flags(deployment))
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def patient(playwright: Playwright, there: Host, deployment: Practice) -> AsyncIterator[Payer]:
    browser = await playwright.chromium.launch(executable_path=str(there.wrapper), args=flags(deployment))
    patient = await Payer.arrive(browser)
    assert isinstance(patient, Payer)
    yield patient
    await browser.close()


async def test_before_admission_no_sdp_no_candidate_and_not_one_udp_packet(there, deployment, practitioner, patient):
    planned = await deployment.plan()
    await practitioner.enter(planned["practitioner_url"])
    with there.listening() as packets:
        await patient.open(planned["patient_url"])
        await patient.knock()
        await asyncio.sleep(3)
        assert packets == []
        assert await patient.page.evaluate("observed.peers") == 0
        told = "".join(patient.heard_on_socket)
        for word in ("m=audio", "candidate", "ice-ufrag", "fingerprint", '"offer"', '"peer"'):
            assert word not in told
        await practitioner.admit()
        await asyncio.gather(practitioner.sees(), patient.sees())
        # The same ears hear the media afterwards, so the silence before was real.
        assert len(packets) > 50
        assert any("m=audio" in frame for frame in patient.heard_on_socket)


async def test_a_cable_cut_for_seven_seconds_is_a_gap_that_is_not_billed_and_the_call_resumes_by_itself(
    there, deployment, earner, patient
):
    price = {"basis": "per_minute", "per_minute": 6000, "pay": "after"}
    planned = await deployment.plan(price=price)
    await recorded_call(earner, patient, planned)
    await earner.meters(4)
    cut = time.time() * 1000
    there.cut()
    try:
        await asyncio.sleep(7)
        await expect(earner.page.get_by_text("a perdu la connexion").first).to_be_attached()
    finally:
        there.mend()
    mended = time.time() * 1000
    await asyncio.gather(earner.sees(seconds=30), patient.sees(seconds=30))
    assert await patient.page.evaluate("observed.peers") == 1
    await earner.meters(8)
    await earner.leaves()
    true = await both_received(earner, patient)
    await deployment.has_last_facts(planned["id"])
    await earner.charges()
    await patient.is_told("À payer")
    (call,) = deployment.calls(planned["id"])
    verified = await deployment.verify(call)
    metered = list(verified.spans)
    print(f"\nmetered {seconds_of(metered):.3f} s, true {seconds_of(true):.3f} s")
    assert abs(seconds_of(metered) - seconds_of(true)) <= 1
    (_, stopped), (resumed, _) = metered
    assert stopped <= cut + 1000
    assert resumed >= mended
    assert deployment.payment(planned["id"])["seconds"] == verified.seconds


async def test_without_udp_the_call_goes_over_tcp(there, deployment, practitioner, patient):
    there.block_udp()
    await together(practitioner, patient, await deployment.plan())
    await asyncio.gather(practitioner.hears(), patient.hears())
    assert await patient.transport() == ("tcp", "succeeded")
    assert (await practitioner.transport())[0] == "udp"
