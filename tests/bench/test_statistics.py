import math

import numpy as np
import pytest

from bench.statistics import distribution, loss, percentile, ratios, slope, spread, unwrap


def test_percentiles_of_known_samples():
    sample = list(range(101))
    assert percentile(sample, 99) == 99
    found = distribution(sample)
    assert (found.count, found.p50, found.p90, found.p99, found.maximum, found.mean) == (101, 50, 90, 99, 100, 50)


def test_an_empty_sample_has_no_figures_rather_than_zeros():
    assert math.isnan(percentile([], 50))
    assert distribution([]).count == 0
    assert math.isnan(distribution([]).p99)
    assert math.isnan(spread([]).median)


@pytest.mark.parametrize(("sent", "received", "lost"), [(1000, 950, 0.05), (10, 10, 0.0), (0, 0, 0.0), (10, 12, 0.0)])
def test_loss(sent, received, lost):
    assert loss(sent, received) == pytest.approx(lost)


def test_a_slope_is_found_through_noise_and_refused_for_a_single_point():
    xs = np.arange(100)
    noise = np.resize([-1.0, 1.0], 100)
    assert slope(xs, 3 * xs + 7 + noise) == pytest.approx(3, abs=0.01)
    assert math.isnan(slope([1], [2]))
    assert math.isnan(slope([1, 1], [2, 3]))


def test_ratios_are_taken_pair_by_pair():
    """A machine that was twice as slow for one pair does not change the ratio."""
    found = ratios([1.0, 2.0, 1.1], [2.0, 4.0, 2.0])
    assert (found.low, found.median, found.high) == (0.5, 0.5, pytest.approx(0.55))
    with pytest.raises(ValueError, match="zip"):
        ratios([1.0], [])


def test_sequence_numbers_are_unwrapped_through_reordering_and_the_end_of_16_bits():
    numbers = np.array([65534, 0, 65535, 1, 3, 2], np.uint16)
    assert unwrap(numbers, 65533).tolist() == [65534, 65536, 65535, 65537, 65539, 65538]
    assert unwrap(np.array([5], np.uint16), 7 + 65536).tolist() == [65541]
    assert len(unwrap(np.array([], np.uint16), 1)) == 0
