"""The servers that we are compared with, for real: each must carry media, decrypted, between two participants."""

import argparse
import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from bench.contest import BARE, BARE_SRTP, JANUS
from bench.io.bare import Bare
from bench.io.contender import Contender, ContenderMissing, Ground, own_address
from bench.io.context import Context
from bench.io.janus import Janus
from bench.io.own_worker import OwnWorker
from bench.io.peer import MediaPeer
from bench.io.processes import Pinning, cpu_seconds
from bench.io.target import TargetProblem
from bench.io.traffic import Traffic
from bench.peers import add_options, contenders, run
from bench.plans import Load
from sfu.io.loops import NativeLoop
from tests.requirements import missing

COMPILER = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words)


def ground(folder: Path) -> Ground:
    return Ground(folder, own_address() or "127.0.0.1", Pinning.off())


def needed(name: str) -> Contender:
    """Return the contender, or skip for what it needs."""
    if name == "janus" and (shutil.which("janus") is None or own_address() is None):
        missing("janus and an address that is not loopback")
    if name == "native" and NativeLoop is None:
        missing("the native loop")
    if name.startswith("bare") and COMPILER is None:
        missing("a C compiler")
    made: dict[str, Contender] = {
        "janus": Janus(),
        "native": OwnWorker("native"),
        "python": OwnWorker("python"),
        "bare with SRTP": Bare(protects=True),
        "bare": Bare(protects=False),
    }
    return made[name]


@pytest.mark.parametrize("name", ["janus", "native", "python", "bare with SRTP", "bare"])
async def test_a_contender_carries_media_both_ways(name: str, tmp_path: Path) -> None:
    contender = needed(name)
    await contender.start(ground(tmp_path))
    try:
        traffic = Traffic([await contender.join(), await contender.join()], Load(video_rate=20, audio_rate=20))
        await traffic.check_media()
        outcome = await traffic.run(0.6, settle=0.1)
        assert outcome.measured.received > 0
        assert contender.pids()
        assert all(cpu_seconds(pid) > 0 for pid in contender.pids())
    finally:
        await contender.stop()
    assert contender.pids() == []


async def test_the_bare_loop_lets_pass_nothing_but_media_of_its_own_pairs(tmp_path: Path) -> None:
    contender = needed("bare with SRTP")
    await contender.start(ground(tmp_path))
    try:
        (caller, callee), (stranger, _) = await contender.join(), await contender.join()
        forged = stranger.protect(bytes([0x80, 111]) + bytes(30))
        for datagram in (b"", b"\x00\x01" + bytes(30), bytes([0x80, 111]) + bytes(60), forged):
            caller.send(datagram)
        await arrives(caller, callee)
        assert len(callee.inbox) == 1
    finally:
        await contender.stop()


async def arrives(sender: MediaPeer, receiver: MediaPeer) -> None:
    """Send one good packet and wait for it: what was sent before has come by then, or never will."""
    header = bytes([0x80, 111, 0, 1]) + bytes(4) + sender.streams.audio.to_bytes(4, "big")
    sender.send(sender.protect(header + b"last"))
    while not receiver.inbox:  # noqa: ASYNC110 — nothing signals that a packet has come
        await asyncio.sleep(0.01)


async def test_a_contender_that_is_not_there_is_left_out_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for contender in (Janus(), Bare(protects=True)):
        with pytest.raises(ContenderMissing, match=r"\.$"):
            await contender.start(ground(tmp_path))
    result = await run(options("--only", "janus,bare", "--calls", "1"), Context())
    assert "Janus is not installed" in result.skipped
    assert "C compiler" in result.skipped
    assert result.summary
    assert all(figure.kept is None for figure in result.summary)


async def test_a_round_is_interleaved_and_reported() -> None:
    needed("bare")
    context = Context()
    steps: list[str] = []
    context.progress.step = steps.append  # type: ignore[method-assign]
    result = await run(options("--only", "bare", "--calls", "2", "--rounds", "2", "--seconds", "0.15"), context)
    assert [step.partition(": ")[2] for step in steps] == [BARE_SRTP, BARE, BARE_SRTP, BARE]
    assert result.complete
    assert [row[0] for row in result.tables[0].rows] == [BARE_SRTP, BARE]
    assert [row[:2] for row in result.tables[1].rows] == [[1, BARE_SRTP], [1, BARE], [2, BARE_SRTP], [2, BARE]]


async def test_stopping_gives_what_was_done_until_then() -> None:
    needed("bare")
    context = Context()
    steps: list[Any] = []

    def step(text: str) -> None:
        steps.append(text)
        if len(steps) == 2:
            context.stopping.set()

    context.progress.step = step  # type: ignore[method-assign]
    result = await run(options("--only", "bare", "--calls", "1", "--rounds", "9", "--seconds", "0.15"), context)
    assert not result.complete
    assert [row[0] for row in result.tables[0].rows] == [BARE_SRTP]


async def test_a_given_server_is_refused_as_this_scenario_starts_its_own() -> None:
    with pytest.raises(TargetProblem, match="--url"):
        await run(options(), Context(url="https://visio.example.org", key="x"))
    with pytest.raises(TargetProblem, match="nobody"):
        await run(options("--only", "nobody"), Context())


def test_servers_are_chosen_by_words_of_their_names() -> None:
    assert [each.name for each in contenders("janus, srtp")] == [JANUS, BARE_SRTP]
    assert len(contenders()) == 5
