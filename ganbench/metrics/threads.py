"""How many threads linear algebra gets."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any

from threadpoolctl import ThreadpoolController


def one_thread() -> AbstractContextManager[Any]:
    """One thread for all linear algebra inside; what was set before returns afterwards.

    Decompositions here are of a few hundred to a few thousand rows. Between their many small steps
    more threads mostly wait for each other, spinning: slower on two cores even when idle, and many
    times slower beside other work (``benchmarks/frechet.py``).
    """
    limit: AbstractContextManager[Any] = _libraries().limit(limits=1, user_api="blas")
    return limit


@cache
def _libraries() -> Any:
    # Kept, since finding the loaded libraries takes longer than a small decomposition.
    return ThreadpoolController()
