"""Distances and intervals use one thread for linear algebra, and leave the setting as it was."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from ganbench.metrics import frechet_distance, jackknife


def threads():
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_linear_algebra_runs_in_one_thread(monkeypatch):
    inside, svd = [], np.linalg.svd

    def statistic(keep):
        inside.append(threads())
        return float(keep.sum())

    def watched(*arguments, **options):
        inside.append(threads())
        return svd(*arguments, **options)

    with threadpool_limits(2, "blas"):
        before = threads()
        jackknife(statistic, groups=4)
        monkeypatch.setattr(np.linalg, "svd", watched)
        frechet_distance(np.eye(4), np.ones((5, 4)))
        assert threads() == before
    assert len(inside) > 1
    assert all(found == {1} for found in inside)
