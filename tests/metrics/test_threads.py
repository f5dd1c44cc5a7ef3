"""Linear algebra gets one thread where it asks for it, and what it had before afterwards."""

from __future__ import annotations

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ganbench.metrics import frechet_distance, jackknife
from ganbench.metrics.threads import one_thread


def threads() -> set[int]:
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_one_thread_inside_and_the_old_number_after() -> None:
    with threadpool_limits(2, "blas"):
        before = threads()
        with one_thread():
            assert threads() == {1}
        assert threads() == before


def test_the_old_number_comes_back_after_an_error() -> None:
    with threadpool_limits(2, "blas"):
        before = threads()
        with pytest.raises(ZeroDivisionError), one_thread():
            raise ZeroDivisionError
        assert threads() == before


def test_intervals_and_distances_run_in_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def statistic(keep: np.ndarray) -> float:
        seen.append(threads())
        return float(keep.sum())

    svd = np.linalg.svd

    def watched(*arguments: object, **options: object) -> object:
        seen.append(threads())
        return svd(*arguments, **options)

    with threadpool_limits(2, "blas"):
        jackknife(statistic)
        monkeypatch.setattr(np.linalg, "svd", watched)
        frechet_distance(np.eye(4), np.ones((5, 4)))
    assert len(seen) == 1 + 20 + 190 + 1
    assert all(found == {1} for found in seen)
