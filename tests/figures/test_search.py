"""Searches of hand-made planes, whose right answers are known or can be found by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ganbench.figures.search import SLACK, equivalent_codes, even_mixtures, lattice


def gaussians(means, variances):
    """p_z of Gaussians [k, 2] with axis-parallel variances [k, 2]: softmax of -d^2."""

    def p(codes):
        d2 = ((codes[:, None] - means) ** 2 / variances).sum(-1)
        e = np.exp(d2.min(1, keepdims=True) - d2)
        return e / e.sum(1, keepdims=True)

    return p


@st.composite
def planes(draw):
    """Seven Gaussians well inside the square, of different shapes."""
    random = np.random.default_rng(draw(st.integers(0, 10**6)))
    angle = random.uniform(0, 2 * np.pi) + np.arange(6) * np.pi / 3
    ring = random.uniform(0.4, 0.8) * np.stack([np.cos(angle), np.sin(angle)], 1)
    means = np.concatenate([np.zeros((1, 2)), ring + random.uniform(-0.1, 0.1, (6, 2))])
    return gaussians(means, random.uniform(0.05, 0.4, (7, 2)))


def test_a_lattice_divides_the_square_evenly():
    codes = lattice(3)
    expected = np.array([[-2, -2], [0, -2], [2, -2], [-2, 0]]) / 3
    assert codes[:4] == pytest.approx(expected)
    assert abs(lattice(50)).max() < 1


@settings(max_examples=15, deadline=None)
@given(planes())
def test_mixtures_are_even_and_of_distinct_pairs_and_no_code_is_much_clearer(p):
    codes = even_mixtures(p, 6, side=41)
    assert codes.shape == (6, 2)
    assert (abs(codes) <= 1).all()
    mixed = p(codes)
    pairs = np.argsort(-mixed, axis=1)[:, :2]
    assert len({frozenset(pair) for pair in pairs.tolist()}) == 6
    first, second = np.take_along_axis(mixed, pairs, 1).T
    assert (first - second < 1e-6).all()
    joint = first + second
    assert joint.tolist() == sorted(joint, reverse=True)
    random = np.random.default_rng(0)
    others = p(random.uniform(-1, 1, (20000, 2)))
    a, b = pairs[0]
    rest = np.delete(others, [a, b], axis=1).max(1)
    even = (abs(others[:, a] - others[:, b]) < 1e-3) & (others[:, [a, b]].min(1) > rest)
    assert others[even][:, [a, b]].sum(1).max(initial=0) <= joint[0] + SLACK + 0.01


def test_a_mixture_lies_no_farther_out_than_clarity_needs():
    # A third emotion blurs the centre; from some way out on, the pair is clear up to the rim.
    means = np.array([[-0.6, 0.0], [0.6, 0.0], [0.0, -0.6]])
    p = gaussians(means, np.full((3, 2), 0.1))
    code = next(code for code in even_mixtures(p, 6) if p(code[None])[0].argmin() == 2)
    assert code[0] == pytest.approx(0)
    assert 0 < code[1] < 0.7
    assert p(code[None])[0, :2].sum() >= 0.94


def test_two_emotions_meet_half_way():
    means = np.array([[-0.5, 0.0], [0.5, 0.0]])
    (only,) = even_mixtures(gaussians(means, np.full((2, 2), 0.3)), 6)
    assert only[0] == pytest.approx(0, abs=1e-9)


def test_a_pair_that_is_nowhere_even_is_left_out():
    # 1 reaches 0 on the right; 2 is second on the left, but never reaches 0.
    def p(codes):
        x = codes[:, 0]
        e = np.exp(np.stack([np.zeros_like(x), 8 * x - 4, -2 - x], 1))
        return e / e.sum(1, keepdims=True)

    (only,) = even_mixtures(p, 6)
    assert only[0] == pytest.approx(0.5)


@settings(max_examples=20, deadline=None)
@given(planes(), st.floats(0.005, 0.3))
def test_equivalent_codes_keep_the_tolerance_and_lie_as_far_apart_as_possible(p, tolerance):
    codes = lattice(17)
    distributions = p(codes)
    rows = equivalent_codes(codes, distributions, tolerance, 4)
    between = abs(distributions[:, None] - distributions[None]).sum(-1) / 2
    distance = np.linalg.norm(codes[:, None] - codes[None], axis=-1)
    farthest = distance[between <= tolerance].max()
    if farthest == 0:
        assert len(rows) < 2
        return
    assert 2 <= len(rows) <= 4
    assert between[np.ix_(rows, rows)].max() <= tolerance
    assert distance[np.ix_(rows, rows)].max() == pytest.approx(farthest)


def test_codes_of_equal_meaning_are_found_from_end_to_end():
    # Equal variances on one axis: p_z does not depend on y.
    means = np.array([[-0.5, 0.0], [0.5, 0.0]])
    codes = lattice(11)
    rows = equivalent_codes(codes, gaussians(means, np.full((2, 2), 0.05))(codes), 1e-9, 3)
    assert len(rows) == 3
    assert np.ptp(codes[rows][:, 1]) == pytest.approx(20 / 11)


def test_codes_without_an_equivalent_are_not_found():
    codes = lattice(5)
    p = np.eye(25)
    assert len(equivalent_codes(codes, p, 0.5, 4)) < 2
