"""Action units: positions between true edits, and how they follow what was asked for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.errors import BadInput
from ganbench.metrics import unit_position, unit_response

seeds = st.integers(0, 2**32 - 1)
ASKED = (0.0, 0.4, 0.8)


def test_position_by_hand():
    found = unit_position([1, 1], [[1, 1], [5, 1], [1, 9], [-1, 1]], [0, 1], [4, 1])
    assert found == pytest.approx([0, 1, 0, -0.5])
    assert np.isnan(unit_position([1.0, 1], [2.0, 2], [3.0, 3], [3.0, 3]))


@given(seeds, st.floats(-2, 2))
def test_the_right_answers_are_one_line_apart_wherever_the_input_is(seed, share):
    source, low, high, shift = np.random.default_rng(seed).standard_normal((4, 3, 5))
    apart = unit_position(source, high, low, high) - unit_position(source, low, low, high)
    assert apart == pytest.approx(1)
    assert unit_position(source, source, low, high) == pytest.approx(0)
    went = unit_position(source, source + share * (high - low), low, high)
    assert went == pytest.approx(share)
    moved = unit_position(source + shift, high + shift, low, high)
    assert moved == pytest.approx(unit_position(source, high, low, high))


def test_response_by_hand():
    paths = [[-0.5, 0.1, 0.5], [0.2, 0.2, 0.2], [0.3, 0.2, 0.1], [0, 0.01, 0.1], [0, np.nan, 1]]
    correlation, parallel = unit_response(ASKED, paths)
    assert correlation[:4] == pytest.approx([1, 0, -1, 1])
    assert parallel[:4] == pytest.approx([1, 0, -0.2, 0.1])
    assert np.isnan(correlation[4])


@given(seeds)
def test_correlation_is_blind_to_the_amount_and_parallel_is_the_amount(seed):
    paths = np.random.default_rng(seed).standard_normal((4, 3))
    (correlation, parallel), (same, twice) = unit_response(ASKED, paths), unit_response(ASKED, 2 * paths)  # fmt: skip
    assert (np.abs(correlation) <= 1 + 1e-12).all()
    assert same == pytest.approx(correlation)
    assert twice == pytest.approx(2 * parallel)


@pytest.mark.parametrize("asked", [(0.0, 0.0, 0.8), (0.8, 0.4, 0.0), 0.4])
def test_intensities_must_rise(asked):
    with pytest.raises(BadInput, match="intensities do not increase"):
        unit_response(asked, np.zeros(3))
