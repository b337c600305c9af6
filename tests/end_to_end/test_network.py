"""The patient on a host of their own: the wire before admission, a call without UDP, and a cable that is cut."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, expect

from tests.end_to_end.conftest import FLAGS, chromium_path
from tests.end_to_end.deployment import Deployment
from tests.end_to_end.network import HERE, Host, host, why_not
from tests.end_to_end.people import Patient, together
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
async def deployment(there: Host, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Deployment]:
    folder: Path = tmp_path_factory.mktemp("visavis") / "data"
    deployment = Deployment(folder, host=HERE)
    await deployment.start()
    yield deployment
    deployment.stop()


def flags(deployment: Deployment) -> list[str]:
    # Camera and microphone want a secure context; in production that is TLS, here the one address is declared safe.
    return [*FLAGS, f"--unsafely-treat-insecure-origin-as-secure={deployment.url}"]


@pytest_asyncio.fixture(loop_scope="session")
async def browser(playwright: Playwright, deployment: Deployment) -> AsyncIterator[Browser]:
    """The practitioner's browser, on this side of the cable."""
    browser = await playwright.chromium.launch(executable_path=chromium_path(), args=flags(deployment))
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def patient(playwright: Playwright, there: Host, deployment: Deployment) -> AsyncIterator[Patient]:
    browser = await playwright.chromium.launch(executable_path=str(there.wrapper), args=flags(deployment))
    patient = await Patient.arrive(browser)
    assert isinstance(patient, Patient)
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


async def test_a_cut_cable_is_a_gap_after_which_the_call_resumes_by_itself(there, deployment, practitioner, patient):
    await together(practitioner, patient, await deployment.plan())
    there.cut()
    try:
        await asyncio.sleep(7)
        await expect(practitioner.page.get_by_text("a perdu la connexion").first).to_be_attached()
    finally:
        there.mend()
    await asyncio.gather(practitioner.sees(seconds=30), patient.sees(seconds=30))
    assert await patient.page.evaluate("observed.peers") == 1


async def test_without_udp_the_call_goes_over_tcp(there, deployment, practitioner, patient):
    there.block_udp()
    await together(practitioner, patient, await deployment.plan())
    await asyncio.gather(practitioner.hears(), patient.hears())
    assert await patient.transport() == ("tcp", "succeeded")
    assert (await practitioner.transport())[0] == "udp"
