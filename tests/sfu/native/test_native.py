"""The packet loop in C under sanitizers: its own test class, and hostile bytes.

`VISAVIS_FUZZ_SECONDS=3600` lets libFuzzer look for as long, and sends a thousand random datagrams for each second;
without it both are a matter of seconds.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sfu.native.build import build
from tests.requirements import missing

HARNESS = Path(__file__).with_name("fuzz_loop.c")
TESTS = Path(__file__).parents[1] / "io" / "test_loop.py"
SECONDS = int(os.environ.get("VISAVIS_FUZZ_SECONDS", "5"))
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined", "-g")


@pytest.fixture(scope="module")
def compiler() -> str:
    path = shutil.which("gcc")
    if path is None:
        missing("gcc is not installed")
    return path


def run(command: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300 + SECONDS, env={**os.environ, **environment}
    )


@pytest.mark.timeout(300)
def test_the_loops_own_tests_pass_under_address_and_undefined_behaviour_sanitizers(compiler, tmp_path):
    library = build(tmp_path, SANITIZERS)
    runtime = run([compiler, "-print-file-name=libasan.so"]).stdout.strip()
    result = run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "tests.sfu.native.sanitized",
            "-p",
            "no:cacheprovider",
            "-q",
            "-k",
            "native",
            str(TESTS),
        ],
        LD_PRELOAD=runtime,
        ASAN_OPTIONS="detect_leaks=0",
        VISAVIS_LOOP_LIBRARY=str(library),
        VISAVIS_REQUIRE="all",
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]
    assert " passed" in result.stdout or "100%" in result.stdout


@pytest.mark.timeout(400 + SECONDS)
def test_random_datagrams_break_no_bound(compiler, tmp_path):
    program = tmp_path / "fuzz"
    made = run([compiler, "-O1", "-DSTANDALONE", *SANITIZERS, str(HARNESS), "-o", str(program)])
    assert made.returncode == 0, made.stderr
    result = run([str(program), str(1000 * SECONDS)])
    assert result.stdout == "done\n", result.stderr[-3000:]


@pytest.mark.timeout(400 + SECONDS)
def test_libfuzzer_finds_nothing_in_a_short_run(tmp_path):
    clang = shutil.which("clang")
    if clang is None:
        missing("clang is not installed; the random run above stands in for it")
    program = tmp_path / "fuzz"
    made = run([clang, "-O1", "-fsanitize=fuzzer,address,undefined", "-g", str(HARNESS), "-o", str(program)])
    if made.returncode != 0:
        missing("clang has no fuzzer runtime (Debian: libclang-rt-dev)")
    result = run([str(program), f"-max_total_time={SECONDS}", "-max_len=4096", "-seed=1"])
    assert result.returncode == 0, result.stderr[-3000:]


def test_a_build_without_a_compiler_is_said_and_not_fatal(tmp_path, monkeypatch):
    monkeypatch.setenv("CC", "/nonexistent/compiler")
    with pytest.raises(Exception, match=r"(?i)nonexistent|command|failed"):
        build(tmp_path)
