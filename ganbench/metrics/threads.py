"""The number of threads of linear algebra."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """Context in which linear algebra uses one thread; the former number is restored afterwards.

    The decompositions have a few hundred to a few thousand rows and many small steps, between which
    several threads wait for each other in busy loops. That is slower on two idle cores, and many times
    slower beside other work (``benchmarks/frechet.py``).
    """
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> Any:
    # To find the loaded libraries takes longer than a small decomposition.
    return ThreadpoolController()
