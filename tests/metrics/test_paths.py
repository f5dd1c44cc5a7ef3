"""Intensity and smoothness: what happens along a path of codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats, integers
from scipy.stats import spearmanr

from ganbench.errors import BadInput
from ganbench.metrics import intensity_response, path_smoothness, softmax

RHO = np.linspace(0, 1, 6)


@given(arrays(np.float64, (2, 6), elements=integers(0, 4).map(float)))
def test_intensity_equals_scipy_also_with_ties(probabilities):
    for found, path in zip(intensity_response(RHO, probabilities), probabilities, strict=True):
        expected = 0 if np.ptp(path) == 0 else spearmanr(RHO, path).statistic
        assert found == pytest.approx(expected)


def test_intensity_knows_only_the_order():
    p = np.array([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])
    assert intensity_response(RHO, [p, p**3, p[::-1], np.full(6, 0.3)]) == pytest.approx(
        [1, 1, -1, 0]
    )
    shuffled = np.random.default_rng(0).permutation(6)
    assert intensity_response(RHO[shuffled], p[shuffled]) == pytest.approx(1)


@pytest.mark.parametrize("rho", [RHO[:5], np.zeros(6), RHO[None]])
def test_intensities_must_fit(rho):
    with pytest.raises(BadInput, match="do not fit"):
        intensity_response(rho, np.zeros((2, 6)))


def test_smoothness_by_hand():
    even = np.stack([1 - RHO, RHO], axis=-1)
    jump = np.stack([RHO < 0.5, RHO >= 0.5], axis=-1)
    found = path_smoothness([even, jump, np.full((6, 2), 0.5)])
    assert found[:2] == pytest.approx([1, 5])
    assert np.isnan(found[2])


@given(arrays(np.float64, (3, 5, 4), elements=floats(-5, 5)))
def test_smoothness_lies_between_even_and_one_jump_in_either_direction(logits):
    p = softmax(logits)
    found = path_smoothness(p)
    moved = ~np.isnan(found)
    assert (found[moved] >= 1 - 1e-12).all()
    assert (found[moved] <= 4 + 1e-12).all()
    assert path_smoothness(p[:, ::-1]) == pytest.approx(found, nan_ok=True)


def test_a_point_is_no_path():
    with pytest.raises(BadInput, match="two points"):
        path_smoothness(np.zeros((1, 7)))
