"""A second process that draws while this one does: figures hold the interpreter's lock, so that threads gain nothing."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from ganbench.devices import cores
from ganbench.report.pictures import encoders

Result = TypeVar("Result")
P = ParamSpec("P")


class Here:
    """Calls functions in this process, when their results are asked for."""

    def __call__(
        self, function: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Callable[[], Result]:
        """A function that returns what a function returns for some arguments."""
        return lambda: function(*arguments, **named)


class Beside(Here):
    """Calls functions in another process, one after the other, and at once; their arguments are copied to it."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self.pool = pool

    def __call__(
        self, function: Callable[P, Result], *arguments: P.args, **named: P.kwargs
    ) -> Callable[[], Result]:
        def result() -> Result:
            try:
                return future.result()
            except BrokenProcessPool:  # it was killed, perhaps for want of memory
                return function(*arguments, **named)

        try:
            future = self.pool.submit(function, *arguments, **named)
        except BrokenProcessPool:
            return super().__call__(function, *arguments, **named)
        return result


@contextmanager
def beside() -> Iterator[Here]:
    """A process beside this one for a block, or this process on one core and where processes do not fork.

    A process that does not fork would import the caller's script once more, and take longer to begin than to draw.
    """
    forks = sys.platform == "linux" and "fork" in multiprocessing.get_all_start_methods()
    if not forks or cores() < 2:
        yield Here()
        return
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside threads. The child only draws.
        warnings.simplefilter("ignore", DeprecationWarning)
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(1, context, initializer=_begin) as pool:
            yield Beside(pool)


def _begin() -> None:
    """Prepare the process: Ctrl-C is the parent's, and the parent's threads do not exist here."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    encoders.cache_clear()
