"""Distances and intervals use one thread for linear algebra, and leave the setting as it was."""

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from ganbench.metrics import frechet_distance, frechet_interval


def threads():
    return {
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    }


def test_linear_algebra_runs_in_one_thread(monkeypatch):
    inside, svd, eigvalsh = [], np.linalg.svd, np.linalg.eigvalsh

    def watched(*arguments, **options):
        inside.append(threads())
        return svd(*arguments, **options)

    def watched_too(*arguments, **options):
        inside.append(threads())
        return eigvalsh(*arguments, **options)

    with threadpool_limits(2, "blas"):
        before = threads()
        monkeypatch.setattr(np.linalg, "svd", watched)
        monkeypatch.setattr(np.linalg, "eigvalsh", watched_too)
        frechet_distance(np.eye(4), np.ones((5, 4)))
        real = np.random.default_rng(0).standard_normal((9, 3))
        frechet_interval(real, real + 1, np.arange(9), np.zeros(9, np.int64))
        assert threads() == before
    assert len(inside) > 40
    assert all(found == {1} for found in inside)
