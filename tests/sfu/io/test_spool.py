"""The spool: what was added is on the disk before it is sent, and leaves it only when it is acknowledged."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from sfu.control import BothHeard, LegStateChanged, MeterChanged, SpooledFacts, Stamped
from sfu.io import segment as segment_module
from sfu.io import spool as spool_module
from sfu.io.segment import Segment, framed, unframed
from sfu.io.spool import Spool


def fact(seq: int) -> Stamped:
    return BothHeard("cal_1", seq, 1000 + seq, 1.7e9 + seq / 7, 990 + seq)


FACTS: list[Stamped] = [
    LegStateChanged("cal_1", "leg_1", "patient", "closed", "hangup", 1, 1500, 1.7e9 + 0.1, 1400),
    BothHeard("cal_1", 2, 1600, 1.7e9 + 0.2, 1550),
    MeterChanged("cal_1", True, 3, 1700, 1.7e9 + 0.3),
]


class Taker:
    """A control side: takes batches, and acknowledges at once if it is `prompt`."""

    def __init__(self, spool: Spool, *, prompt: bool = True) -> None:
        self.spool = spool
        self.prompt = prompt
        self.batches: list[SpooledFacts] = []
        spool.take(self.receive)

    def receive(self, batch: SpooledFacts) -> None:
        self.batches.append(batch)
        if self.prompt:
            self.acknowledge()

    def acknowledge(self) -> None:
        self.spool.acknowledge(self.batches[-1].boot, self.batches[-1].facts[-1].seq)

    def seqs(self, boot: str = "boot") -> list[int]:
        return [fact.seq for batch in self.batches if batch.boot == boot for fact in batch.facts]


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.log"))


def on_disk(folder: Path) -> list[int]:
    return [fact.seq for path in files(folder) for fact in unframed(path.read_bytes())]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "facts"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Nothing here waits for a pace; what fails is tried again at once."""
    monkeypatch.setattr(spool_module, "_PACE", 0)
    monkeypatch.setattr(spool_module, "_TRY_AGAIN", 0.01)


@pytest.fixture
async def spool(folder: Path):
    spool = Spool(folder, "boot")
    spool.start()
    yield spool
    await spool.close()


