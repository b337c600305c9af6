from datetime import UTC, datetime

import pytest

from bench.metering import Bill, metered_seconds
from store.facts import BothAlive, LegConnected, LegLost, Stamp
from store.ids import CallId, LegId, Seat

CALL = CallId("cal_1")
HOST, GUEST = Seat.PRACTITIONER, Seat.PATIENT


class Worker:
    """Tells facts as a worker's life does."""

    def __init__(self, boot="one"):
        self.boot = boot
        self.facts = []

    def stamp(self, second):
        return Stamp(self.boot, len(self.facts) + 1, int(second * 1000), datetime(2026, 11, 22, tzinfo=UTC))

    def connected(self, second, seat, leg=""):
        self.facts.append(LegConnected(CALL, LegId(leg or f"leg {seat}"), seat, self.stamp(second)))

    def lost(self, second, seat, last_heard, leg=""):
        heard = int(last_heard * 1000)
        self.facts.append(LegLost(CALL, LegId(leg or f"leg {seat}"), seat, heard, self.stamp(second)))

    def both_alive(self, second):
        self.facts.append(BothAlive(CALL, int(second * 1000), self.stamp(second)))


def test_only_the_time_of_both_counts():
    worker = Worker()
    worker.connected(10, HOST)
    worker.connected(40, GUEST)
    worker.lost(100, GUEST, 100)
    worker.lost(120, HOST, 120)
    assert metered_seconds(worker.facts) == 60


def test_a_gap_begins_with_the_silence_and_not_with_its_discovery():
    worker = Worker()
    worker.connected(0, HOST)
    worker.connected(0, GUEST)
    worker.lost(13, GUEST, 10)
    worker.connected(20, GUEST)
    worker.lost(30, GUEST, 30)
    worker.lost(30, HOST, 30)
    assert metered_seconds(worker.facts) == 20


def test_a_leg_made_anew_goes_on_where_the_old_one_was_last_heard():
    worker = Worker()
    worker.connected(0, HOST)
    worker.connected(0, GUEST, "first")
    worker.connected(50, GUEST, "second")
    worker.lost(50, GUEST, 49, "first")
    worker.lost(60, GUEST, 60, "second")
    worker.lost(60, HOST, 60)
    assert metered_seconds(worker.facts) == 59


def test_a_crash_counts_to_the_last_moment_at_which_both_were_alive():
    worker = Worker()
    worker.connected(0, HOST)
    worker.connected(2, GUEST)
    for second in (5, 10, 15):
        worker.both_alive(second)
    assert metered_seconds(worker.facts) == 13


def test_two_lives_of_a_worker_are_added_and_their_clocks_not_compared():
    before, after = Worker("before"), Worker("after")
    for worker, start in ((before, 5000), (after, 3)):
        worker.connected(start, HOST)
        worker.connected(start, GUEST)
        worker.both_alive(start + 7)
    assert metered_seconds(before.facts + after.facts) == 14


def test_order_and_repetition_change_nothing():
    worker = Worker()
    worker.connected(0, HOST)
    worker.connected(1, GUEST)
    worker.both_alive(5)
    worker.lost(9, GUEST, 8)
    worker.lost(9, HOST, 9)
    shuffled = worker.facts * 2
    shuffled.reverse()
    assert metered_seconds(shuffled) == metered_seconds(worker.facts) == 7


def test_without_facts_nothing_counts():
    assert metered_seconds([]) == 0


def test_too_much_billed_is_a_positive_error():
    assert Bill(metered=62, truth=60).error == pytest.approx(2)
