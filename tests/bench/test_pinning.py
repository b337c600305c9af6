"""Server and generator on cores of their own, ahead of what else runs there."""

import os
import subprocess
import sys

import pytest

from bench.io.processes import Pinning
from tests.requirements import missing

ASK = "import os; print(sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0))"


def asked() -> tuple[str, int]:
    cores, _, nice = subprocess.run(
        [sys.executable, "-c", ASK], capture_output=True, text=True, check=True
    ).stdout.rpartition(" ")
    return cores, int(nice)


@pytest.fixture
def pinning() -> Pinning:
    found = Pinning.on()
    if not found.server:
        missing("two cores")
    return found


def test_a_server_starts_on_its_core_and_whoever_starts_it_stays_as_it_was(pinning: Pinning) -> None:
    before = sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0)
    with pinning.for_server():
        cores, nice = asked()
    assert cores == str(sorted(pinning.server))
    assert nice == (-20 if os.geteuid() == 0 else before[1])
    assert (sorted(os.sched_getaffinity(0)), os.getpriority(os.PRIO_PROCESS, 0)) == before


def test_a_generator_keeps_off_the_servers_core_with_what_it_starts(pinning: Pinning) -> None:
    code = f"from bench.io.processes import Pinning; Pinning.on().take_generator(); {ASK}"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith(str(sorted(pinning.generator)))


def test_without_pinning_nothing_changes() -> None:
    before = asked()
    with Pinning.off().for_server():
        assert asked() == before
