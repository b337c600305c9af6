"""The search for the most a server carries, with measurements in place of a server and a generator."""

from collections.abc import Callable

from bench.contest import Bout, Trial, full_cpu
from bench.io.bout import Plan, _Measuring
from bench.plans import Load

LOAD = Load()


def plan(start: float = 2.0) -> Plan:
    return Plan(calls=1, seconds=1.0, load=LOAD, most_lost=0.001, longest_p99=20.0, start=start, growth=1.5, number=1)


def measuring(outcome: Callable[[float], Trial]) -> _Measuring:
    found = _Measuring(None, None, plan(), lambda: False)

    async def trial(factor: float) -> Trial:
        return outcome(factor)

    found.trial = trial
    return found


def at(factor: float, *, lost: float = 0.0, p99: float = 3.0, generator_bound: bool = False) -> Trial:
    """A packet costs 10 µs, and less the higher the load: 10 / factor."""
    packets = int(100_000 * factor)
    received = packets - int(packets * lost)
    cpu = received * 10e-6 / factor
    return Trial(packets, packets, received, received, 1.0, 1.0, p99, cpu, 0.1, generator_bound)


async def test_the_cpu_near_saturation_is_that_of_the_highest_load_that_passes():
    for too_much in ({"lost": 0.002}, {"p99": 21.0}):
        best, capped = await measuring(lambda f, too_much=too_much: at(f, **(too_much if f > 5 else {}))).search()
        assert not capped
        factor = best.offered / 100_000
        assert 4.7 < factor <= 5
        assert abs(full_cpu(Bout("x", 1, 1.0, 1.0, best, best)) - 10 / factor) < 0.01


async def test_where_the_generator_was_late_first_it_is_said_and_the_late_load_is_not_taken():
    best, capped = await measuring(lambda f: at(f, generator_bound=f > 5)).search()
    assert "generator" in capped
    assert best.offered <= 500_000


async def test_a_server_that_ends_below_the_generator_is_driven_to_its_end():
    best, capped = await measuring(lambda f: at(f, lost=0.5 if f > 4 else 0.0, generator_bound=f > 5)).search()
    assert not capped
    assert best.offered <= 400_000


async def test_a_load_that_just_missed_is_tried_once_more():
    tries: list[float] = []

    def outcome(factor: float) -> Trial:
        tries.append(factor)
        return at(factor, lost=0.5 if factor > 4 or tries.count(factor) == 1 else 0.0)

    best, _ = await measuring(outcome).search()
    assert best.offered > 350_000
    assert max(map(tries.count, tries)) == 2


async def test_a_generator_that_was_late_by_accident_does_not_end_the_search():
    tries: list[float] = []

    def outcome(factor: float) -> Trial:
        tries.append(factor)
        return at(factor, lost=0.5 if factor > 4 else 0.0, generator_bound=tries.count(factor) < 3)

    best, capped = await measuring(outcome).search()
    assert not capped
    assert 380_000 < best.offered <= 400_000
