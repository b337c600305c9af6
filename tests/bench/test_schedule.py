from bench.schedule import Schedule


def test_places_are_filled_evenly_during_the_ramp():
    assert Schedule(calls=4, ramp=8, talk=10).starts() == [0, 2, 4, 6]


def test_without_a_duration_every_place_holds_one_call():
    plan = Schedule(calls=2, ramp=4, talk=10)
    assert not plan.goes_on(10)
    assert plan.length == 14


def test_calls_follow_each_other_as_long_as_they_are_over_in_time():
    plan = Schedule(calls=2, ramp=0, talk=10, duration=30)
    assert plan.goes_on(20)
    assert not plan.goes_on(20.5)
    assert plan.length == 30
