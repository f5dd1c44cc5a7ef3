import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from ganbench.errors import BadInput
from ganbench.metrics import cells, confusion, wilson

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


@given(st.integers(1, 500), st.floats(0, 1))
def test_wilson_equals_scipy(n, share):
    successes = round(share * n)
    oracle = binomtest(successes, n).proportion_ci(method="wilson")
    low, high = wilson(successes, n)
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=1e-12)
    assert 0 <= low <= successes / n <= high <= 1


def test_wilson_needs_a_trial():
    with pytest.raises(BadInput):
        wilson(0, 0)
