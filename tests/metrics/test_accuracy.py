import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from ganbench.errors import BadInput
from ganbench.metrics import binomial_ends, cells, confusion

triples = st.lists(st.tuples(*[st.integers(0, 6)] * 3), max_size=60)


@given(triples)
def test_confusion_counts_every_edit_once(edits):
    counts = confusion(*([e[i] for e in edits] for i in range(3)))
    expected = np.zeros((7, 7, 7), int)
    for edit in edits:
        expected[edit] += 1
    assert (counts == expected).all()
    right, n = cells(counts)
    assert n.sum() == len(edits)
    assert right.sum() == sum(target == judged for _, target, judged in edits)


def test_confusion_broadcasts_sources_against_targets():
    judged = np.array([[0, 1, 1], [0, 0, 2]])
    counts = confusion(np.array([[2], [0]]), np.arange(3)[None], judged, classes=3)
    assert counts[2].tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert cells(counts)[0].tolist() == [2, 1, 1]


def test_classes_outside_the_range_are_refused():
    with pytest.raises(BadInput, match=r"0\.\.6"):
        confusion([0], [7], [0])


@pytest.mark.parametrize("n", [5, 20, 140])
def test_cells_are_covered_at_every_share(n):
    ends = np.array([binomial_ends(k, n) for k in range(n + 1)])
    shares = np.concatenate([np.linspace(0.0005, 0.9995, 1999), ends.ravel()])[:, None]
    inside = (ends[:, 0] < shares) & (shares < ends[:, 1])
    covered = (binom.pmf(np.arange(n + 1), n, shares) * inside).sum(axis=1)
    # At an end itself, the supremum over shares beside it counts, not the end.
    assert covered[:1999].min() >= (0.93 if n >= 20 else 0.92)


@given(st.integers(1, 500), st.floats(0, 1))
def test_ends_have_the_tails_of_the_definition(n, share):
    hits = round(share * n)
    low, high = binomial_ends(hits, n)
    assert 0 <= low <= hits / n <= high <= 1
    if hits:
        assert binom.sf(hits, n, low) + binom.pmf(hits, n, low) / 2 == pytest.approx(0.02)
    if hits < n:
        assert binom.cdf(hits - 1, n, high) + binom.pmf(hits, n, high) / 2 == pytest.approx(0.02)


def test_a_proportion_needs_a_trial():
    with pytest.raises(BadInput):
        binomial_ends(0, 0)
