import numpy as np
import pytest

from bench.trend import trend


def test_growth_is_found_in_noise():
    hours = np.arange(200) / 100
    noise = np.random.default_rng(1).normal(0, 1, 200)
    found = trend(hours, 100 + 3 * hours + noise)
    assert abs(found.slope - 3) < 3 * found.error
    assert found.grows


def test_noise_alone_is_no_growth():
    noise = np.random.default_rng(2).normal(0, 1, 200)
    assert not trend(np.arange(200), noise).grows


def test_the_standard_error_is_that_of_the_textbook():
    found = trend([0, 1, 2, 3], [0, 1, 1, 2])
    assert found.slope == pytest.approx(0.6)
    assert found.error == pytest.approx(0.1414, abs=1e-4)


def test_what_stays_the_same_does_not_grow():
    assert trend([1, 2, 3], [31, 31, 31]).slope == 0


def test_two_points_say_nothing():
    found = trend([0, 1], [0, 1])
    assert np.isnan(found.slope)
    assert not found.grows
