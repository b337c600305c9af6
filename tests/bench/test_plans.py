import numpy as np
import pytest

from bench.plans import Kind, Load, in_messages, memory_needed, seconds_that_fit, timetable


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


@pytest.mark.parametrize("load", [Load(), Load(video_rate=0), Load(video_rate=4000), Load(audio_rate=300)])
@pytest.mark.parametrize("most", [1, 4, 64])
def test_every_datagram_is_in_one_message_of_its_burst(load, most):
    plan = timetable(load, 2.0, 3)
    messages = in_messages(plan, most)
    assert messages.first.tolist() == [0, *np.cumsum(messages.sizes)[:-1]]
    assert messages.sizes.sum() == len(plan.kinds)
    assert messages.sizes.max() <= most
    for first, size, burst in zip(messages.first, messages.sizes, messages.bursts, strict=True):
        assert set(plan.bursts[first : first + size].tolist()) == {burst}
        # All of one size, but for a shorter one at the end.
        kinds = plan.kinds[first : first + size].tolist()
        assert size == 1 or (set(kinds[:-1]) == {Kind.VIDEO} and kinds[-1] in (Kind.VIDEO, Kind.AUDIO))


def test_a_burst_is_a_frame_with_its_sound_and_what_cannot_be_cut_alone():
    plan = timetable(Load(rtcp_every=0.02, check_every=0), 1.0, 0)
    messages = in_messages(plan, 64)
    assert set(messages.counts.tolist()) == {2}
    assert set(messages.sizes.tolist()) == {4, 5, 1}


def test_what_the_kernel_took_of_a_burst_is_known_by_datagram():
    plan = timetable(Load(rtcp_every=0.02, check_every=0), 0.06, 0)
    messages = in_messages(plan, 64)
    taken = messages.taken(np.array([2, 1, 0]))
    by_burst = [taken[plan.bursts == burst].tolist() for burst in range(3)]
    assert all(by_burst[0])
    assert by_burst[1] == [True] * (len(by_burst[1]) - 1) + [False]
    assert not any(by_burst[2])
