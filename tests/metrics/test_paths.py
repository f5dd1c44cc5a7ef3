"""Intensity, CLS and smoothness: what happens along a path of codes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from hypothesis.strategies import floats, integers
from scipy.stats import pearsonr, spearmanr

from ganbench.errors import BadInput
from ganbench.metrics import control_linearity, intensity_response, path_smoothness, softmax

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


@given(arrays(np.float64, (2, 6), elements=integers(0, 4).map(float)))
def test_linearity_equals_scipy_and_lies_in_its_bounds(measured):
    for found, path in zip(control_linearity(RHO, measured), measured, strict=True):
        expected = 0 if np.ptp(path) == 0 else pearsonr(RHO, path).statistic
        assert found == pytest.approx(expected, abs=1e-12)
        assert -1 <= found <= 1


@given(floats(0.01, 100), floats(-10, 10))
def test_linearity_is_one_for_any_even_response_and_blind_to_its_unit(scale, shift):
    curve = np.array([0.0, 0.1, 0.2, 0.5, 0.9, 1.0])
    assert control_linearity(RHO, scale * RHO + shift) == pytest.approx(1)
    assert control_linearity(RHO, scale * curve + shift) == pytest.approx(
        control_linearity(RHO, curve)
    )
    assert control_linearity(RHO, -curve) == pytest.approx(-control_linearity(RHO, curve))


def test_a_lazy_editor_has_no_linearity_and_a_jump_less_than_a_line():
    jump = (RHO > 0.5).astype(float)
    found = control_linearity(RHO, [np.full(6, 0.1), jump, RHO, np.full(6, np.nan)])
    assert found[0] == 0
    assert 0.8 < found[1] < 0.9 < found[2] == pytest.approx(1)
    assert np.isnan(found[3])
    # The order alone is not enough, as it is for the rank correlation.
    assert control_linearity(RHO, RHO**4) < 0.9 < intensity_response(RHO, RHO**4)


@pytest.mark.parametrize("rho", [RHO[:5], np.zeros(6), RHO[None]])
def test_intensities_of_a_linearity_must_fit(rho):
    with pytest.raises(BadInput, match="do not fit"):
        control_linearity(rho, np.zeros((2, 6)))


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
