"""Lives whose processes are killed with SIGKILL. The rig forks, so it runs in a process of its own, without threads.

`VISAVIS_CRASH_RUNS=2000` has as many lives die up to three times each, wherever chance has it, and then one life die at
each place; without it there is a life of each kind, and a death at each kind of place.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.billing.crash.plan import Kind

ROOT = Path(__file__).parents[3]
MANY = os.environ.get("VISAVIS_CRASH_RUNS", "")
KINDS = str(len(Kind))


def crashed(*words: str) -> str:
    """Return what the rig says; fails with it when it found something."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.billing.crash", *words], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.mark.timeout(600)
def test_wherever_the_process_dies_seconds_money_books_and_sandbox_agree_in_the_end():
    assert ", 0 with findings" in crashed("--sweep", *([] if MANY else ["--brief"]))


@pytest.mark.timeout(600)
def test_lives_on_postgresql_agree_too(postgres_server):
    """The fixture skips where there is no server; the rig has one of its own."""
    assert ", 0 with findings" in crashed("--postgresql", "--runs", KINDS)


@pytest.mark.timeout(0)
def test_lives_that_die_up_to_three_times_anywhere_agree_in_the_end():
    assert ", 0 with findings" in crashed("--runs", MANY or KINDS)
