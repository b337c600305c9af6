"""When a worker counts as hung; no clock runs here."""

from sfu.pulse import EVERY, GRACE, PATIENCE, Pulse, grace_after


def hung_at(pulse: Pulse, now: float, *, answers_until: float, last: float) -> float | None:
    """Beat from `now` on. Return when the worker was found hung, or None when it was not by `last`."""
    while now < last:
        now += EVERY
        if now <= answers_until:
            pulse.heard(now - EVERY / 2)
        if pulse.beat(now):
            return now
    return None


def test_one_that_answers_is_never_hung():
    assert hung_at(Pulse(0.0, 0.0), 0.0, answers_until=1000.0, last=1000.0) is None


def test_one_that_stops_answering_is_found_within_two_seconds():
    found = hung_at(Pulse(0.0, 0.0), 0.0, answers_until=20.0, last=100.0)
    assert found is not None
    assert PATIENCE < found - 20.0 + EVERY / 2 <= PATIENCE + EVERY


def test_a_new_one_is_not_judged_before_its_grace_is_over():
    assert hung_at(Pulse(0.0, GRACE), 0.0, answers_until=0.0, last=GRACE + PATIENCE) is None
    assert hung_at(Pulse(0.0, GRACE), 0.0, answers_until=0.0, last=100.0) == GRACE + PATIENCE + EVERY


def test_a_listener_that_stood_still_itself_blames_nobody():
    pulse = Pulse(0.0, 0.0)
    assert hung_at(pulse, 0.0, answers_until=5.0, last=5.0) is None
    assert not pulse.beat(65.0)
    assert hung_at(pulse, 65.0, answers_until=70.0, last=70.0) is None


def test_a_listener_that_is_slow_all_the_time_blames_nobody():
    pulse = Pulse(0.0, 0.0)
    assert not any(pulse.beat(2.0 * EVERY * turn) for turn in range(1, 50))


def test_each_hang_doubles_the_grace_of_the_next_for_an_hour():
    assert grace_after([], 0.0) == GRACE
    assert grace_after([0.0, 30.0], 60.0) == 4 * GRACE
    assert grace_after([0.0, 30.0], 3615.0) == 2 * GRACE
    assert grace_after([0.0] * 100, 1.0) == 64 * GRACE


def test_a_worker_that_always_hangs_is_killed_ever_more_rarely():
    now, hangs = 0.0, []
    while now < 3600.0:
        found = hung_at(Pulse(now, grace_after(hangs, now)), now, answers_until=now, last=now + 3600.0)
        assert found is not None
        now = found
        hangs.append(now)
    assert len(hangs) < 12