def left_behind(folder: Path, boot: str, count: int, torn: bytes = b"") -> Path:
    """Make what a dead worker leaves."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{boot}.000001.log"
    path.write_bytes(b"".join(framed(fact(seq)) for seq in range(1, count + 1)) + torn)
    return path


class TestFrames:
    def test_facts_come_back_word_for_word(self):
        assert list(unframed(b"".join(map(framed, FACTS)))) == FACTS

    def test_a_tail_torn_anywhere_costs_only_the_torn_fact(self):
        whole = b"".join(map(framed, FACTS))
        first = len(whole) - len(framed(FACTS[-1]))
        for end in range(first, len(whole)):
            assert list(unframed(whole[:end])) == FACTS[:-1]

    def test_a_flipped_bit_ends_the_reading_where_it_is(self):
        whole = bytearray(b"".join(map(framed, FACTS)))
        for place in range(len(framed(FACTS[0])), len(whole)):
            damaged = whole.copy()
            damaged[place] ^= 0x10
            read = list(unframed(bytes(damaged)))
            assert read == FACTS[: len(read)]
            assert 1 <= len(read) < len(FACTS)

    def test_sound_bytes_that_are_no_fact_end_the_reading(self):
        strange = b"\xa5hello"
        frame = segment_module._HEAD.pack(len(strange), segment_module.zlib.crc32(strange)) + strange
        assert list(unframed(framed(FACTS[0]) + frame + framed(FACTS[1]))) == FACTS[:1]


class TestSending:
    async def test_facts_are_on_the_disk_before_they_are_sent_and_for_this_user_only(self, spool, folder):
        seen: list[list[int]] = []

        def look(batch: SpooledFacts) -> None:
            seen.append([fact.seq for fact in batch.facts])
            assert on_disk(folder)[-len(batch.facts) :] == seen[-1]
            spool.acknowledge(batch.boot, batch.facts[-1].seq)

        spool.take(look)
        for stamped in FACTS:
            spool.add(stamped)
        await until(lambda: [seq for batch in seen for seq in batch] == [1, 2, 3])
        assert [stat.S_IMODE(path.stat().st_mode) for path in files(folder)] == [0o600]
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    async def test_nothing_follows_a_batch_until_it_is_acknowledged(self, spool, folder):
        taker = Taker(spool, prompt=False)
        spool.add(fact(1))
        await until(lambda: taker.batches)
        spool.add(fact(2))
        await until(lambda: on_disk(folder) == [1, 2])
        spool.acknowledge("boot", 2)
        spool.acknowledge("another", 1)
        await asyncio.sleep(0.05)
        assert taker.seqs() == [1]
        taker.acknowledge()
        await until(lambda: taker.seqs() == [1, 2])

    async def test_a_new_taker_gets_all_that_the_one_before_did_not_acknowledge(self, spool):
        before = Taker(spool, prompt=False)
        spool.add(fact(1))
        await until(lambda: before.batches)
        spool.add(fact(2))
        after = Taker(spool)
        before.acknowledge()
        await until(lambda: after.seqs() == [1, 2])
        spool.leave(before.receive)
        spool.add(fact(3))
        await until(lambda: after.seqs() == [1, 2, 3])
        spool.leave(after.receive)

    async def test_facts_that_nobody_takes_fill_files_and_not_the_memory_and_come_in_order(
        self, spool, folder, monkeypatch
    ):
        monkeypatch.setattr(spool_module, "_SEGMENT_BYTES", 500)
        monkeypatch.setattr(spool_module, "_BATCH", 7)
        for seq in range(1, 101):
            spool.add(fact(seq))
            if seq % 10 == 0:
                await until(lambda seq=seq: on_disk(folder) == list(range(1, seq + 1)))
        assert len(files(folder)) > 3
        assert sum(len(segment.facts) for segment in spool._segments) < 40
        taker = Taker(spool)
        await until(lambda: taker.seqs() == list(range(1, 101)))
        await until(lambda: len(files(folder)) <= 1)


class TestWhatIsLeftBehind:
    async def test_an_end_without_anybody_leaves_the_facts_to_the_next_worker(self, spool, folder):
        for stamped in FACTS:
            spool.add(stamped)
        await spool.close()
        again = Spool(folder, "next")
        again.start()
        taker = Taker(again)
        again.add(fact(1))
        await until(lambda: taker.seqs("next") == [1])
        assert [batch.facts for batch in taker.batches if batch.boot == "boot"] == [FACTS]
        await again.close()
        assert files(folder) == []

    async def test_a_torn_tail_is_ignored(self, folder, spool):
        path = left_behind(folder, "dead", 3, torn=framed(fact(4))[:-1])
        taker = Taker(spool)
        await until(lambda: taker.seqs("dead") == [1, 2, 3])
        await until(lambda: not path.exists())

    async def test_an_empty_or_spoilt_file_is_removed_and_holds_nothing_up(self, folder, spool):
        left_behind(folder, "empty", 0)
        left_behind(folder, "spoilt", 0, torn=b"\xff" * 40)
        left_behind(folder, "zealous", 1)
        taker = Taker(spool)
        await until(lambda: taker.seqs("zealous") == [1])
        await until(lambda: files(folder) == [])

    async def test_what_a_living_worker_keeps_is_left_to_it(self, folder, spool):
        other = Spool(folder, "other")
        other.start()
        other.add(fact(1))
        await until(lambda: on_disk(folder) == [1])
        taker = Taker(spool)
        spool.add(fact(9))
        await until(lambda: taker.seqs() == [9])
        assert taker.seqs("other") == []
        await other.close()
        spool.take(taker.receive)
        await until(lambda: taker.seqs("other") == [1])

    async def test_of_two_living_workers_one_adopts(self, folder):
        left_behind(folder, "dead", 5)
        both = [Spool(folder, "one"), Spool(folder, "two")]
        takers = [Taker(spool, prompt=False) for spool in both]
        for spool in both:
            spool.start()
        await until(lambda: any(taker.batches for taker in takers))
        await asyncio.gather(*(spool.close() for spool in both))
        assert sorted(taker.seqs("dead") for taker in takers) == [[], [1, 2, 3, 4, 5]]


class TestFailingDisk:
    @pytest.fixture
    def disk(self, monkeypatch):
        """A disk that can be full: it takes half of what it is given, then nothing."""
        state = {"full": False, "tries": 0}
        write = os.write

        def write_if_there_is_room(descriptor: int, data) -> int:
            if not state["full"]:
                return write(descriptor, data)
            state["tries"] += 1
            if state["tries"] % 2:
                return write(descriptor, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "full")

        monkeypatch.setattr(segment_module.os, "write", write_if_there_is_room)
        return state

    async def test_facts_go_out_unwritten_and_nothing_is_lost_when_there_is_room_again(self, spool, folder, disk):
        disk["full"] = True
        taker = Taker(spool, prompt=False)
        for seq in range(1, 4):
            spool.add(fact(seq))
        await until(lambda: taker.batches and disk["tries"] > 4)
        assert on_disk(folder) == [1]
        disk["full"] = False
        await until(lambda: on_disk(folder) == [1, 2, 3])
        spool.add(fact(4))
        await until(lambda: on_disk(folder) == [1, 2, 3, 4])
        taker.acknowledge()
        await until(lambda: taker.seqs() == [1, 2, 3, 4])

    async def test_what_is_acknowledged_unwritten_need_not_be_written(self, spool, folder, disk):
        disk["full"] = True
        taker = Taker(spool)
        spool.add(fact(1))
        await until(lambda: taker.seqs() == [1])
        disk["full"] = False
        spool.add(fact(2))
        await until(lambda: taker.seqs() == [1, 2])
        assert on_disk(folder) in ([], [2])

    async def test_memory_has_an_end_and_what_is_lost_is_counted(self, spool, disk, monkeypatch):
        monkeypatch.setattr(spool_module, "_MOST_UNWRITTEN", 5)
        disk["full"] = True
        for seq in range(1, 11):
            spool.add(fact(seq))
        assert spool.lost == 5
        taker = Taker(spool)
        await until(lambda: taker.seqs() == [1, 2, 3, 4, 5])
        spool.add(fact(11))
        await until(lambda: taker.seqs() == [1, 2, 3, 4, 5, 11])

    async def test_a_folder_that_cannot_be_made_costs_only_the_disk(self, tmp_path):
        (tmp_path / "file").touch()
        spool = Spool(tmp_path / "file" / "facts", "boot")
        spool.start()
        taker = Taker(spool)
        spool.add(fact(1))
        await until(lambda: taker.seqs() == [1])
        await spool.close()


def test_a_file_gets_its_name_only_when_it_is_locked(folder):
    folder.mkdir()
    mine = Segment(folder / "boot.000001.log")
    mine.write(FACTS)
    assert not Segment(mine.path).adopt()
    mine.release()
    assert Segment(mine.path).adopt()
