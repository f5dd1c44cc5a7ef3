"""Agreement of two judges."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from ganbench.errors import BadInput
from ganbench.metrics.agreement import cohen_kappa, cross_counts

predictions = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=60)


def test_the_example_of_the_textbooks():
    # 50 proposals, two readers: 20 yes-yes, 15 no-no, 5 and 10 apart; p_o = 0.7, p_e = 0.5.
    assert cohen_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


@settings(deadline=None)
@given(predictions)
def test_kappa_is_that_of_scikit_learn(pairs):
    a, b = zip(*pairs, strict=True)
    found = cohen_kappa(cross_counts(a, b))
    if found is None:
        assert len({*a, *b}) == 1
    else:
        assert found == pytest.approx(cohen_kappa_score(a, b))


@given(predictions)
def test_kappa_is_symmetric_and_full_only_for_equal_predictions(pairs):
    a, b = map(np.array, zip(*pairs, strict=True))
    counts = cross_counts(a, b)
    assert counts.sum() == len(pairs)
    assert (cross_counts(b, a) == counts.T).all()
    if (kappa := cohen_kappa(counts)) is not None:
        assert kappa == pytest.approx(cohen_kappa(counts.T))
        assert (kappa == pytest.approx(1)) == bool((a == b).all())


def test_independent_judges_have_none():
    a, b = np.random.default_rng(0).integers(0, 7, (2, 50_000))
    assert cohen_kappa(cross_counts(a, b)) == pytest.approx(0, abs=0.01)


def test_what_kappa_cannot_say():
    assert cohen_kappa(cross_counts([3, 3], [3, 3])) is None
    assert cohen_kappa(cross_counts([], [])) is None


@pytest.mark.parametrize(("a", "b"), [([1, 2], [1]), ([7], [0]), ([-1], [0])])
def test_predictions_that_do_not_fit_are_refused(a, b):
    with pytest.raises(BadInput, match="do not fit"):
        cross_counts(a, b)
