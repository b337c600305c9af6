from collections import Counter
from dataclasses import replace

import pytest

from bench.forwarded import Point, SetUp, charts, figures, memory_by_call, notes, tables

POINT = Point(
    calls=50,
    offered=22_000,
    seconds=2.0,
    sent=44_000,
    received=44_000,
    forwarded=46_000,
    duplicates=0,
    bytes=40_000_000,
    cpu=0.23,
    p50=0.2,
    p99=1.0,
    generator_cpu=0.1,
    lateness=0.5,
    generator_bound=False,
    rss=100_000_000,
    dropped={},
)
SET_UPS = [SetUp(0, 0.0, 60_000_000), SetUp(1, 0.001, 70_000_000), SetUp(101, 0.001, 100_000_000)]


def value(found, name):
    return next(figure for figure in found if figure.name == name)


def test_cpu_is_of_packets_that_came_out_and_loss_of_packets_that_went_in():
    assert POINT.cpu_each == pytest.approx(5.0)
    assert POINT.rate == 23_000
    assert replace(POINT, received=41_800).loss == pytest.approx(0.05)


@pytest.mark.parametrize(("changes", "carried"), [({}, True), ({"p99": 20.0}, False), ({"received": 43_900}, False)])
def test_a_load_is_carried_when_both_loss_and_latency_are_small(changes, carried):
    """Big socket buffers hide overload: no loss, with a p99 of 150 ms."""
    assert replace(POINT, **changes).carried is carried


def test_memory_per_call_is_the_slope_without_what_the_first_call_loads():
    assert memory_by_call(SET_UPS) == pytest.approx(300)
    assert memory_by_call(SET_UPS[:2]) == pytest.approx(10_000)


def test_set_up_and_growth_are_held_against_their_bars():
    many = replace(POINT, calls=400, cpu=0.2645)
    found = figures([POINT, many], SET_UPS, None, "")
    assert value(found, "set-up CPU per peer").kept is True
    grown = value(found, "CPU per packet, 400 calls against 50")
    assert (grown.value, grown.kept) == (pytest.approx(1.15), False)


def test_a_server_elsewhere_has_no_cpu_figure_and_no_bars():
    found = figures([replace(POINT, cpu=None, rss=None)], [SetUp(0, 0.0, 0), SetUp(50, float("nan"), 0)], None, "")
    assert value(found, "CPU per forwarded packet").value is None
    assert not [figure for figure in found if figure.bar]


def test_repetitions_are_shown_with_their_spread():
    found = figures([POINT, replace(POINT, cpu=0.46), replace(POINT, cpu=0.276)], SET_UPS, None, "")
    figure = value(found, "CPU per forwarded packet")
    assert (figure.low, figure.value, figure.high) == (pytest.approx(5), pytest.approx(6), pytest.approx(10))


def test_a_late_generator_shortened_runs_and_failed_calls_are_said():
    late = replace(POINT, generator_bound=True, duplicates=3, dropped={"socket buffer": 9})
    said = " ".join(notes([late], Counter({"DTLS failed": 2}), 1.5))
    for words in (
        "generator-bound",
        "3 packets came more than once",
        "2 calls could not be set up: DTLS failed",
        "1.5 s",
    ):
        assert words in said
    (measured, dropped) = tables([late])
    assert measured.rows[0][-1] == "generator-bound"
    assert dropped.rows[0][-1] == 9
    assert [chart.x for chart in charts([POINT, replace(POINT, calls=100)], SET_UPS)] == ["calls"] * 5
    assert charts([POINT], SET_UPS) == []
