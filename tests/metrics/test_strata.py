import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.metrics import strata_of, variance_counted
from ganbench.metrics.halves import splits
from ganbench.metrics.strata import assign_groups, assign_halves, joined


def test_classes_are_strata_where_the_protocol_fixes_their_numbers():
    labels = np.arange(143) % 7
    strata = strata_of(labels)
    assert len(set(zip(labels, strata, strict=True))) == 7
    assert variance_counted(strata) == "within classes"
    # Two images more of one class than of another: the numbers are those of the data.
    random = strata_of(np.append(labels, [2, 2]))
    assert set(random) == {0}
    assert variance_counted(random) == "over images"
    assert len(strata_of(np.zeros(0, np.int64))) == 0


def test_small_strata_are_joined():
    strata = joined(np.array([0] * 20 + [1, 1, 2] + [3] * 9))
    assert sorted(np.bincount(strata)) == [3, 9, 20]
    assert set(strata_of(np.arange(7))) == {0, 1}  # seven classes of one image
    assert set(joined(np.array([4, 9]))) == {0}


@given(st.integers(1, 300), st.integers(1, 9), st.integers(1, 40))
def test_groups_are_equal_and_so_are_the_classes_in_them(images, classes, groups):
    strata = np.random.default_rng(images).integers(0, classes, images)
    found = assign_groups(strata, groups)
    sizes = np.bincount(found)
    assert len(sizes) == min(groups, images)
    assert sizes.max() - sizes.min() <= 1
    for c in range(classes):
        of_class = np.bincount(found[strata == c], minlength=len(sizes))
        assert of_class.max() - of_class.min() <= 1
    assert (found == assign_groups(strata, groups)).all()


@pytest.mark.parametrize("n", [140, 700])
def test_halves_have_as_many_images_of_each_class(n):
    strata = np.arange(n) % 7
    groups = assign_halves(strata, 64)
    for first, second in zip(*splits(64).halves, strict=True):
        for c in range(7):
            of_class = groups[strata == c]
            assert abs(int(first[of_class].sum()) - int(second[of_class].sum())) <= 2 * (n % 28 > 0)


def test_the_variance_from_halves_is_that_within_fours_of_a_class():
    strata = np.arange(280) % 7
    groups = assign_halves(strata, 64)
    x = np.random.default_rng(0).standard_normal(280) + 9 * strata
    gaps = [
        x[a[groups]].mean() - x[b[groups]].mean() for a, b in zip(*splits(64).halves, strict=True)
    ]
    within = np.mean([x[strata == c].var(ddof=1) for c in range(7)]) / 280
    assert np.mean(np.square(gaps)) / 4 == pytest.approx(within, rel=0.5)
    assert np.mean(np.square(gaps)) / 4 < 0.1 * x.var() / 280
