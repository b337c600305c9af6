"""`visavis bench` hands its words on, and costs the other commands nothing."""

import subprocess
import sys

from tests.end_to_end.deployment import COMMAND


def test_bench_shows_its_own_help() -> None:
    shown = subprocess.run(
        [COMMAND, "bench", "forwarding", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert shown.startswith("usage: visavis bench forwarding")


def test_the_web_side_loads_neither_bench_nor_the_media_libraries() -> None:
    lines = "import sys, app.command, app.wiring; print(*(sys.modules.keys() & {'bench', 'aiortc', 'av', 'numpy'}))"
    loaded = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == []
