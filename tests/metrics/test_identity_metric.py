"""The whitening within persons, and the formulas of identity, on descriptors whose structure is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.covariance import empirical_covariance

from ganbench.errors import BadInput
from ganbench.metrics import cosine_similarity, fit_whitening, found_again, whitened
from ganbench.metrics.identity import RIDGE

D = 6


def population(seed, persons=200, pictures=8):
    """Persons differ in two directions, and each person's pictures in another one, three times as much."""
    random = np.random.default_rng(seed)
    who = np.zeros((persons, 1, D))
    who[..., :2] = random.normal(size=(persons, 1, 2))
    look = 0.05 * random.normal(size=(persons, pictures, D))
    look[..., 2] += 3 * random.normal(size=(persons, pictures))
    return who + look + 7


def test_the_matrix_is_the_inverse_root_of_the_covariance_within_persons():
    d = population(0)
    mean, matrix = fit_whitening(d)
    apart = (d - d.mean(axis=1, keepdims=True)).reshape(-1, D)
    # scikit-learn divides by the number of pictures, not by the degrees of freedom.
    covariance = empirical_covariance(apart, assume_centered=True) * 8 / 7
    covariance += RIDGE * np.trace(covariance) / D * np.eye(D)
    assert matrix @ covariance @ matrix == pytest.approx(np.eye(D), abs=1e-9)
    assert matrix == pytest.approx(matrix.T)
    assert mean == pytest.approx(d.reshape(-1, D).mean(axis=0))


def test_what_a_person_varies_in_counts_less_than_what_persons_differ_in():
    mean, matrix = fit_whitening(population(0))
    others = population(1)
    white = whitened(others, mean, matrix)
    plain = others - others.mean(axis=(0, 1))
    same, different = [], []
    for x in (white, plain):
        same.append(cosine_similarity(x[:, 0], x[:, 1]))
        different.append(cosine_similarity(x[:-1, 0], x[1:, 1]))
    # The share of pairs of one person that are nearer than pairs of two.
    ranks = [(s[:, None] > d).mean() for s, d in zip(same, different, strict=True)]
    assert ranks[0] > 0.75
    assert ranks[0] > ranks[1] + 0.15


@given(st.integers(0, 100), st.floats(0.1, 10))
def test_cosines_do_not_depend_on_the_unit_of_descriptors(seed, factor):
    d = population(seed, persons=12)
    cosines = []
    for scale in (1.0, factor):
        white = whitened(scale * d, *fit_whitening(scale * d))
        cosines.append(cosine_similarity(white[:, 0], white[:, 1]))
    assert cosines[0] == pytest.approx(cosines[1], abs=1e-6)


def test_found_again_means_that_no_other_input_is_nearer():
    inputs = np.eye(4)[:3]
    hidden = inputs + np.array([0, 0, 0, 5])  # the same person behind what all edits share
    edits = np.stack([inputs, np.roll(inputs, 1, axis=0), hidden], axis=1)
    assert found_again(inputs, edits).tolist() == [[True, False, True]] * 3
    # The cosine counts, not the length; an input that is twice there is not lost to its copy.
    assert found_again([[1.0, 0], [1, 0]], [[[9.0, 1]], [[1, 0]]]).all()
    assert not found_again(inputs, np.zeros((3, 2, 4))).any()
    assert found_again(inputs[:1], edits[:1]).all()  # nobody else is there


@pytest.mark.parametrize("shape", [(10, 4), (1, 7, D), (7, 1, D)])
def test_a_whitening_needs_persons_and_pictures(shape):
    with pytest.raises(BadInput, match=r"\[P, k, D\]"):
        fit_whitening(np.ones(shape))
