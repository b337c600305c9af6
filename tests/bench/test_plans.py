import numpy as np
import pytest

from bench.plans import Kind, Load, memory_needed, seconds_that_fit, timetable


@pytest.mark.parametrize("peer", [0, 1, 7, 799])
def test_a_timetable_keeps_the_rates(peer):
    plan = timetable(Load(), 10.0, peer)
    for kind, expected in ((Kind.VIDEO, 1700), (Kind.AUDIO, 500), (Kind.RTCP, 100), (Kind.CHECK, 4)):
        assert abs(int((plan.kinds == kind).sum()) - expected) <= 1, kind
    assert plan.counts.sum() == len(plan.kinds)
    assert (np.bincount(plan.bursts, minlength=len(plan.counts)) == plan.counts).all()


def test_the_bursts_of_many_peers_are_spread_over_time():
    load = Load()
    phases = np.array([timetable(load, 0.1, peer).phase for peer in range(200)])
    filled, _ = np.histogram(phases, bins=10, range=(0, load.burst))
    assert filled.min() >= 15


def test_a_faster_load_sends_more_bursts_of_the_same_size():
    fast = Load().faster(4)
    assert fast.media_rate == pytest.approx(4 * Load().media_rate)
    assert fast.media_rate * fast.burst == pytest.approx(Load().media_rate * Load().burst)


def test_no_reports_and_no_checks_when_told_so():
    plan = timetable(Load(rtcp_every=0, check_every=0), 1.0, 3)
    assert set(plan.kinds.tolist()) == {Kind.VIDEO, Kind.AUDIO}


def test_the_length_of_a_run_is_what_fits_into_memory():
    load = Load()
    seconds = seconds_that_fit(load, 800, 1e9)
    assert memory_needed(load, 800, seconds) == pytest.approx(1e9)
    assert seconds_that_fit(load, 400, 1e9) == pytest.approx(2 * seconds)
